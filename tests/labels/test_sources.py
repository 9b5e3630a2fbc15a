"""Every layout of videos and labels is found, by names alone."""

from pathlib import Path

import pytest
from label_files import write_markup, write_tracknet

from ttcli.errors import InputError
from ttcli.labels.sources import Source, find_sources, unique_names

PLACES = {0: (10.0, 10.0), 1: None}


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"video")
    return path


def test_opentt_root_gives_games_by_number_training_before_test(tmp_path: Path) -> None:
    for part, name in (("training", "game_10"), ("training", "game_2"), ("test", "test_1")):
        write_markup(tmp_path / part / "annotations" / name, PLACES, {1: "bounce"} if name == "game_2" else None)
    video = touch(tmp_path / "videos/game_2.mp4")
    game_2, game_10, test_1 = find_sources(tmp_path)
    folder = tmp_path / "training/annotations/game_2"
    assert game_2 == Source("game_2", video, folder / "ball_markup.json", folder / "events_markup.json", "training")
    assert (game_10.name, game_10.video, game_10.events, game_10.part) == ("game_10", None, None, "training")
    assert (test_1.name, test_1.part) == ("test_1", "test")


@pytest.mark.parametrize("videos", ["videos", "training/videos"])
@pytest.mark.parametrize("start", ["", "training"])
def test_a_part_of_an_opentt_root_finds_its_videos(tmp_path: Path, videos: str, start: str) -> None:
    write_markup(tmp_path / "training/annotations/game_1", PLACES)
    video = touch(tmp_path / videos / "game_1.MP4")
    [source] = find_sources(tmp_path / start)
    assert (source.video, source.part) == (video, "training")


def test_annotations_alone_have_no_part(tmp_path: Path) -> None:
    write_markup(tmp_path / "annotations/game_1", PLACES)
    touch(tmp_path / "videos/game_1.mkv")
    [source] = find_sources(tmp_path)
    assert source.video == tmp_path / "videos/game_1.mkv" and source.part is None


def test_videos_without_annotations_are_told_too(tmp_path: Path) -> None:
    write_markup(tmp_path / "training/annotations/game_1", PLACES)
    touch(tmp_path / "videos/game_1.mp4")
    touch(tmp_path / "videos/game_2.mp4")
    assert [(source.name, source.balls is None) for source in find_sources(tmp_path)] == [("game_1", False), ("game_2", True)]


@pytest.mark.parametrize("label", ["a.csv", "a_ball.csv", "a.xml", "a.json"])
def test_labels_of_a_videos_name_lie_beside_it(tmp_path: Path, label: str) -> None:
    video = touch(tmp_path / "a.mp4")
    events = touch(tmp_path / "a.events.csv")
    expected = [Source("a", video, touch(tmp_path / label), events)]
    assert find_sources(tmp_path) == find_sources(video) == expected


def test_a_folder_of_a_videos_name_may_hold_its_labels(tmp_path: Path) -> None:
    for name in ("markup", "yolo", "pictures"):
        touch(tmp_path / f"{name}.mp4")
    markup = write_markup(tmp_path / "markup", PLACES, {1: "net"})
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo/frame_000001.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    touch(tmp_path / "pictures/0001.png")
    found = {source.name: source for source in find_sources(tmp_path)}
    assert (found["markup"].balls, found["markup"].events) == (markup, markup.with_name("events_markup.json"))
    assert found["yolo"].balls == tmp_path / "yolo" and found["pictures"].balls is None


def test_pairs_one_folder_below_and_in_the_layout_of_tracknet(tmp_path: Path) -> None:
    for match in ("match1", "match2"):
        touch(tmp_path / match / "rally.mp4")
        write_tracknet(tmp_path / match / "rally.csv", PLACES)
    assert [source.balls.parent.name for source in find_sources(tmp_path)] == ["match1", "match2"]
    tracknet = tmp_path / "match1"
    video, ball = touch(tracknet / "video/1_05_02.mp4"), write_tracknet(tracknet / "csv/1_05_02_ball.csv", PLACES)
    assert Source("1_05_02", video, ball, None) in find_sources(tracknet)
    assert len(find_sources(tracknet)) == 2  # csv is no second place to find these labels in


def test_labels_without_a_video_are_told_and_other_tables_are_not(tmp_path: Path) -> None:
    ball = write_tracknet(tmp_path / "a_ball.csv", PLACES)
    (tmp_path / "notes.csv").write_text("name,score\nme,11\n")
    (tmp_path / "empty.csv").write_text("")
    assert find_sources(tmp_path) == [Source("a", None, ball, None)]


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4")
    write_tracknet(tmp_path / "a.csv", PLACES)
    for name in ("._a.mp4", ".trash/b.mp4", ".c_ball.csv"):
        touch(tmp_path / name)
    assert [source.name for source in find_sources(tmp_path)] == ["a"]


def test_given_labels_go_before_those_beside_the_video(tmp_path: Path) -> None:
    video = touch(tmp_path / "a.mp4")
    write_tracknet(tmp_path / "a.csv", PLACES)
    assert find_sources(video, Path("x.csv"), Path("e.csv")) == [Source("a", video, Path("x.csv"), Path("e.csv"))]
    with pytest.raises(InputError, match="is a folder, and one file of labels is given; give the video"):
        find_sources(tmp_path, balls=Path("x.csv"))


def test_a_video_without_suffix_is_not_its_own_label(tmp_path: Path) -> None:
    assert find_sources(touch(tmp_path / "match"))[0].balls is None


def test_where_nothing_lies_is_one_line(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=f"{tmp_path}: holds no labelled video; give a folder"):
        find_sources(tmp_path)
    with pytest.raises(InputError, match="does not exist; check the name"):
        find_sources(tmp_path / "absent")


def test_names_that_occur_twice_get_a_number_and_one_file_is_taken_once(tmp_path: Path) -> None:
    for match in ("one", "two", "three"):
        touch(tmp_path / match / "a.mp4")
        write_tracknet(tmp_path / match / "a.csv", PLACES)
    again = tmp_path / "one/../one/a.mp4"
    named = unique_names([*find_sources(tmp_path), *find_sources(tmp_path), *find_sources(again)])
    assert [(source.name, source.video.parent.name) for source in named] == [("a", "one"), ("a-2", "three"), ("a-3", "two")]
