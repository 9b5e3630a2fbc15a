"""Labelled video in, a training set out: what is stored, where, in which split, and when."""

import csv
import json
import weakref
from pathlib import Path

import numpy as np
import pytest
from ball_videos import HEIGHT, WIDTH, ball_path, ball_picture, turn_upright, write_video
from extract_runs import ALL, FRAMES, PLACES, SMALL, assert_labels_on_the_ball, clip, files, middle_of_light, run
from label_files import write_markup, write_tracknet

from ttcli.configs import ExtractConfig
from ttcli.errors import InputError, LabelError, OutputError, SettingError
from ttcli.extract import extract
from ttcli.outputs import LOCK_FILE, locked_folder
from ttcli.training_set import clip_extraction
from ttcli.training_set.folder import read_clips
from ttcli.training_set.frame_store import FrameStore, FrameWriter
from ttcli.training_set.window_rows import read_windows
from ttcli.video.reader import Frame


def test_every_frame_of_the_windows_is_stored_once_with_its_label(tmp_path: Path, pair) -> None:
    pair(places={frame: PLACES[frame] for frame in range(5, 20)})
    report = run(tmp_path)
    store = FrameStore(clip(tmp_path))
    assert store.frame_indexes == tuple(range(5, 20))
    assert [window.first for window in read_windows(clip(tmp_path))] == list(range(5, 12))
    assert {frame: (label.x, label.y) for frame, label in store.labels.items()} == {
        frame: pytest.approx(PLACES[frame], abs=0.006) for frame in range(5, 20)
    }
    assert_labels_on_the_ball(store)
    assert (report.added, report.kept, report.left_out, report.problems) == (["a"], [], [], [])
    assert report.totals["frames"] == {"visible": 15} and report.totals["splits"]["training"]["windows"] == 7


def test_events_choose_the_windows_and_net_and_bounce_are_told_apart(tmp_path: Path, film: Path) -> None:
    markup = write_markup(tmp_path, PLACES, {8: "bounce", 16: "net", 20: "empty_event"})
    settings = ExtractConfig(events=("net",), before=2, after=4, window_size=5, **SMALL)
    extract([film], tmp_path / "set", settings, markup, markup.with_name("events_markup.json"), True)
    windows = read_windows(clip(tmp_path, "film"))
    assert [(window.first, window.kind) for window in windows] == [(14, "net"), (15, "net"), (16, "net")]


def test_events_of_a_tennis_table_lie_in_it(tmp_path: Path, film: Path) -> None:
    rows = [f"{frame:04}.jpg,1,{x},{y},{2 if frame == 10 else 0}" for frame, (x, y) in PLACES.items()]
    labels = tmp_path / "Label.csv"
    labels.write_text("\n".join(["file name,visibility,x-coordinate,y-coordinate,status", *rows]) + "\n")
    extract([film], tmp_path / "set", ExtractConfig(**SMALL), labels, quiet=True)
    assert {window.kind for window in read_windows(clip(tmp_path, "film"))} == {"bounce"}


def test_three_states_come_through(tmp_path: Path, film: Path) -> None:
    markup = write_markup(tmp_path, {**PLACES, 7: None, 9: (-1, 30)})  # 9 is leaving the picture: a window may hold it
    report = extract([film], tmp_path / "set", ExtractConfig(**ALL), markup, quiet=True)
    rows = list(csv.DictReader((clip(tmp_path, "film") / "frames.csv").open()))
    assert [row["status"] for row in rows[6:11]] == ["visible", "absent", "visible", "unknown", "visible"]
    assert report.totals["frames"] == {"absent": 1, "unknown": 1, "visible": 22}
    assert len(report.problems) == 1 and "ball_markup.json: frame 9" in report.problems[0]


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_labels_of_a_turned_video_are_on_the_upright_picture(tmp_path: Path, clockwise: int) -> None:
    height, width = (WIDTH, HEIGHT) if clockwise != 180 else (HEIGHT, WIDTH)
    places = ball_path(12, height, width)
    pictures = (np.ascontiguousarray(np.rot90(ball_picture(height, width, place), k=clockwise // 90)) for place in places)
    turn_upright(write_video(tmp_path / "in.mp4", pictures), clockwise)
    write_tracknet(tmp_path / "in.csv", places)
    run(tmp_path, tmp_path / "in.mp4")
    store = FrameStore(clip(tmp_path, "in"))
    assert (store.height, store.width, store.source_height, store.source_width) == (height, width, height, width)
    assert_labels_on_the_ball(store)


@pytest.mark.parametrize(("height", "width"), [(96, 144), (144, 96), (64, 64)])
def test_size_lays_its_longer_side_along_the_pictures(tmp_path: Path, pair, height: int, width: int) -> None:
    pair()
    run(tmp_path, height=height, width=width)
    store = FrameStore(clip(tmp_path))
    assert (store.height, store.width) == tuple(sorted((height, width)))
    assert_labels_on_the_ball(store)
    run(tmp_path, height=width, width=height)  # the same options


def test_without_size_frames_are_stored_as_detect_sees_them(tmp_path: Path, pair) -> None:
    pair()
    run(tmp_path, height=None, width=None)
    store = FrameStore(clip(tmp_path))
    assert (store.height * store.width) == pytest.approx(288 * 512, rel=0.1)
    assert_labels_on_the_ball(store)


def test_frame_offset_moves_the_labels(tmp_path: Path, pair) -> None:
    pair(places={frame + 1: place for frame, place in PLACES.items()})
    report = run(tmp_path, frame_offset=-1)
    assert FrameStore(clip(tmp_path)).frame_indexes == tuple(range(FRAMES)) and not report.problems
    assert_labels_on_the_ball(FrameStore(clip(tmp_path)))


def test_frame_offset_moves_events_and_frames_of_bad_labels_too(tmp_path: Path, pair) -> None:
    markup = write_markup(tmp_path, {**PLACES, 3: (5.0, -1.0)}, {8: "bounce"})
    config = ExtractConfig(before=5, after=5, window_size=5, frame_offset=2, **SMALL)
    extract([pair()], tmp_path / "set", config, markup, markup.with_name("events_markup.json"), True)
    store = FrameStore(clip(tmp_path))
    assert store.frame_indexes == tuple(range(5, 16)) and 5 not in store.labels and 6 in store.labels


def test_labels_moved_before_the_video_are_told(tmp_path: Path, pair) -> None:
    pair()
    for dry_run in (True, False):
        report = run(tmp_path, frame_offset=-3, dry_run=dry_run)
        assert "a.csv: frame 0: comes to lie before the first frame; check --frame-offset (and 2 more" in report.problems[0]


def test_native_crops_hold_the_ball_at_the_videos_resolution(tmp_path: Path) -> None:
    height, width = 240, 640
    places = ball_path(12, height, width)
    write_video(tmp_path / "in.mp4", (ball_picture(height, width, place) for place in places))
    write_tracknet(tmp_path / "in.csv", places)
    run(tmp_path, tmp_path / "in.mp4", keep_native=True, height=64, width=160, window_size=3)
    store = FrameStore(clip(tmp_path, "in"))
    for frame, place in enumerate(places):
        crop = store.native(frame)
        assert crop.picture.shape[1] < width / 2 + 100  # a part of the picture
        x, y = middle_of_light(crop.picture)
        assert (crop.left + x, crop.top + y) == pytest.approx(place, abs=0.2)


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_jobs_make_the_same_files(tmp_path: Path, pair, jobs: int) -> None:
    for number, name in enumerate("abc"):
        pair(name, number=number)
    run(tmp_path)
    config = ExtractConfig(**ALL, jobs=jobs)
    extract([tmp_path / "in"], tmp_path / "other", config, quiet=True)
    assert files(tmp_path / "other") == files(tmp_path / "set")


@pytest.mark.slow
def test_errors_of_other_processes_are_the_same(tmp_path: Path, pair) -> None:
    pair("a")
    write_video(tmp_path / "in/b.mkv", (ball_picture(HEIGHT, WIDTH, PLACES[frame]) for frame in range(9)))
    write_tracknet(tmp_path / "in/b.csv", {frame: PLACES[frame] for frame in range(2, 20)})
    report = run(tmp_path, jobs=2)
    assert report.added == ["a"] and "b.mkv: frame 9: cannot be decoded" in report.left_out[0]
    assert [path.name for path in (tmp_path / "set/clips").iterdir()] == ["a"]


def split_of_frames(folder: Path) -> dict[tuple[str, int], set[str]]:
    """Return the splits in which each frame of a set is."""
    splits: dict[tuple[str, int], set[str]] = {}
    for path in (folder / "clips").iterdir():
        size = FrameStore(path).window_size
        for window in read_windows(path):
            for frame in window.frame_indexes(size):
                splits.setdefault((path.name, frame), set()).add(window.split)
    return splits


def test_no_frame_is_in_two_splits_by_game_and_later_games_change_nothing(tmp_path: Path, film: Path) -> None:
    root = tmp_path / "in"
    (root / "videos").mkdir(parents=True)

    def add(part: str, name: str, number: int) -> None:
        write_markup(root / part / "annotations" / name, PLACES)
        (root / f"videos/{name}.mp4").write_bytes(film.read_bytes() + bytes(number))

    for number in range(3):
        add("training", f"game_{number}", number)
    add("test", "test_1", 3)
    run(tmp_path, validation=0.4)
    before = split_of_frames(tmp_path / "set")
    assert all(len(splits) == 1 for splits in before.values())
    assert {name for (name, _), splits in before.items() if splits == {"test"}} == {"test_1"}
    assert {split for splits in before.values() for split in splits} == {"training", "validation", "test"}
    kept = files(tmp_path / "set/clips")
    for number in range(4, 7):
        add("training", f"game_{number}", number)
    run(tmp_path, validation=0.4)
    after = split_of_frames(tmp_path / "set")
    assert {frame: after[frame] for frame in before} == before and all(len(splits) == 1 for splits in after.values())
    assert kept.items() <= files(tmp_path / "set/clips").items()
    manifest = json.loads((tmp_path / "set/manifest.json").read_text())
    assert manifest["totals"]["splits"]["validation"]["videos"] == 2  # 0.4 of 6


def to_and_fro(frame: int) -> tuple[float, float]:
    """Return where a ball is that is never at rest."""
    return 8.0 + 4 * (frame % 4), 10.0


def test_windows_hold_no_picture_twice_and_cross_no_cut(tmp_path: Path) -> None:
    width, height = 96, 64
    halls = [
        np.random.default_rng(seed).integers(0, 120, (4, 6, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1) for seed in (1, 2)
    ]
    pictures, labels = [], {}
    for frame in range(60):
        shown = 19 if frame == 20 else frame  # frame 20 shows frame 19 again
        x, y = 10.0 + 1.3 * (shown % 50), 20.0 + (shown * 7) % 30
        picture = halls[frame >= 40].copy()  # another hall from frame 40 on
        picture[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4] = 255
        pictures.append(picture)
        labels[frame] = (x, y)
    write_video(tmp_path / "in.mp4", pictures)
    write_tracknet(tmp_path / "in.csv", labels)
    report = run(tmp_path, tmp_path / "in.mp4", window_size=5, height=height, width=width)
    firsts = {window.first for window in read_windows(tmp_path / "set/clips/in")}
    spoiled = {first for first in range(56) if first < 20 <= first + 4 or first < 40 <= first + 4}
    assert firsts <= set(range(56)) - spoiled and len(firsts) > 20
    assert any("windows hold a repeated picture or a cut" in problem for problem in report.problems)


def test_of_a_video_that_shows_every_picture_twice_nothing_is_left(tmp_path: Path) -> None:
    write_video(tmp_path / "in.mp4", (ball_picture(32, 32, to_and_fro(frame // 2)) for frame in range(60)))
    write_tracknet(tmp_path / "in.csv", {frame: to_and_fro(frame // 2) for frame in range(60)})
    with pytest.raises(LabelError, match="hold a repeated picture"):
        run(tmp_path, tmp_path / "in.mp4", window_size=3, height=32, width=32)
    run(tmp_path, tmp_path / "in.mp4", window_size=3, stride=2, height=32, width=32)  # every second is a film


@pytest.mark.parametrize(("window_size", "stride"), [(3, 1), (5, 2), (1, 1)])
def test_no_frame_is_in_two_splits_by_rally(tmp_path: Path, window_size: int, stride: int) -> None:
    frames = [start + frame for start in (0, 140, 290, 430) for frame in range(12)]
    write_video(tmp_path / "in.mp4", (ball_picture(32, 32, to_and_fro(frame)) for frame in range(450)))
    write_tracknet(tmp_path / "in.csv", {frame: to_and_fro(frame) for frame in frames})
    run(tmp_path, tmp_path / "in.mp4", window_size=window_size, stride=stride, height=32, width=32, validation=0.5)
    splits = split_of_frames(tmp_path / "set")
    assert sorted(frame for _, frame in splits) == frames
    assert all(len(those) == 1 for those in splits.values())
    by_rally = [{next(iter(splits["in", frame])) for frame in range(start, start + 12)} for start in (0, 140, 290, 430)]
    assert all(len(those) == 1 for those in by_rally)
    assert sorted(next(iter(those)) for those in by_rally) == ["training"] * 2 + ["validation"] * 2
    assert read_clips(tmp_path / "set")["in"]["split"] == "by rally"


@pytest.mark.parametrize(("window_size", "stride"), [(3, 1), (9, 1), (3, 4)])
def test_a_video_of_one_rally_is_cut_in_time(tmp_path: Path, window_size: int, stride: int) -> None:
    write_video(tmp_path / "in.mp4", (ball_picture(32, 32, to_and_fro(frame)) for frame in range(100)))
    write_tracknet(tmp_path / "in.csv", {frame: to_and_fro(frame) for frame in range(100)})
    run(tmp_path, tmp_path / "in.mp4", window_size=window_size, stride=stride, height=32, width=32)
    splits = split_of_frames(tmp_path / "set")
    assert all(len(those) == 1 for those in splits.values())
    training, validation = (
        [frame for (_, frame), those in splits.items() if those == {name}] for name in ("training", "validation")
    )
    assert max(training) < min(validation) and 60 < len(training) < 85 and 15 <= len(validation) <= 30


def test_a_second_run_adds_nothing(tmp_path: Path, pair) -> None:
    pair()
    run(tmp_path)
    first = files(tmp_path / "set")
    report = run(tmp_path)
    assert files(tmp_path / "set") == first and (report.added, report.kept) == ([], ["a"])
    assert str(report).endswith("videos added: 0, there already: 1")


def test_the_same_video_under_another_name_is_not_added(tmp_path: Path, pair) -> None:
    pair("a")
    pair("b")
    report = run(tmp_path)
    assert (report.added, report.kept) == (["a"], ["a"])
    (tmp_path / "in/a.mp4").unlink()
    (tmp_path / "in/a.csv").unlink()
    assert run(tmp_path).kept == ["a"] and list(read_clips(tmp_path / "set")) == ["a"]
    assert run(tmp_path, overwrite=True).added == ["a"]


def test_one_video_with_two_labels_is_refused(tmp_path: Path, pair) -> None:
    pair("a")
    pair("b", places=dict.fromkeys(PLACES))
    with pytest.raises(InputError, match=r"b\.csv: labels the same video as .*a\.csv; give one"):
        run(tmp_path)


def test_changed_labels_are_refused_until_told_to_overwrite(tmp_path: Path, pair) -> None:
    pair()
    run(tmp_path)
    before = files(tmp_path / "set")
    pair(places={**PLACES, 3: None})
    with pytest.raises(OutputError, match="clips/a: was extracted with other labels; give --overwrite"):
        run(tmp_path)
    assert files(tmp_path / "set") == before
    assert run(tmp_path, overwrite=True).totals["frames"] == {"absent": 1, "visible": 23}
    assert sorted(path.name for path in (tmp_path / "set/clips").iterdir()) == ["a"]


def test_another_video_of_the_same_name_is_refused(tmp_path: Path, pair) -> None:
    pair()
    run(tmp_path)
    pair(number=1)
    with pytest.raises(OutputError, match="clips/a: was extracted from another video; give the new one another name"):
        run(tmp_path)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"window_size": 5}, "clips/a: was extracted with --window 9, and now it is 5; give the same options"),
        ({"height": 32}, "--size 64, and now it is 32"),
        ({"events": ("all",)}, "--events switched off, and now it is all"),
        ({"keep_native": True}, "--keep-native False"),
    ],
)
def test_other_options_are_refused(tmp_path: Path, pair, other, message: str) -> None:
    pair()
    run(tmp_path)
    with pytest.raises(SettingError, match=message):
        run(tmp_path, **other)


def test_overwriting_a_part_of_a_set_with_other_options_is_refused(tmp_path: Path, pair) -> None:
    pair("a"), pair("b", number=1)
    run(tmp_path)
    with pytest.raises(SettingError, match="clips/b: was extracted with --window 9"):
        run(tmp_path, tmp_path / "in/a.mp4", window_size=5, overwrite=True)
    assert run(tmp_path, window_size=5, overwrite=True).added == ["a", "b"]


def test_an_interrupted_run_leaves_whole_clips_and_goes_on(tmp_path: Path, pair, monkeypatch) -> None:
    for number, name in enumerate("abc"):
        pair(name, number=number)
    original, count = FrameWriter.append, [0]

    def interrupt(*arguments) -> None:
        count[0] += 1
        if count[0] == FRAMES + 5:
            raise KeyboardInterrupt
        original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(FrameWriter, "append", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    assert [path.name for path in (tmp_path / "set/clips").iterdir()] == ["a"]
    first = files(tmp_path / "set/clips")
    (tmp_path / "set/clips/.partial-killed").mkdir()
    report = run(tmp_path)
    assert (report.added, report.kept) == (["b", "c"], ["a"])
    assert sorted(path.name for path in (tmp_path / "set/clips").iterdir()) == ["a", "b", "c"]
    assert first.items() <= files(tmp_path / "set/clips").items()


def test_frames_are_written_one_by_one(tmp_path: Path, pair, monkeypatch) -> None:
    """Each frame is let go of before many more are read, so memory does not grow with the video."""
    pair()
    alive = []

    class Reader:
        def __init__(self, *_, wanted, **__) -> None:
            self.wanted = sorted(wanted)

        def __enter__(self):
            return self.frames()

        def __exit__(self, *_) -> None:
            pass

        def frames(self):
            for frame in self.wanted:
                picture = ball_picture(HEIGHT, WIDTH, PLACES[frame])
                alive.append(weakref.ref(picture))
                assert sum(reference() is not None for reference in alive) <= 2
                yield Frame(frame, frame / 25, picture)

    monkeypatch.setattr(clip_extraction, "FrameReader", Reader)
    run(tmp_path)
    assert len(alive) == FRAMES


def test_dry_run_opens_no_video_writes_nothing_and_counts_the_same(tmp_path: Path, pair, monkeypatch) -> None:
    pair("a", places={**PLACES, 4: None}), pair("b", number=1)
    with monkeypatch.context() as patch:
        patch.setattr("ttcli.video.probe.open_input", lambda path: pytest.fail("a video was opened"))
        dry = run(tmp_path, dry_run=True)
    assert not (tmp_path / "set").exists()
    real = run(tmp_path)
    assert (dry.totals["splits"], dry.totals["frames"]) == (real.totals["splits"], real.totals["frames"])
    assert "nothing written" in str(dry) and dry.output is None
    (tmp_path / "in/a.mp4").unlink(), (tmp_path / "in/b.mp4").unlink()
    assert run(tmp_path, dry_run=True).totals["splits"] == dry.totals["splits"]


def test_dry_run_counts_formats_that_need_the_pictures_size(tmp_path: Path, film: Path) -> None:
    (tmp_path / "film").mkdir()
    for frame, (x, y) in PLACES.items():
        row = f"0 {x / WIDTH} {y / HEIGHT} 0.06 0.09\n"
        (tmp_path / f"film/frame_{frame:06}.txt").write_text(row)
    video = tmp_path / "film.mp4"
    video.write_bytes(film.read_bytes())
    assert run(tmp_path, video, dry_run=True).totals["frames"] == {"visible": FRAMES}
    run(tmp_path, video)
    assert_labels_on_the_ball(FrameStore(clip(tmp_path, "film")))


def test_limit_and_far_are_of_each_video_and_by_chance_but_the_same(tmp_path: Path, pair) -> None:
    pair("a"), pair("b", number=1)
    assert run(tmp_path, limit=3).totals["splits"]["training"]["windows"] == 3
    assert [len(read_windows(clip(tmp_path, name))) for name in "ab"] == [3, 3]


def test_manifest_tells_sources_counts_and_options(tmp_path: Path, pair) -> None:
    pair()
    run(tmp_path, validation=0.0)
    manifest = json.loads((tmp_path / "set/manifest.json").read_text())
    told = manifest["clips"]["a"]
    assert (told["video"], told["labels"], told["label_format"], told["events"]) == ("a.mp4", "a.csv", "tracknet", None)
    assert len(told["video_sha256"]) == len(told["labels_sha256"]) == 64
    assert told["windows"]["training"]["kinds"] == {"labelled": 16} and told["frames"] == {"visible": 24}
    assert told["bytes"] == sum(len(content) for name, content in files(clip(tmp_path)).items() if name != "clip.json")
    assert (manifest["options"]["window_size"], manifest["options"]["events"]) == (9, None)
    assert str(tmp_path) not in json.dumps(manifest)


def test_unknown_events_are_listed_and_can_be_asked_for(tmp_path: Path, film: Path) -> None:
    markup = write_markup(tmp_path, PLACES, {5: "bounce", 10: "stroke", 12: "stroke"})
    events = markup.with_name("events_markup.json")
    report = extract([film], tmp_path / "set", ExtractConfig(events=("bounce",), **SMALL), markup, events, True)
    assert "2 of event 'stroke', which is not known here; take them with --events stroke" in report.problems[0]
    report = extract([film], tmp_path / "b", ExtractConfig(events=("stroke",), **SMALL), markup, events, True)
    assert report.problems == [] and report.totals["splits"]["training"]["kinds"].keys() == {"stroke"}


def test_a_second_run_into_a_set_is_told_of_the_first_and_a_lock_left_behind_stops_none(tmp_path: Path, pair) -> None:
    pair()
    with locked_folder(tmp_path / "set"), pytest.raises(OutputError, match="set: another run is going on in it; wait for it"):
        run(tmp_path)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / LOCK_FILE).touch()  # of a run that was killed
    assert run(tmp_path).added == ["a"]
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["clips", "manifest.json"]
    with locked_folder(tmp_path / "set"):
        assert run(tmp_path, dry_run=True).output is None  # which writes nothing
