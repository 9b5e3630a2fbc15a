"""The sheet shows windows with rings where their labels are."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from ball_videos import ball_path, ball_picture

from ttcli.errors import InputError, OutputError, SettingError
from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.training_set.contact_sheet import CUT, HEADING, MARK, ROWS, TILE, check_contact_sheet, write_contact_sheet
from ttcli.training_set.folder import complete_clip, write_clip_file
from ttcli.training_set.frame_store import FrameWriter
from ttcli.training_set.window_rows import StoredWindow, write_windows

HEIGHT, WIDTH = 96, 128
WINDOW_SIZE = 5


def add_clip(data: Path, labels: list[BallLabel | None], windows: list[int], scale: int = 1) -> None:
    """Add a clip of balls drawn at their labels, the source `scale` times as large."""
    with complete_clip(data, f"a{scale}") as folder:
        with FrameWriter(folder) as writer:
            for frame, label in enumerate(labels):
                place = ((label.x + 0.5) / scale - 0.5, (label.y + 0.5) / scale - 0.5) if label and label.visible else None
                writer.append(frame, ball_picture(HEIGHT, WIDTH, place), label)
        write_windows(folder, (StoredWindow(first, 1, "training", "net") for first in windows))
        sizes = {"source_height": HEIGHT * scale, "source_width": WIDTH * scale, "height": HEIGHT, "width": WIDTH}
        write_clip_file(folder, {**sizes, "window_size": WINDOW_SIZE})


def balls(count: int, scale: int = 1) -> list[BallLabel]:
    return [BallLabel(True, x, y) for x, y in ball_path(count, HEIGHT * scale, WIDTH * scale)]


def tiles(path: Path) -> np.ndarray:
    """Return the tiles of a sheet, (rows, columns, TILE, TILE, 3) RGB."""
    sheet = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    rows, columns = sheet.shape[0] // (TILE + HEADING), sheet.shape[1] // TILE
    assert sheet.shape == (rows * (TILE + HEADING), columns * TILE, 3)
    return sheet.reshape(rows, TILE + HEADING, columns, TILE, 3)[:, HEADING:].transpose(0, 2, 1, 3, 4)


def is_green(tile: np.ndarray) -> np.ndarray:
    red, green, blue = (tile[..., channel].astype(int) for channel in range(3))
    return (green > 150) & (red < 130) & (blue < 130)


@pytest.mark.parametrize("scale", [1, 4])
def test_rings_are_around_the_balls(tmp_path: Path, scale: int) -> None:
    add_clip(tmp_path, balls(9, scale), [0, 2, 4], scale)
    assert write_contact_sheet(tmp_path / "sheet.jpg", tmp_path) == 3
    assert (tmp_path / "sheet.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    shown = tiles(tmp_path / "sheet.jpg")
    assert shown.shape[:2] == (3, WINDOW_SIZE)
    for tile in shown.reshape(-1, TILE, TILE, 3):
        ring, ball = np.argwhere(is_green(tile)), np.argwhere(tile.min(2) > 200)
        if not len(ring) or not len(ball):
            continue  # beside what the row shows
        if ring.min() > 2 and ring.max() < TILE - 3:
            assert np.abs((ring.min(0) + ring.max(0)) / 2 - (ball.min(0) + ball.max(0)) / 2).max() < TILE / CUT
    middles = shown[:, WINDOW_SIZE // 2]
    assert all(is_green(tile).sum() > 30 for tile in middles)


def test_a_shift_by_one_frame_is_seen(tmp_path: Path) -> None:
    """The ring is drawn at the label, not at what is bright."""
    labels = balls(6)
    with complete_clip(tmp_path, "a") as folder:
        with FrameWriter(folder) as writer:
            for frame in range(5):
                place = (labels[frame + 1].x, labels[frame + 1].y)
                writer.append(frame, ball_picture(HEIGHT, WIDTH, place), labels[frame])
        write_windows(folder, [StoredWindow(0, 1, "training", "net")])
        sizes = {"source_height": HEIGHT, "source_width": WIDTH, "height": HEIGHT, "width": WIDTH}
        write_clip_file(folder, {**sizes, "window_size": WINDOW_SIZE})
    write_contact_sheet(tmp_path / "sheet.jpg", tmp_path)
    tile = tiles(tmp_path / "sheet.jpg")[0, 2]
    ring, ball = np.argwhere(is_green(tile)).mean(0), np.argwhere(tile.min(2) > 200).mean(0)
    expected = np.array([labels[3].y - labels[2].y, labels[3].x - labels[2].x]) * TILE / CUT
    assert ball - ring == pytest.approx(expected, abs=5)


def test_unknown_and_not_visible_are_marked(tmp_path: Path) -> None:
    add_clip(tmp_path, [None, NOT_VISIBLE, *balls(3)], [0])
    write_contact_sheet(tmp_path / "sheet.jpg", tmp_path)
    unknown, absent, seen = tiles(tmp_path / "sheet.jpg")[0, [0, 1, 3]]
    corner = np.s_[MARK[1] - 8 : MARK[1] + 8, MARK[0] - 8 : MARK[0] + 8]
    cross, dash = (tile[corner].min(2) > 140 for tile in (unknown, absent))
    assert np.ptp(np.argwhere(cross), axis=0).min() > 5  # in both directions
    assert np.ptp(np.argwhere(dash), axis=0)[0] <= 2 < np.ptp(np.argwhere(dash), axis=0)[1]
    assert not is_green(unknown).any() and not is_green(absent).any() and is_green(seen).any()


def test_windows_are_chosen_by_the_seed_and_no_more_than_fit(tmp_path: Path) -> None:
    add_clip(tmp_path, balls(60), list(range(50)))
    for name, seed in (("a.jpg", 1), ("b.jpg", 1), ("c.jpg", 2)):
        assert write_contact_sheet(tmp_path / name, tmp_path, seed) == ROWS
    contents = [(tmp_path / name).read_bytes() for name in ("a.jpg", "b.jpg", "c.jpg")]
    assert contents[0] == contents[1] != contents[2]


def test_clips_of_several_sizes_fit_on_a_sheet(tmp_path: Path) -> None:
    add_clip(tmp_path, balls(5), [0])
    add_clip(tmp_path, balls(5, 2), [0], scale=2)
    with complete_clip(tmp_path, "tiny") as folder:
        with FrameWriter(folder) as writer:
            for frame in range(3):
                writer.append(frame, ball_picture(20, 30, (10.0, 10.0)), BallLabel(True, 10.0, 10.0))
        write_windows(folder, [StoredWindow(0, 1, "test", "far")])
        write_clip_file(folder, {"source_height": 20, "source_width": 30, "height": 20, "width": 30, "window_size": 3})
    assert write_contact_sheet(tmp_path / "sheet.jpg", tmp_path) == 3
    assert tiles(tmp_path / "sheet.jpg").shape[:2] == (3, WINDOW_SIZE)


def test_a_set_without_windows_is_one_line(tmp_path: Path) -> None:
    for data in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match=f"{data}: holds no windows; give a folder that `ttcli extract` wrote"):
            write_contact_sheet(tmp_path / "sheet.jpg", data)
    assert not (tmp_path / "sheet.jpg").exists()


def test_what_no_sheet_can_be_is_said_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "there.jpg").write_bytes(b"mine")
    with pytest.raises(SettingError, match="--contact-sheet: has nothing to show after --dry-run"):
        check_contact_sheet(tmp_path / "sheet.jpg", dry_run=True)
    with pytest.raises(SettingError, match="sheet.png is not the name of a JPEG; let it end in .jpg"):
        check_contact_sheet(tmp_path / "sheet.png", dry_run=False)
    with pytest.raises(OutputError, match="does not exist"):
        check_contact_sheet(tmp_path / "absent" / "a.jpg", dry_run=False)
    check_contact_sheet(tmp_path / "there.jpg", dry_run=False)  # drawn anew each time
