"""The examples of every command's help are run: in a folder with the files that they name, or up to a pipeline that takes hours."""

import shlex
import shutil
from fractions import Fraction
from pathlib import Path

import pytest
from ball_videos import HEIGHT, WIDTH, ball_path, ball_picture, write_video
from click.testing import CliRunner
from label_files import write_markup
from reported_matches import write_match
from thrown import HEIGHT as HIGH
from thrown import SIDE, corners, rows, throw
from thrown import WIDTH as WIDE

from ttcli.cli import main
from ttcli.results.events import Event, write_events_csv
from ttcli.results.rallies import Rally, write_rallies_csv
from ttcli.results.trajectory import BallPosition, Status, write_ball_csv

HANDED_ON = {
    "train": "train", "simulate": "simulate", "bench": "bench", "probe": "probe", "export": "export", "models": "models",
    "review": "review", "review --apply": "apply_corrections",
}  # fmt: skip
"""Command -> its function, where that would train, draw, load networks or wait for a person: examples are run up to it."""
SECONDS = 70
"""Of the match, at a frame a second: examples begin at 62."""


def examples() -> list[str]:
    """Return each line of an `Example` at the end of a command's help, and of the list of commands."""
    epilogs = [main.epilog, *(command.epilog for command in main.commands.values())]
    return [line.strip() for text in epilogs for line in (text or "").splitlines() if line.strip().startswith("ttcli ")]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """A folder with every file that an example reads."""
    folder = tmp_path_factory.mktemp("world")
    places = ball_path(SECONDS)
    pictures = [ball_picture(HEIGHT, WIDTH, place) for place in places]
    match = write_video(folder / "match.mp4", pictures, Fraction(1))
    seen = [BallPosition(frame, float(frame), *place, 0.99, Status.SEEN) for frame, place in enumerate(places)]
    for name in ("ball", "match", "labels"):
        write_ball_csv(folder / f"{name}.csv", seen)
    write_events_csv(folder / "events.csv", [Event(8.0, 8.0, "bounce", 30.0, 30.0, 0.9, 0.01, 0.1, 0.2)])
    write_rallies_csv(folder / "rallies.csv", [Rally(float(begin), begin + 9.0, begin, begin + 9, 6, 7) for begin in (3, 30)])
    labels = dict(enumerate(places[:24]))
    for parent in (folder, folder / "test_1"):
        write_markup(parent, labels, {4: "bounce", 9: "net"})
    for part, game in (("training", "game_1"), ("training", "game_2")):
        write_markup(folder / "OpenTTGames" / part / "annotations" / game, labels, {10: "bounce"})
    for place in ("OpenTTGames/videos/game_1.mp4", "OpenTTGames/videos/game_2.mp4", "videos/a.mp4", "moved/match.mp4"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        write_video(folder / place, pictures[:24]) if "game" in place else shutil.copy(match, folder / place)
    for parent in ("results", "test/annotations"):
        (folder / parent).mkdir(parents=True)
        shutil.copy(folder / "ball.csv", folder / parent / "match.csv")
        shutil.copy(match, folder / parent / "match.mp4")
    for number, name in enumerate(("monday", "tuesday")):
        write_match(folder, rallies=2, seed=number, name=name)
    converted = CliRunner().invoke(main, ["convert", str(folder / "ball.csv"), str(folder / "ball.xml"), "--video", str(match)])
    assert converted.exit_code == 0, converted.output
    return folder


@pytest.fixture
def run(world, tmp_path, monkeypatch, runtime):
    """Return a function that runs an example in a copy of the world."""
    folder = tmp_path / "world"
    shutil.copytree(world, folder)
    monkeypatch.setattr("ttcli.detect.load_network", lambda *settings: runtime)
    handed = []

    class Summary(dict):
        """What any of these functions returns: for some commands a dict, for others an object with these methods."""

        as_json, as_table, as_tables, verdict = dict, str, list, "good"

    def pipeline(*arguments, **settings):
        handed.append(arguments)
        return Summary()

    for command, function in HANDED_ON.items():
        monkeypatch.setattr(f"ttcli.{command.split()[0]}.{function}", pipeline)

    def call(line: str):
        name, *arguments = shlex.split(line)[1:]
        if name == "verify":  # needs the manifest that `detect` writes
            monkeypatch.chdir(folder)
            assert CliRunner().invoke(main, ["detect", "match.mp4", "-o", "ball.csv", "--overwrite"]).exit_code == 0
        if name == "strokes":  # needs a real flight, and its table
            flight = throw(SIDE, (0.3, 7.5, 1.2), (-150.0, 0.0, 0.0))
            write_ball_csv(folder / "ball.csv", rows(flight.times, flight.pixels), overwrite=True)
            arguments += ["--size", f"{WIDE}x{HIGH}"] + ([] if "--table" in arguments else ["--table", corners(SIDE)])
            if "--events" in arguments:
                write_events_csv(folder / "events.csv", [], overwrite=True)
        elif name in ("spot", "rallies", "evaluate"):
            arguments += [] if "--size" in arguments else ["--size", f"{WIDTH}x{HEIGHT}"]
            arguments += ["--fps", "120"] if "markup" in line and name != "evaluate" else []
        monkeypatch.chdir(folder / "OpenTTGames" if line == "ttcli extract --events bounce,net" else folder)
        return CliRunner().invoke(main, [name, *arguments, *(["--overwrite"] if has_option(name, "overwrite") else [])]), handed

    return call


def has_option(name: str, option: str) -> bool:
    return any(parameter.name == option for parameter in main.commands[name].params)


@pytest.mark.parametrize("line", sorted(set(examples())))
def test_an_example_runs(line, run):
    result, handed = run(line)
    assert result.exit_code == 0, result.output
    assert bool(handed) == (line.split()[1] in HANDED_ON)
