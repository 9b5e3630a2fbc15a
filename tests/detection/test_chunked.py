"""A long video in chunks: the rows of one process, whatever order the chunks are done in; and what cannot be cut stays whole."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ball_videos import write_video
from stand_ins import BrightestSpot

from ttcli.configs import DetectConfig
from ttcli.detect import detect
from ttcli.detection import cluster
from ttcli.detection.cluster import ChunkTask, VideoTask
from ttcli.errors import SettingError
from ttcli.inference.runtimes import SecondNetwork, TorchRuntime, load_runtime
from ttcli.networks.table_finder import KINDS, STRIDE
from ttcli.results.events import read_events_csv
from ttcli.results.trajectory import read_ball_csv
from ttcli.video import chunks
from ttcli.video.chunks import plan_chunks
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader

HEIGHT, WIDTH, FRAMES, CUT = 144, 256, 260, 131
FEWER_FRAMES, FEWER_CUT, FEWER_SECONDS = 120, 61, 1.6
"""Of a video in three chunks that is quicker to detect, and the length of its chunks."""
CONFIG = DetectConfig(device="cpu", precision="fp32", fit_ball=False)


def pictures(count=FRAMES, cut=CUT, repeats=(), shake=0.0):
    """Yield pictures of two halls, one after another, before which a ball flies; frames of `repeats` are those before them."""
    random = np.random.default_rng(0)
    halls = [np.kron(random.integers(40, 150, (18, 32, 3), dtype=np.uint8), np.ones((10, 10, 1), np.uint8)) for _ in range(2)]
    last = None
    for number in range(count):
        if number not in repeats or last is None:
            left = 20 + int(shake * np.sin(number / 7))
            last = halls[int(number >= cut)][18 : 18 + HEIGHT, left : left + WIDTH].copy()
            x, y = 30 + number * 7 % 200, 60 + int(40 * abs(np.sin(number / 9)))
            last[y - 3 : y + 3, x - 3 : x + 3] = 250
            last = (last + random.normal(0, 1.5, last.shape)).clip(0, 255).astype(np.uint8)
        yield last


AREA = 160 * 90
"""Of the pictures that networks see here: a tenth of the usual, for these tests are not about the ball."""


@pytest.fixture(scope="module")
def quick_video(tmp_path_factory):
    """Return a video that has three chunks, and two shots; no test changes it."""
    return write_video(tmp_path_factory.mktemp("quick") / "quick.mp4", pictures(FEWER_FRAMES, FEWER_CUT), gop=30)


@pytest.fixture
def runtime():
    """Return a stand-in for the network, whose second one looks closer; both are sure of what is bright."""
    network = TorchRuntime(BrightestSpot(), {"area": AREA}, device="cpu", precision="fp32")
    network.second = SecondNetwork(TorchRuntime(BrightestSpot(), device="cpu", precision="fp32"), 1.0, 0.5, 0.0)
    return network


@pytest.fixture
def packaged():
    """Return the network of the package."""
    network = load_runtime(None, "cpu", "fp32")
    network.area = AREA
    return network


@pytest.fixture
def here(monkeypatch, runtime):
    """Let tasks run in this process, the last one first, and note them; chunks overlap less, for videos here are short."""
    done = []

    def run_tasks(function, tasks, address):
        for number in reversed(range(len(tasks))):
            done.append(tasks[number][0])
            yield number, function(*tasks[number])

    monkeypatch.setattr(cluster, "run_tasks", run_tasks)
    monkeypatch.setattr(cluster, "load", lambda config: runtime)
    monkeypatch.setattr("ttcli.detect.load_network", lambda *settings: runtime)
    monkeypatch.setattr(chunks, "LEAD", 40)
    monkeypatch.setattr(chunks, "TAIL", 30)
    monkeypatch.setattr(cluster, "LEAST_FRAMES", 20)
    return done


@pytest.fixture
def no_table(monkeypatch):
    """Let the network that looks for the table find none, at once: what is asked here is where the ball is."""

    def nothing(pictures):
        return torch.full((len(pictures), KINDS, pictures.shape[2] // STRIDE, pictures.shape[3] // STRIDE), -20.0)

    monkeypatch.setattr("ttcli.table.looking.load_table_finder", lambda weights: nothing)


def both(path, tmp_path, config, seconds=2.5):
    """Detect a video in one piece and in chunks of so many seconds; return the two CSVs and the summary of the second."""
    alone, cut = tmp_path / "alone.csv", tmp_path / "cut.csv"
    detect([path], alone, config, quiet=True)
    [summary] = detect([path], cut, replace(config, ray="local", chunk_minutes=seconds / 60), quiet=True)
    return alone, cut, summary


@pytest.mark.parametrize(
    ("step", "stride"), [(9, 1), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((1, 1), (3, 1), (5, 2)))]
)
def test_chunks_give_the_rows_of_one_process(tmp_path, here, quick_video, no_table, step, stride):
    alone, cut, summary = both(quick_video, tmp_path, replace(CONFIG, step=step, stride=stride), FEWER_SECONDS)
    assert len(here) >= 3 and all(isinstance(task, ChunkTask) for task in here)
    assert alone.read_bytes() == cut.read_bytes()
    assert (summary.frames, summary.shots) == (FEWER_FRAMES, 2)


@pytest.mark.slow
@pytest.mark.parametrize(("step", "stride"), [(1, 1), (3, 1), (9, 1), (5, 2)])
def test_so_they_do_with_the_network_of_the_package(tmp_path, here, packaged, monkeypatch, step, stride):
    monkeypatch.setattr(cluster, "load", lambda config: packaged)
    monkeypatch.setattr("ttcli.detect.load_network", lambda *settings: packaged)
    path = write_video(tmp_path / "long.mp4", pictures(), gop=30)
    alone, cut, _ = both(path, tmp_path, replace(CONFIG, step=step, stride=stride))
    assert alone.read_bytes() == cut.read_bytes()


def test_each_chunk_has_the_stride_that_the_whole_has(tmp_path, here, quick_video, no_table, runtime, monkeypatch):
    monkeypatch.setattr(runtime, "most_fps", 12.0)
    alone, cut, _ = both(quick_video, tmp_path, replace(CONFIG, step=9), FEWER_SECONDS)
    assert {task.plan.stride for task in here} == {2}
    assert alone.read_bytes() == cut.read_bytes()


@pytest.mark.slow
def test_the_manifest_and_events_are_those_of_one_process(tmp_path, here):
    path = write_video(tmp_path / "long.mp4", pictures(), gop=30)
    alone, cut, _ = both(path, tmp_path, replace(CONFIG, step=9))
    said = [(tmp_path / f"{name}.json").read_text().replace(f'"{name}.csv"', "") for name in ("alone", "cut")]
    assert said[0].split('"seconds"')[0] == said[1].split('"seconds"')[0]
    config = replace(CONFIG, step=9, ray="local", chunk_minutes=2.5 / 60, events=tmp_path / "e.csv", overwrite=True)
    detect([path], cut, config, quiet=True)
    detect([path], alone, replace(config, ray=None, events=tmp_path / "f.csv"), quiet=True)
    assert read_events_csv(tmp_path / "e.csv") == read_events_csv(tmp_path / "f.csv")


@pytest.mark.slow
def test_repeated_pictures_and_a_camera_that_shakes_move_nothing_far(tmp_path, here):
    repeats = {number for number in range(FRAMES) if number % 5 == 3}
    path = write_video(tmp_path / "long.mp4", pictures(repeats=repeats, shake=9.0), gop=30)
    alone, cut, _ = both(path, tmp_path, replace(CONFIG, step=1))
    rows = list(zip(read_ball_csv(alone), read_ball_csv(cut), strict=True))
    assert sum(one.status == other.status and one.duplicate == other.duplicate for one, other in rows) >= FRAMES - 4
    away = [abs(one.x - other.x) + abs(one.y - other.y) for one, other in rows if one.x is not None and other.x is not None]
    assert np.quantile(away, 0.95) < 0.5


@pytest.mark.slow
def test_a_folder_of_pictures_can_be_cut(tmp_path, here):
    import cv2

    (tmp_path / "in").mkdir()
    for number, picture in enumerate(pictures(150)):
        cv2.imwrite(str(tmp_path / f"in/frame_{number + 6 * (number > 20):04d}.png"), picture[..., ::-1])
    alone, cut, summary = both(tmp_path / "in", tmp_path, replace(CONFIG, step=9))
    assert summary.frames == 150 and len(here) == 2
    assert alone.read_bytes() == cut.read_bytes()


def test_what_is_short_stays_whole(tmp_path, here):
    path = write_video(tmp_path / "short.mp4", pictures(40), gop=30)
    both(path, tmp_path, CONFIG)
    assert [type(task) for task in here] == [VideoTask]


def test_a_chunk_with_other_frames_than_promised_leaves_the_video_to_one_task(
    tmp_path, here, quick_video, no_table, monkeypatch
):
    real = cluster.propose_for_chunk
    monkeypatch.setattr(
        cluster, "propose_for_chunk", lambda plan, chunk, *rest: real(plan, chunk, *rest) if chunk.first else None
    )
    alone, cut, _ = both(quick_video, tmp_path, replace(CONFIG, step=9), FEWER_SECONDS)
    assert isinstance(here[-1], VideoTask) and alone.read_bytes() == cut.read_bytes()


def test_a_chunk_of_which_nothing_can_be_decoded_leaves_the_video_to_one_task(tmp_path, here, quick_video, no_table):
    path, data = tmp_path / "damaged.mp4", bytearray(quick_video.read_bytes())
    data[int(0.7 * len(data)) :] = bytes(len(data) - int(0.7 * len(data)))
    path.write_bytes(data)
    alone, cut, summary = both(path, tmp_path, replace(CONFIG, step=9), FEWER_SECONDS)
    assert summary.error is None and summary.frames == FEWER_FRAMES and summary.broken > 20
    assert len(read_ball_csv(alone)) == len(read_ball_csv(cut)) == FEWER_FRAMES


@pytest.mark.parametrize("suffix", [".ts", ".mkv"])
def test_what_cannot_be_sought_or_ends_early_is_not_cut(tmp_path, suffix):
    path = write_video(tmp_path / f"long{suffix}", pictures(), gop=30)
    if suffix == ".mkv":
        assert len(plan_chunks(probe(path), 65)) == 4
        path.write_bytes(path.read_bytes()[: int(0.7 * path.stat().st_size)])
    assert plan_chunks(probe(path), 65) == []


def test_a_length_that_is_none_is_one_line(tmp_path, here):
    path = write_video(tmp_path / "short.mp4", pictures(10), gop=30)
    for minutes in (float("nan"), float("inf"), -1.0):
        with pytest.raises(SettingError, match="--chunk"):
            detect([path], tmp_path / "x.csv", replace(CONFIG, ray="local", chunk_minutes=minutes), quiet=True)


def test_a_chunk_is_read_from_a_keyframe_by_the_numbers_of_the_whole(tmp_path):
    path = write_video(tmp_path / "long.mp4", pictures(), gop=30)
    found = plan_chunks(probe(path), 65)
    assert [chunk.first for chunk in found] == [0, 65, 130, 195] and found[-1].end == FRAMES
    assert [chunk.end for chunk in found[:-1]] == [chunk.first for chunk in found[1:]]
    with FrameReader(probe(path), 72, 128) as reader:
        whole = list(reader)
    for chunk in found:
        assert chunk.first - chunk.read_first >= min(chunk.first, chunks.LEAD) and chunk.read_first % 30 == 0
        assert chunk.times == tuple(frame.time_seconds for frame in whole[chunk.first : chunk.end])
        with FrameReader(probe(path), 72, 128, start_seconds=chunk.read_seconds) as reader:
            assert np.array_equal(next(reader).picture, whole[chunk.read_first].picture)
    assert plan_chunks(probe(path), 200) == [] and plan_chunks(probe(path), 1000) == []
