"""Fixtures of the tests: small videos, a network whose answers are known, and a few simulated rallies."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import hypothesis
import pytest
import torch
from ball_videos import HEIGHT, WIDTH, ball_path, ball_picture, write_video
from extract_runs import PLACES
from label_files import write_tracknet
from made_once import made_once
from stand_ins import BrightestSpot, SmallNetwork

from ttcli.inference.runtimes import TorchRuntime
from ttcli.networks.registry import MODELS
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.textures import TextureBank, paint_textures
from ttcli.simulation.timeline import RallyBatch
from ttcli.table import looking
from ttcli.training import data as training_data
from ttcli.training import drawn_windows

# A run tells of the change at hand, not of what was drawn: the same examples each time.
# HYPOTHESIS_PROFILE=search draws others.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.register_profile("search", derandomize=False)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# What was started in the background, or by nohup, ignores these; the tests send them, and so do processes that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


CURVES: list[bytes] = []
"""The picture of curves that `one_picture_of_curves` keeps."""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Compute in one thread, whatever the test before chose: on small pictures threads mostly wait for each other.

    `train` and `detect` take nearly all cores, of which each of several processes of pytest has one.
    """
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def table_finder_read_once() -> Iterator[None]:
    """Read the table finder of the package once in each process: reading it takes half of detecting a small video."""
    read = cache(looking.load_table_finder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looking, "load_table_finder", read)
        yield


@pytest.fixture
def runtime() -> TorchRuntime:
    """A runtime that finds the bright ball of these videos, at 64 x 96."""
    return TorchRuntime(BrightestSpot(), {"area": HEIGHT * WIDTH}, device="cpu", precision="fp32")


@pytest.fixture
def ball_video(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a video of a ball on a path, or hidden where a position is None."""

    def make(
        name: str = "match.mp4",
        positions: Sequence[tuple[float, float] | None] | int = 24,
        height: int = HEIGHT,
        width: int = WIDTH,
        **settings,
    ) -> Path:
        if isinstance(positions, int):
            positions = ball_path(positions, height, width)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_video(path, (ball_picture(height, width, position) for position in positions), **settings)

    return make


@pytest.fixture(scope="session")
def rallies(tmp_path_factory) -> RallyBatch:
    """A few short simulated rallies; read only, for making them takes seconds. The first of several processes makes them."""

    def make() -> RallyBatch:
        return simulate_rallies(8, torch.Generator().manual_seed(5), duration_seconds=2.0, sample_rate=400)

    alone = "PYTEST_XDIST_WORKER" not in os.environ
    return make() if alone else made_once(tmp_path_factory.getbasetemp().parent / "rallies.pt", make)


@pytest.fixture(scope="session")
def textures() -> TextureBank:
    """A few painted walls and floors."""
    return paint_textures(0, walls=4, floors=3)


@pytest.fixture
def small_network(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let `small` be a network of the registry, and return a function that gives it settings of SmallNetwork."""

    def set_up(**settings) -> None:
        def build(wanted) -> SmallNetwork:
            return SmallNetwork(wanted.channels_in, wanted.frames_out, **settings)

        monkeypatch.setitem(MODELS, "small", build)

    set_up()
    return set_up


@pytest.fixture
def one_picture_of_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first run of a process draw its curves, and the others take that picture: it takes half of a run of a few steps."""
    from ttcli.training import report

    draw = report.draw_curves

    def curves_of_the_first(rows: list[dict]) -> bytes:
        CURVES[:] = CURVES or [draw(rows)]
        return CURVES[0]

    monkeypatch.setattr(report, "draw_curves", curves_of_the_first)


@pytest.fixture
def drawn_quickly(rallies: RallyBatch, textures: TextureBank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw windows and films from a few rallies and walls that are there already, and few of those that are not trained on.

    Replaced, for there is nothing to set: a run plays its rallies for itself, which takes most of a short one.
    """
    monkeypatch.setattr(drawn_windows, "simulate_rallies", lambda count, generator, device: rallies.to(device))
    monkeypatch.setattr(drawn_windows, "paint_textures", lambda seed: textures)
    few = {"VALIDATION_WINDOWS": 8, "CALIBRATION_FILMS": 1, "FILM_FRAMES": 12, "FILM_HEIGHT": 64, "FILM_WIDTH": 96}
    for name, value in few.items():
        monkeypatch.setattr(training_data, name, value)


@pytest.fixture(scope="session")
def film(tmp_path_factory) -> Path:
    """A video of 24 frames with a ball on PLACES."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return write_video(path, (ball_picture(HEIGHT, WIDTH, place) for place in PLACES.values()))


@pytest.fixture
def pair(tmp_path: Path, film: Path):
    """Return a function that puts the film and labels under a name into the folder `in`."""

    def make(name: str = "a", places=PLACES, number: int = 0) -> Path:
        # A number behind the end makes another video of it, as its hash goes.
        video = tmp_path / "in" / f"{name}.mp4"
        video.parent.mkdir(exist_ok=True)
        video.write_bytes(film.read_bytes() + bytes(number))
        write_tracknet(video.with_suffix(".csv"), places)
        return video

    return make
