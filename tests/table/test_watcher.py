"""The table while frames pass: how often it is looked at, how it is carried along, and when it is another one."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from drawn_tables import HEIGHT, SURE, WIDTH, corners_off, hall, maps_of, painted
from scenes import seeded, true_cameras

from ttcli.errors import CheckpointError
from ttcli.networks.table_finder import KINDS, TOP, TableFinder
from ttcli.simulation.backdrop import paint_backdrop
from ttcli.simulation.drawing import draw_scenes
from ttcli.simulation.scene import build_scenes
from ttcli.table.camera import TableCamera
from ttcli.table.candidates import Candidate, lies_on
from ttcli.table.evidence import WHOLE, Region, region_of, tables_apart
from ttcli.table.fit import no_table
from ttcli.table.looking import TableLooker
from ttcli.table.profiles import piece
from ttcli.table.settling import stays
from ttcli.table.sightings import Sighting, rather_over, verdict
from ttcli.table.stretches import Stretch
from ttcli.table.views import CORNERS_SHARE, NoTable, TableView
from ttcli.table.watcher import CARRIED_AWAY, CHECK_SECONDS, KNOWN, LOOK_SECONDS, LOOKS, TableWatcher
from ttcli.table.weights import load_table_finder, save_table_finder
from ttcli.video.reader import Frame

RATE = 25
NOTHING = np.zeros((KINDS, 72, 128), np.float32)


class PerfectLooks:
    """A stand-in for the network that knows which camera, or which maps, belong to a picture by its first pixel."""

    def __init__(self, seen):
        self.seen, self.asked, self.pictures = seen, 0, []

    def heat(self, picture, region):
        self.asked += 1
        self.pictures.append(picture)
        seen = self.seen[int(picture[0, 0, 0]) + 256 * int(picture[0, 0, 1])]
        return maps_of(seen, region=region) if isinstance(seen, TableCamera) else seen


def video(seen, pictures, cuts=()):
    """Return frames whose first pixel numbers them."""
    frames = []
    for number in range(len(seen)):
        picture = pictures[number].copy()
        picture[0, 0, :2] = number % 256, number // 256
        frames.append(Frame(number, number / RATE, picture, shot=sum(number / RATE >= cut for cut in cuts)))
    return frames


def watch(seen, monkeypatch, pictures, cuts=()):
    looks = PerfectLooks(seen)
    monkeypatch.setattr("ttcli.table.watcher.TableLooker", lambda height, width, weights: looks)
    watcher = TableWatcher(HEIGHT, WIDTH)
    assert sum(1 for _ in watcher.noting(video(seen, pictures, cuts))) == len(seen)
    return watcher, looks


SIDE, OTHER = true_cameras(2, seed=3)[1], true_cameras(2, seed=3)[4]
ONE_HALL, OTHER_HALL = (cv2.resize(hall(seed), (512, 288)) for seed in (0, 1))
STILL = [ONE_HALL] * 400


def test_a_table_that_stays_is_looked_at_seldom(monkeypatch):
    watcher, looks = watch([SIDE] * 12 * RATE, monkeypatch, STILL)
    assert looks.asked == pytest.approx(1 + LOOKS + (12 - LOOKS * LOOK_SECONDS) / CHECK_SECONDS, abs=3)
    [view] = watcher.views()
    assert view.start_seconds == 0 and view.end_seconds == pytest.approx(299 / RATE)
    assert corners_off(view.camera, SIDE) < 5 and view.moves == () and view.source == "found"
    assert watcher(6.0) is not None and watcher(20.0) is None


def test_somebody_who_stands_before_a_table_for_a_while_does_not_end_it(monkeypatch):
    watcher, _ = watch([SIDE] * 8 * RATE + [NOTHING] * 3 * RATE + [SIDE] * 4 * RATE, monkeypatch, STILL)
    [view] = watcher.views()
    assert isinstance(view, TableView) and view.end_seconds == pytest.approx(15 - 1 / RATE)


@pytest.mark.parametrize("larger", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_larger_picture_is_looked_at_where_there_is_one(monkeypatch, larger):
    looks = PerfectLooks([SIDE] * 50)
    monkeypatch.setattr("ttcli.table.watcher.TableLooker", lambda height, width, weights: looks)
    frames = [frame._replace(large=np.repeat(np.repeat(frame.picture, 2, 0), 2, 1)) if larger else frame
              for frame in video([SIDE] * 50, STILL)]  # fmt: skip
    list(TableWatcher(HEIGHT, WIDTH).noting(frames))
    assert {picture.shape[1] for picture in looks.pictures} == {1024 if larger else 512}


def test_a_table_is_carried_along_while_the_camera_turns(monkeypatch):
    motions = [np.eye(3)] * 25 + [np.array([[1, 0, -9.0 * turn], [0, 1, 2.0 * turn], [0, 0, 1]]) for turn in range(35)]
    seen = [SIDE.carried(motion) for motion in motions]
    small = np.diag([512 / WIDTH, 288 / HEIGHT, 1])
    pictures = [cv2.warpAffine(ONE_HALL, (small @ motion @ np.linalg.inv(small))[:2], (512, 288)) for motion in motions]
    watcher, _ = watch(seen, monkeypatch, pictures)
    [view] = watcher.views()
    assert len(view.moves) > 1
    off = [corners_off(view.at(number / RATE), seen[number]) for number in range(0, len(seen), 7)]
    assert max(off) < 4 and np.median(off) < 1


@pytest.mark.parametrize("turn", [0.004, 0.001])
def test_a_table_that_a_crane_takes_the_camera_around_is_told_only_while_it_is_seen(turn, monkeypatch):
    """Nobody can carry a table along by a turn of the camera where the camera goes elsewhere: then it ends."""
    turns = [cv2.Rodrigues(np.array([0, 0, turn * max(0, number - 30)]))[0] for number in range(110)]
    seen = [replace(SIDE, position=around @ SIDE.position, rotation=SIDE.rotation @ around.T) for around in turns]
    small = np.diag([512 / WIDTH, 288 / HEIGHT, 1])
    motions = [shifted(-3.0 * max(0, number - 30)) for number in range(110)]
    pictures = [cv2.warpAffine(ONE_HALL, (small @ motion @ np.linalg.inv(small))[:2], (512, 288)) for motion in motions]
    watcher, _ = watch(seen, monkeypatch, pictures)
    off = [corners_off(found, seen[number]) for number in range(110) if (found := watcher(number / RATE)) is not None]
    assert len(off) > 35 and max(off) < 15
    last = watcher.views()[-1]
    assert isinstance(last, NoTable) and last.end_seconds == pytest.approx(109 / RATE)
    assert turn == 0.004 or last.reason == CARRIED_AWAY


def test_no_table_and_half_of_one_are_told_with_the_reason(monkeypatch):
    watcher, looks = watch([NOTHING] * 100, monkeypatch, STILL)
    [none] = watcher.views()
    assert isinstance(none, NoTable) and none.reason == "no table is seen"
    assert looks.asked < 12 and watcher(1.0) is None
    half = maps_of(SIDE)
    half[3:] = 0
    [none] = watch([half] * 100, monkeypatch, STILL)[0].views()
    assert isinstance(none, NoTable)


def test_shots_have_views_of_their_own_and_a_camera_comes_back(monkeypatch):
    seen = [SIDE] * 75 + [OTHER] * 75 + [SIDE] * 40
    pictures = [ONE_HALL] * 75 + [OTHER_HALL] * 75 + [ONE_HALL] * 40
    watcher, _ = watch(seen, monkeypatch, pictures, cuts=(3.0, 6.0))
    first, second, third = watcher.views()
    assert first.end_seconds == pytest.approx(74 / RATE) and second.start_seconds == pytest.approx(3.0)
    assert corners_off(first.camera, SIDE) < 5 and corners_off(second.camera, OTHER) < 5
    assert third.source == "again" and corners_off(third.camera, SIDE) < 5
    assert third.start_seconds == pytest.approx(6.0) and watcher(6.0) is not None


def test_what_is_kept_does_not_grow_with_the_shots(monkeypatch):
    cameras = [SIDE.moved(np.array([0, 0.03 * turn, 0, 0, 0, 0, 0])) for turn in range(-4, 4)]
    shots = [(number + 1) * 0.6 for number in range(len(cameras) - 1)]
    seen = [camera for camera in cameras for _ in range(15)]
    watcher, _ = watch(seen, monkeypatch, [ONE_HALL] * len(seen), cuts=tuple(shots))
    assert sum(isinstance(view, TableView) for view in watcher.views()) > KNOWN
    stretches = [stretch for stretch in watcher._stretches if isinstance(stretch, Stretch)]
    held = [sum(candidate.held_bytes for candidate in stretch.tables) for stretch in stretches]
    assert sum(size > 0 for size in held) == KNOWN < len(held)


def watch_two(one: TableCamera, other: TableCamera, monkeypatch, as_one=False) -> TableWatcher:
    """Return what saw a video of 4 s in which two tables are seen; the whole picture may show them `as_one` surface."""
    both = np.maximum(maps_of(one), maps_of(other))
    if as_one:
        rows, columns = np.nonzero(both[TOP] > 0.5)
        hull = cv2.convexHull(np.stack([columns, rows], 1).astype(np.int32))
        both[TOP] = np.maximum(both[TOP], SURE * cv2.fillPoly(np.zeros(both.shape[1:], np.uint8), [hull], 1))

    class TwoTables(PerfectLooks):
        def heat(self, picture, region):
            self.asked += 1
            return both if region.width > 0.9 else np.maximum(maps_of(one, region=region), maps_of(other, region=region))

    monkeypatch.setattr("ttcli.table.watcher.TableLooker", lambda height, width, weights: TwoTables([]))
    watcher = TableWatcher(HEIGHT, WIDTH)
    list(watcher.noting(video([None] * 100, STILL)))
    return watcher


def play_on(camera: TableCamera, watcher: TableWatcher) -> None:
    """Note a ball that is played over a table for a while."""
    for number in range(60):
        x, y = camera.project(np.array([0.0, 1.4 * np.sin(number / 5), 0.95 + 0.15 * np.cos(number)]))
        watcher.note_ball(number / RATE, float(x), float(y))


def test_the_ball_tells_which_of_two_tables_is_played_on(monkeypatch):
    far = replace(SIDE, position=SIDE.position * [2, 2, 1.5])
    one, other = (far.moved(np.array([0, turn, 0, 0, 0, 0, 0])) for turn in (0.28, -0.28))
    watcher = watch_two(one, other, monkeypatch)
    [view] = watcher.views()
    assert isinstance(view, NoTable) and "two tables" in view.reason
    play_on(other, watcher)
    [view] = watcher.views()
    assert isinstance(view, TableView) and corners_off(view.camera, other) < 6


NEAR = replace(SIDE, position=SIDE.position * [2, 2, 1.5])


def test_tables_one_behind_the_other_are_told_apart_though_they_look_like_one_from_afar(monkeypatch):
    far = replace(NEAR, position=NEAR.position * [1.45, 1.45, 1.0])
    watcher = watch_two(NEAR, far, monkeypatch, as_one=True)
    [stretch] = watcher._stretches
    assert len(stretch.tables) == 2
    play_on(far, watcher)
    [view] = watcher.views()
    assert isinstance(view, TableView) and corners_off(view.camera, far) < 12


@pytest.mark.parametrize("size", [0.02, 0.007], ids=["another", "a small one"])
def test_the_ball_is_played_at_a_table_behind_another_one_over_which_it_is_seen_too(size):
    far = replace(NEAR, position=NEAR.position * [1.4, 1.4, 1.0])
    regions = [region_of(camera, HEIGHT, WIDTH) for camera in (NEAR, far)]
    for played in (far, NEAR):
        tables = [Candidate(region, maps_of(camera, region=region), share)
                  for camera, region, share in zip((NEAR, far), regions, (0.03, size), strict=True)]  # fmt: skip
        for table, camera, region in zip(tables, (NEAR, far), regions, strict=True):
            for _ in range(6):
                table.add(maps_of(camera, region=region), 1.0, None)
        stretch = Stretch(0.0, tables, HEIGHT, WIDTH)
        stretch.end = 6.0
        balls = [Sighting(number / 8, *played.project(np.array([0.0, 1.5 * np.sin(number / 2), 1.0]))) for number in range(48)]
        assert verdict(lambda seconds: NEAR, balls), "also where it is played behind it"
        for ball in balls:
            stretch.note_ball(ball)
        assert isinstance(stretch.view(), TableView) and corners_off(stretch.view().camera, played) < 12


def test_a_table_is_ruled_out_by_many_sightings_over_another_one_alone():
    one, other = np.zeros(30, bool), np.zeros(30, bool)
    one[:20] = other[13:15] = True
    assert rather_over(one, other) and not rather_over(other, one) and not rather_over(one, one)
    other[22:29] = True
    assert not rather_over(one, other), "over either by itself"
    other[:], one[6:] = False, False
    assert rather_over(one, other)
    one[5] = False
    assert not rather_over(one, other), "too few"


def test_a_small_table_counts_where_the_ball_is_played_at_it_alone(monkeypatch):
    large, small = (
        replace(SIDE, position=SIDE.position * [away, away, 1.5]).moved(np.array([0, turn, 0, 0, 0, 0, 0]))
        for away, turn in ((2.0, 0.2), (2.8, -0.25))
    )
    for played, expected in ((None, large), (large, large), (small, small)):
        watcher = watch_two(large, small, monkeypatch)
        if played is not None:
            play_on(played, watcher)
        [view] = watcher.views()
        assert isinstance(view, TableView) and corners_off(view.camera, expected) < 6
    watcher = watch_two(large, small, monkeypatch)
    for number in range(60):
        watcher.note_ball(number / RATE, 20.0 + number, 30.0)
    [view] = watcher.views()
    assert isinstance(view, NoTable) and "played elsewhere" in view.reason


def test_a_table_beside_which_the_ball_is_played_is_not_taken():
    far = replace(SIDE, position=SIDE.position * [2, 2, 1.5])
    known, unclear = (far.moved(np.array([0, turn, 0, 0, 0, 0, 0])) for turn in (0.28, -0.28))
    regions = [region_of(camera, HEIGHT, WIDTH) for camera in (known, unclear)]
    tables = [Candidate(region, maps_of(known, region=region), 0.02, None) for region in regions]
    for table, region in zip(tables, regions, strict=True):
        for _ in range(6):
            table.add(maps_of(known, region=region), 1.0, None)
    stretch = Stretch(0.0, tables, HEIGHT, WIDTH)
    stretch.end = 3.0
    assert isinstance(stretch.view(), TableView) and corners_off(stretch.view().camera, known) < 6
    places = [np.array([0.0, 1.4 * np.sin(number / 5), 0.95 + 0.15 * np.cos(number)]) for number in range(60)]
    for number, place in enumerate(places):
        camera = known if number % 5 == 0 else unclear  # some of them are of another ball
        stretch.note_ball(Sighting(number / RATE, *camera.project(place)))
    assert isinstance(stretch.view(), NoTable) and "played at another table" in stretch.view().reason


def test_a_small_table_counts_where_it_is_played_at_and_the_larger_cannot_be_told():
    far = replace(SIDE, position=SIDE.position * [2, 2, 1.5])
    nothing = 0 * maps_of(far)
    tables = [Candidate(WHOLE, nothing, 0.2), Candidate(WHOLE, maps_of(far), 0.05)]
    for _ in range(6):
        tables[1].add(maps_of(far), 1.0, None)
    stretch = Stretch(0.0, tables, HEIGHT, WIDTH)
    stretch.end = 3.0
    assert isinstance(stretch.view(), NoTable), "nobody plays yet"
    for number in range(40):
        place = np.array([0.0, 1.4 * np.sin(number / 5), 0.95 + 0.15 * np.cos(number)])
        stretch.note_ball(Sighting(number / RATE, *far.project(place)))
    assert stretch.leader is tables[1]
    assert isinstance(stretch.view(), TableView) and corners_off(stretch.view().camera, far) < 12
    assert stretch.view().camera.wider == stretch.camera_at(1.0).wider == 1 / CORNERS_SHARE
    for number in range(50):
        stretch.note_ball(Sighting((40 + number) / RATE, 30.0 + number, 900.0))
    assert isinstance(stretch.view(), NoTable), "the ball is rather where the larger one is"


def test_a_table_is_looked_for_on_its_own_surface():
    far = replace(SIDE, position=SIDE.position * [2, 2, 1.5])
    one, other = (far.moved(np.array([0, turn, 0, 0, 0, 0, 0])) for turn in (0.28, -0.28))
    both = np.maximum(maps_of(one), 0.6 * maps_of(other))
    patches = tables_apart(np.maximum(maps_of(one), maps_of(other)))
    surface = next(patch.surface for patch in patches if lies_on(patch.surface, HEIGHT, other))
    for meant in (None, surface):
        table = Candidate(WHOLE, both, 0.1, surface=meant)
        for _ in range(6):
            table.add(both, 1.0, None)
        assert (table.fit(HEIGHT, WIDTH).reason == "no table is seen") == (meant is surface), "the clear one is another"
    table.forget()
    assert table.surface is None


def shifted(by: float) -> np.ndarray:
    """Return the motion of a picture to the right, pixels."""
    return np.array([[1.0, 0, by], [0, 1, 0], [0, 0, 1]])


def a_second_table(picture=None) -> Stretch:
    """Return a view whose larger table has no camera, while that of the other one is known."""
    tables = [Candidate(WHOLE, 0 * maps_of(SIDE), 0.2), Candidate(WHOLE, maps_of(SIDE), 0.15, picture)]
    stretch = Stretch(0.0, tables, HEIGHT, WIDTH)
    assert stretch.leader is tables[0]
    for _ in range(6):
        tables[1].add(maps_of(SIDE), 1.0, picture)
    assert tables[1].fit(HEIGHT, WIDTH).camera is not None and stretch.leader is tables[1]
    return stretch


def test_motion_is_set_right_by_the_network_at_a_table_whose_camera_is_known():
    stretch = a_second_table()
    stretch.move(0.5, shifted(40))
    stretch.look(np.zeros((288, 512, 3), np.uint8), 0.5, PerfectLooks([SIDE.carried(shifted(44))]))
    assert stretch.corrected is not None and stretch.motion[0, 2] == pytest.approx(44, abs=1)


def test_motion_is_set_right_by_lines_at_a_table_whose_camera_is_known():
    stretch = a_second_table(piece(painted(SIDE), WHOLE, HEIGHT, WIDTH, np.eye(3)))
    assert stretch.tables[1].laid
    for number, by in enumerate((40.0, 60.0, 80.0), 1):
        stretch.move(0.5 * number, shifted(by))
        stretch.look(painted(SIDE.carried(shifted(by + 4))), 0.5 * number, SimpleNamespace(heat=lambda *given: NOTHING))
        assert stretch.motion[0, 2] == pytest.approx(by + 4, abs=0.7)
    stretch.end = 2.0
    stretch.moves = [move._replace(motion=shifted(move.motion[0, 2] - 3)) for move in stretch.moves]
    stretch.close()
    [last] = [move for move in stretch.moves if move.seconds == 1.5]
    assert last.motion[0, 2] == pytest.approx(84, abs=0.7), "each picture is laid once more in the end"
    assert not any(table.shown for table in stretch.tables), "and is kept no longer"


@pytest.mark.parametrize(("off", "better", "corrected"), [(4, 1.0, True), (60, 0.03, True), (60, 1.0, False), (14, 1.0, False)])
def test_the_network_corrects_a_motion_by_far_only_if_it_sees_clearly_more_of_the_table(off, better, corrected, monkeypatch):
    monkeypatch.setattr("ttcli.table.stretches.BETTER", better)
    table = Candidate(WHOLE, maps_of(SIDE), 0.1)
    for _ in range(5):
        table.add(maps_of(SIDE))
    stretch = Stretch(0.0, [table], HEIGHT, WIDTH)
    motion, true = (np.array([[1.0, 0, x], [0, 1, 0], [0, 0, 1]]) for x in (40, 40 + off))
    stretch.move(0.5, motion)
    stretch.look(np.zeros((288, 512, 3), np.uint8), 0.5, PerfectLooks([SIDE.carried(true)]))
    assert (stretch.corrected is not None) == corrected
    assert stretch.motion[0, 2] == pytest.approx(40 + off * corrected, abs=3)
    assert (stretch.missed == 0) == corrected, "who does not see a table where it was carried to has missed it"


@pytest.mark.parametrize("lines", [{}, {"line": (60, 60, 65), "top": (60, 60, 65)}], ids=["lines", "edges"])
@pytest.mark.parametrize(("moved", "reason"), [(0, None), (90, "the camera moves, and nothing shows how")])
def test_a_table_that_most_pictures_show_elsewhere_is_given_up(moved, reason, lines):
    """As where large captions rest before a hall without anything that could be followed."""
    there, elsewhere = (piece(painted(SIDE.carried(shifted(x)), **lines), WHOLE, HEIGHT, WIDTH, np.eye(3)) for x in (0, moved))
    table = Candidate(WHOLE, maps_of(SIDE), 0.1, there)
    for _ in range(5):
        table.add(maps_of(SIDE), 1.0, there)
    assert table.fit(HEIGHT, WIDTH).laid and table.fit(HEIGHT, WIDTH).edges == bool(lines)
    for _ in range(5):
        table.add_picture(elsewhere)
    table._pictures, table._fitted = [there, *table._pictures[-5:]], table.looks
    stretch = Stretch(0.0, [table], HEIGHT, WIDTH)
    stretch.close()
    view = stretch.view()
    assert (view.reason if isinstance(view, NoTable) else None) == reason


def test_edges_that_only_several_noisy_pictures_show_together_stay():
    known = replace(SIDE, covariance=np.diag([0.002, 0.002, 0.003, 0.03, 0.03, 0.03, 0.01]) ** 2)
    bare, random = painted(SIDE, line=(60, 60, 65), top=(60, 60, 65)), np.random.default_rng(0)
    noisy = [np.clip(bare + random.normal(0, 30, bare.shape), 0, 255).astype(np.uint8) for _ in range(8)]
    pictures = [piece(picture, WHOLE, HEIGHT, WIDTH, np.eye(3)) for picture in noisy]
    told = no_table("")._replace(camera=known, coarse=known, edges=True)
    assert told.laid and stays(told, pictures) and not stays(told._replace(edges=False), pictures)


def test_a_laid_table_that_later_pictures_make_unsure_is_looked_at_by_the_network_again():
    pictures = [
        piece(painted(SIDE.carried(np.array([[1.0, 0, x], [0, 1, 0], [0, 0, 1]]))), WHOLE, HEIGHT, WIDTH, np.eye(3))
        for x in (0, 90)
    ]
    table = Candidate(WHOLE, maps_of(SIDE), 0.1, pictures[0])
    for _ in range(5):
        table.add(maps_of(SIDE), 1.0, pictures[0])
    stretch = Stretch(0.0, [table], HEIGHT, WIDTH)
    before = stretch.view()
    assert isinstance(before, TableView) and table.laid
    for _ in range(9):
        table.add_picture(pictures[1])
    black = np.zeros_like(pictures[1].pixels)
    for number in range(4):
        stretch.look(black, number / RATE, PerfectLooks([SIDE]))
    stretch.close()
    after = stretch.view()
    assert isinstance(after, NoTable) or after.error > 1.5 * before.error


def test_weights_come_back_and_damaged_ones_are_told_of(tmp_path):
    model = TableFinder().eval()
    path = tmp_path / "finder.safetensors"
    save_table_finder(path, model, {"seed": 1})
    picture = torch.rand(1, 3, 144, 256)
    with torch.inference_mode():
        assert torch.allclose(load_table_finder(path)(picture), model(picture), atol=0.02)
    path.write_bytes(path.read_bytes()[:2000])
    for bad in (path, tmp_path / "none.safetensors"):
        with pytest.raises(CheckpointError):
            load_table_finder(bad)


def test_a_part_of_a_picture_is_shown_where_it_lies():
    picture = np.zeros((288, 512, 3), np.uint8)
    picture[72:144, 128:256] = 255
    looker = TableLooker(288, 512)
    shown = []
    looker._model = lambda pictures: shown.append(pictures) or torch.zeros(1, KINDS, 72, 128)
    for region in (Region(0.25, 0.25, 0.25, 0.25), Region(0.5, 0.5, 0.25, 0.25), WHOLE):
        looker.heat(picture, region)
    inside, outside, whole = (float(pictures[..., 2:-2, 2:-2].mean()) for pictures in shown)
    assert (inside, outside) == (1.0, 0.0) and whole == pytest.approx(1 / 16, abs=0.01)


def test_the_weights_of_the_package_find_drawn_tables(rallies, textures):
    generator, count, off = seeded(11), 4, []
    kinds = torch.arange(count) % 4
    times = torch.full((count, 1), 0.5)
    rally = torch.arange(count) % len(rallies.positions)
    still = torch.zeros(count, dtype=torch.bool)
    scenes = build_scenes(rally, times, torch.full((count,), 0.01), kinds, still, textures, 288, 512, generator)
    backdrop = paint_backdrop(scenes, textures, 288, 512, generator)
    pictures = draw_scenes(scenes, backdrop, rallies, 288, 512, generator).frames[:, 0].numpy()
    for row, picture in enumerate(pictures):
        watcher = TableWatcher(288, 512)
        list(watcher.noting(Frame(n, n * LOOK_SECONDS, picture) for n in range(3)))
        position, rotation, focal, centre = (part[row, 0].double().numpy() for part in vars(scenes.cameras).values())
        true = TableCamera(position, rotation, float(focal), centre, 512)
        off += [corners_off(view.camera, true) for view in watcher.views() if isinstance(view, TableView)]
    assert len(off) >= count // 2
    assert np.median(off) < 4  # of 512 pixels
