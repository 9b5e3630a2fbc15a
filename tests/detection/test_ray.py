"""Videos as tasks of a cluster: the same rows as one process writes, and a task whose process is killed runs again."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from ball_videos import ball_path, ball_picture, write_video

from ttcli.configs import DetectConfig
from ttcli.detect import detect
from ttcli.detection.ray_tasks import run_tasks
from ttcli.errors import SettingError

WORKERS_PATH = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1] / "helpers")))
"""By which the processes of a cluster find this module."""
CONFIG = DetectConfig(step=9, device="cpu", fit_ball=False)


def killed_once(mark: str, number: int) -> int:
    """Kill the process that runs this, the first time; double the number the second time."""
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def test_without_the_library_it_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(SettingError, match=r"\.\[ray\]"):
        list(run_tasks(killed_once, [("x", 1)]))


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        pictures = (ball_picture(288, 512, place) for place in ball_path(20, 288, 512))
        write_video(tmp_path / f"in/{name}.mp4", pictures)
    (tmp_path / "in/broken.mp4").write_text("no video")
    return tmp_path / "in"


@pytest.mark.slow
def test_a_cluster_writes_what_one_process_writes(videos, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", WORKERS_PATH)
    told = []
    here = detect([videos], tmp_path / "here", CONFIG, quiet=True, tell=told.append)
    there = detect([videos], tmp_path / "there", replace(CONFIG, ray="local"), quiet=True, tell=told.append)
    for name in ("a", "b"):
        assert (tmp_path / f"here/{name}.csv").read_bytes() == (tmp_path / f"there/{name}.csv").read_bytes()
    assert [summary.frames for summary in there] == [summary.frames for summary in here] == [20, 20, 0]
    assert [bool(summary.error) for summary in there] == [False, False, True]
    again = detect([videos], tmp_path / "there", replace(CONFIG, ray="local"), quiet=True, tell=told.append)
    assert [summary.done_before for summary in again] == [True, True, False]


@pytest.mark.slow
def test_a_long_video_is_detected_in_chunks(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", WORKERS_PATH)
    path = write_video(tmp_path / "long.mp4", (ball_picture(288, 512, place) for place in ball_path(420, 288, 512)))
    detect([path], tmp_path / "here.csv", CONFIG, quiet=True)
    monkeypatch.setattr("ttcli.detection.cluster.LEAST_FRAMES", 200)
    config = replace(CONFIG, ray="local", chunk_minutes=8 / 60)
    [summary] = detect([path], tmp_path / "there.csv", config, quiet=True)
    assert summary.frames == 420
    assert (tmp_path / "here.csv").read_bytes() == (tmp_path / "there.csv").read_bytes()


@pytest.mark.slow
def test_a_task_whose_process_is_killed_runs_again(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", WORKERS_PATH)
    done = dict(run_tasks(killed_once, [(str(tmp_path / "mark"), number) for number in range(3)]))
    assert done == {0: 0, 1: 2, 2: 4} and (tmp_path / "mark").exists()


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_one_line():
    pytest.importorskip("ray")
    with pytest.raises(SettingError, match="no cluster at 127.0.0.1:1"):
        list(run_tasks(killed_once, [("x", 1)], "127.0.0.1:1"))
