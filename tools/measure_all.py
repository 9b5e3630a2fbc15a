"""Measures what docs/RESULTS.md shows, piece by piece, and writes its tables.

    python tools/measure_all.py SHARED WORK                       # all pieces, then the tables into docs/RESULTS.md
    python tools/measure_all.py SHARED WORK --only real --only opentt
    python tools/measure_all.py SHARED WORK --list                # the pieces, and which are done

SHARED has the labelled data: real/, ball_free/, broadcast/, opentt_labels/ and flights/. WORK keeps what was detected, and a table
for each piece that is done. A run that is interrupted goes on with the same line: it skips pieces that are done, and `detect`
skips videos that are done. `--again` measures the chosen pieces anew. All of them take hours on two cores.

Sentences between the tables are written by hand. Their figures come from WORK/match_strokes.json, which the piece `rallies` leaves,
from `tools/reliability.py` (confidence), and from the system (memory).
"""

import argparse
import csv
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ttcli
from ttcli.inference.runtimes import load_runtime
from ttcli.networks.devices import usable_cores

TOOLS = Path(__file__).parent
RESULTS = TOOLS.parent / "docs" / "RESULTS.md"
TAKEN_FOR_A_BALL = {
    "Priyanshu4_back_cut": ("a hall before play", ""),
    "cogsys_blurball_c3": ("snow from branches", "flakes"),
    "intel_bottle": ("bottles on a conveyor", "glints on the edge of a bottle"),
    "intel_car": ("a car park from above", ""),
    "qoxebupa_cardio-drumming": ("people who drum", "hands and an ear"),
    "qoxebupa_darts": ("darts, and a game like tennis after a cut", "in 29 frames a real ball that is hit"),
    "sam2_bedroom": ("a bedroom", ""),
    "sam2_coffee": ("a cup of coffee", ""),
}
"""Clip without a ball -> what it shows, and what was taken for a ball when somebody looked, on 2026-11-29."""
SETTINGS = {
    "default": (),
    "`--step 1`": ("--step", "1"),
    "`--step 9`": ("--step", "9"),
    "`--no-refine`": ("--no-refine",),
    "`--no-link`": ("--no-link",),
    "`--weights fast`": ("--weights", "fast"),
    "`--weights fast --step 9`": ("--weights", "fast", "--step", "9"),
}
TEST_SET = ("--part", "test", "--rallies", "8", "--seed", "9001", "--camera", "side", "--fps", "120", "--size", "1280x720")
RATES = {25: (1, 37), 30: (1, 45), 60: (1, 90), 120: (2, 180), 240: (4, 360)}
"""Frames per second -> stride of the default weights, and frames of 1.5 s."""
MATCHES = {
    "side, 10 min, 30 frames/s, seed 1501": ("side", "10", "1280x720", "30", "1501"),
    "behind an end, 10 min, 25 frames/s, seed 1604": ("end", "10", "1280x720", "25", "1604"),
    "broadcast, 10 min, 25 frames/s, seed 1605": ("broadcast", "10", "1280x720", "25", "1605"),
}
VIEWS = ("side", "oblique", "back")
TEST_GAMES = ("test_1", "test_3", "test_4")
Table = list[list[str]]
"""Rows of cells, the header first."""


class Place(NamedTuple):
    """Where the data lie, and where results are kept."""

    shared: Path
    work: Path


def run(*arguments: object) -> str:
    """Run a program of Python with this one's own interpreter, and return its standard output."""
    line = [sys.executable, *map(str, arguments)]
    print("$", *line[1:], file=sys.stderr, flush=True)
    environment = {**os.environ, "PYTHONPATH": str(TOOLS.parent)}
    return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout


def call(*arguments: object) -> str:
    """Run a command of ttcli, and return what it prints."""
    return run("-m", "ttcli", *arguments)


def tool(name: str, *arguments: object) -> str:
    """Run a tool of this folder, and return what it prints."""
    return run(TOOLS / f"{name}.py", *arguments)


def detect(videos: Path, output: Path, *options: str) -> Path:
    """Detect a folder of videos, those that are not done yet, and return the folder of results."""
    output.mkdir(parents=True, exist_ok=True)
    call("detect", videos, "-o", output, "-q", *options)
    return output


def simulate(output: Path, *options: str) -> Path:
    """Draw videos, unless they are there, and return their folder."""
    if not (output / "done").exists():
        call("simulate", "-o", output, "-q", "--overwrite", *options)
        (output / "done").touch()
    return output


def evaluate(predicted: Path, truth: Path, *options: str) -> dict[str, Any]:
    """Return the figures of `ttcli evaluate`."""
    return json.loads(call("evaluate", predicted, truth, "--json", *options))


def shown(value: float | None, digits: int = 3) -> str:
    """Return a figure as tables show it; a dash for 0/0."""
    return "–" if value is None else f"{value:.{digits}f}"


def percent(value: float, digits: int = 0) -> str:
    """Return a share in per cent."""
    return f"{100 * value:.{digits}f} %"


def machine(place: Place) -> Table:
    """Return the day, the version and the machine."""
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    name = names[0] if names else platform.processor() or platform.machine()
    precision = load_runtime(None, "cpu", "auto").precision
    row = [time.strftime("%Y-%m-%d"), ttcli.__version__, f"{usable_cores()} cores of an {name} ({precision}), no GPU"]
    return [["day", "version", "machine"], row]


def real(place: Place) -> Table:
    """Return the figures of each real clip, of all, and their intervals."""
    names = ("recall@10", "precision@10", "accuracy@10", "f1@10", "median", "false_claims_per_1000")

    def cells(figures: dict[str, Any]) -> list[str]:
        digits = {"median": 2, "false_claims_per_1000": 1}
        return [shown(figures.get(name), digits.get(name, 3)) for name in names]

    report = evaluate(detect(place.shared / "real", place.work / "real"), place.shared / "real")
    rows = [[clip["clip"], str(clip["labelled"]), *cells(clip)] for clip in report["clips"]]
    bounds = report["all"]["intervals_95"]
    rows.append(["all", str(report["all"]["labelled"]), *cells(report["all"])])
    for place_of_bound, name in enumerate(("95 % from", "95 % to")):
        rows.append([name, "", *cells({key: bound and bound[place_of_bound] for key, bound in bounds.items()})])
    means = {name: _mean([clip.get(name) for clip in report["clips"]]) for name in names[:-1]}
    rows.append(["mean of the clips", "", *cells(means)[:-1], ""])
    return [["clip", "frames", *(name.replace("_", " ") for name in names)], *rows]


def settings(place: Place) -> Table:
    """Return the figures of the real clips with other settings."""
    names = ("recall@10", "precision@10", "accuracy@5", "f1@10", "median", "false_claims_per_1000")
    rows = []
    for name, options in SETTINGS.items():
        folder = place.work / ("real" if not options else "_".join(("real", *options)).replace("-", ""))
        figures = evaluate(detect(place.shared / "real", folder, *options), place.shared / "real", "--bootstrap", "0")["all"]
        rows.append([name, *(shown(figures[key], 2 if key == "median" else 1 if "1000" in key else 3) for key in names)])
    return [["", *(name.replace("_", " ") for name in names)], *rows]


def ball_free(place: Place) -> Table:
    """Return in how many frames a ball is claimed where there is none."""
    claims = {}
    for weights in ("default", "fast"):
        folder = detect(place.shared / "ball_free", place.work / f"ball_free_{weights}", *_weights(weights))
        claims[weights] = {path.stem: _statuses(path) for path in sorted(folder.glob("*.csv"))}
    rows = []
    for clip, statuses in claims["default"].items():
        what, taken = TAKEN_FOR_A_BALL.get(clip, (clip, ""))
        seen = [each[clip].count("seen") for each in claims.values()]
        rows.append([what, f"{len(statuses):,}", *map(str, seen), taken])
    frames = sum(map(len, claims["default"].values()))
    every = [1000 * sum(each.count("seen") for each in clips.values()) / frames for clips in claims.values()]
    rows.append(["all, per 1,000", f"{frames:,}", *(f"{share:.0f}" for share in every), "the aim was 10"])
    return [["clip", "frames", "frames with a claim", "with `--weights fast`", "what is taken for a ball"], *rows]


def simulated(place: Place) -> Table:
    """Return the figures of the simulated test set."""
    drawn = simulate(place.work / "test_set", *TEST_SET, "--frames", "250")
    rows, labelled = [], 0
    for name in ("default", "`--no-refine`", "`--weights fast`"):
        folder = place.work / "_".join(("test_set_found", *SETTINGS[name])).replace("-", "")
        figures = evaluate(detect(drawn / "videos", folder, *SETTINGS[name]), drawn / "test", "--bootstrap", "0")["all"]
        labelled = figures["labelled"]
        rows.append([name, *(shown(figures[key]) for key in ("recall@10", "precision@10", "accuracy@5", "f1@10"))])
    return [[f"8 rallies, {labelled:,} labelled frames", "recall@10", "precision@10", "accuracy@5", "f1@10"], *rows]


def rates(place: Place) -> Table:
    """Return the figures of the same eight rallies at several frame rates."""
    names = ("recall@10", "precision@10", "f1@10", "accuracy@5", "rmse_512")
    rows = []
    for rate, (stride, frames) in RATES.items():
        options = (*TEST_SET[:4], "--seed", "9301", "--camera", "side", "--fps", str(rate), "--size", "1280x720")
        drawn = simulate(place.work / "rates" / str(rate), *options, "--frames", str(frames))
        found = detect(drawn / "videos", place.work / "rates" / f"found_{rate}")
        figures = evaluate(found, drawn / "test", "--bootstrap", "0")["all"]
        cells = [shown(figures[name], 2 if name == "rmse_512" else 3) for name in names]
        rows.append([str(rate), str(stride), f"{figures['labelled']:,}", *cells])
    return [["frames/s", "stride", "labelled frames", *names], *rows]


def broadcast(place: Place) -> Table:
    """Return how many labelled bounces of broadcasts are found."""
    clips, events = place.shared / "broadcast", place.work / "broadcast_events"
    found = detect(clips, place.work / "broadcast")
    events.mkdir(exist_ok=True)
    for path in sorted(found.glob("*.csv")):
        output = events / f"{path.stem}.events.csv"
        if not output.exists():
            call("spot", path, "--video", clips / f"{path.stem}.mp4", "-o", output, "-q")
    counts = json.loads(tool("measure_bounces", clips, events))
    rows = [
        [name, str(each["labelled"]), str(each["told"]), shown(each["told"] / each["labelled"]), str(each["beside"])]
        for name, each in sorted(counts.items(), key=lambda entry: (entry[0] == "all", entry[0]))
    ]
    every = counts["all"]
    serves = [str(every["serves"]), str(every["serves_told"]), shown(every["serves_told"] / every["serves"]), ""]
    return [["match", "bounces", "found", "share", "without a label"], *rows, ["the two of each serve", *serves]]


def opentt(place: Place) -> Table:
    """Return the figures of events on labelled paths of OpenTTGames."""
    labels, output = place.shared / "opentt_labels" / "test", place.work / "opentt"
    output.mkdir(parents=True, exist_ok=True)
    for game in TEST_GAMES:
        path = labels / "annotations" / game / "ball_markup.json"
        call("spot", path, "--size", "1920x1080", "-o", output / f"{game}.events.csv", "-q", "--overwrite")
    report = evaluate(output, labels)
    figures = report.get("events", report)["all"]
    kinds = figures["by_event"]
    rows = [
        [name, shown(kinds[key].get("pce")), shown(kinds[key]["f1@4"]), shown(kinds[key]["mean_abs_error_ms"], 1)]
        for key, name in (("bounce", "bounce"), ("net", "net crossing"))
    ]
    return [
        ["", "PCE", "F1@4", "off by, ms"], *rows,
        ["all", shown(figures["pce"]), shown(figures["f1@4"]), shown(figures["mean_abs_error_ms"], 1)],
    ]  # fmt: skip


def table(place: Place) -> Table:
    """Return how far the corners of found tables are from labelled ones, on broadcasts."""
    text = tool("measure_tables", place.shared / "broadcast", "--labels", place.work / "carried_labels.json")
    pattern = r"^(\w+)_[^_\s]+: (\d+) of (\d+) labelled told, (?:median [\d.]+, largest ([\d.]+) px|no table);"
    worst: dict[str, list[float | None]] = {}
    for match, _, _, largest in re.findall(pattern, text, re.MULTILINE):
        worst.setdefault(match, []).append(float(largest) if largest else None)
    rows = [_corners(match, clips) for match, clips in worst.items()]
    every = _corners("all broadcasts", [clip for clips in worst.values() for clip in clips])
    return [["clips", "clips told", "within 8 px", "within 12", "within 20", "median"], *rows, every]


def strokes(place: Place) -> Table:
    """Return how well speeds and landings of real flights are measured."""
    text = tool("measure_strokes", "flights", place.shared / "flights")
    names = {"given": "tt3d, own noise", "spindoe": "spindoe"}
    rows = []
    for line in text.splitlines():
        cells = [cell.split() for cell in line.split("|")]
        if cells[0] and cells[0][0] in names and cells[0][2:] == ["25", "2"]:
            kind, view = cells[0][:2]
            (count,), speed, landing = cells[1], cells[2], cells[3]
            off = percent(float(speed[1]), 1)
            parts = [speed[0], off, speed[2], landing[0], f"{float(landing[1]):.1f}", landing[2]]
            rows.append([f"{count} of {names[kind]}", view, *parts])
    header = ["flights", "view", "speed told", "median error", "inside 95 %", "landing told", "median, cm", "inside 95 %"]
    return [header, *rows]


def rallies(place: Place) -> Table:
    """Return how well rallies of simulated matches are found, from pixels."""
    rows = []
    for name, (camera, minutes, size, rate, seed) in MATCHES.items():
        options = ("--match", minutes, "--camera", camera, "--fps", rate, "--size", size, "--seed", seed, "--part", "test")
        drawn = simulate(place.work / f"match_{seed}", *options)
        ball, events, found, measured = (drawn / f"{what}.csv" for what in ("ball", "events", "rallies", "strokes"))
        if not found.exists():
            outputs = ("-o", ball, "--events", events, "--strokes", measured, "--rallies", found, "--all-events", "--overwrite")
            call("detect", drawn / "videos" / "test_1.mp4", *outputs, "-q")
        truth = drawn / "test" / "annotations" / "test_1"
        figures = json.loads(tool("measure_rallies", truth, ball, events, found))
        if camera == "side":
            (place.work / "match_strokes.json").write_text(tool("measure_match_strokes", truth, measured), encoding="utf-8")
        counts = (figures["rallies"], figures["found"], figures["too_many"])
        (right, told), (ends_right, ends_told) = figures["server"], figures["ended"]
        rows.append([name, *map(str, counts), shown(figures["f1"], 2), f"{right} of {told}", f"{ends_told}, {ends_right}"])
    return [["match", "rallies", "found", "too many", "F1", "server right", "end told, right"], *rows]


def review(place: Place) -> Table:
    """Return how many of the wrong rows the queue of doubt leads to first."""
    options = ("--rallies", "6", "--seed", "4711", "--size", "1280x720", "--fps", "50", "--frames", "400", "--part", "test")
    drawn = simulate(place.work / "doubt", *options)
    sets = {
        "seven real clips": (detect(place.shared / "real", place.work / "real"), place.shared / "real"),
        "six simulated rallies, 1280x720, 50 frames/s, seed 4711": (
            detect(drawn / "videos", place.work / "doubt_found"), drawn / "test" / "annotations",
        ),
    }  # fmt: skip
    rows = []
    for name, (found, truth) in sets.items():
        figures = json.loads(tool("measure_review", found, truth, *(("--size", "1280x720") if "simulated" in name else ())))
        gone = [percent(share) for share in figures["gone_after"].values()]
        rows.append([name, f"{figures['frames']:,}", str(figures["errors"]), *gone, percent(figures["half_gone_after"], 1)])
    shares = ("after 1 %", "after 2 %", "after 5 %", "after 10 %")
    return [["share of all errors gone", "frames", "errors", *shares, "half are gone after"], *rows]


def speed(place: Place) -> Table:
    """Return how long a frame takes; the machine should be at rest."""
    rows = []
    for camera, ways in json.loads(tool("measure_speed", place.shared / "real")).items():
        for name, each in ways.items():
            if camera == "still" or not name.startswith("decoding"):
                what = f"`{name}`" if "-" in name or name == "fast" else name
                cells = [f"{each['ms']:.1f}", f"{each['relative']:.1f}", f"{each['cpu_ms']:.1f}", f"{1000 / each['ms']:.0f}"]
                rows.append([f"{what}, {camera}", *cells])
    return [["", "ms a frame", "relative to decoding", "processor ms", "frames/s"], *rows]


PIECES: dict[str, Callable[[Place], Table]] = {
    "machine": machine, "opentt": opentt, "strokes": strokes, "real": real, "settings": settings, "ball-free": ball_free,
    "simulated": simulated, "rates": rates, "broadcast": broadcast, "table": table, "rallies": rallies, "review": review,
    "speed": speed,
}  # fmt: skip
"""Name in the `measured` comments of docs/RESULTS.md -> what measures it; the cheapest first, the day and machine always anew."""


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _weights(name: str) -> tuple[str, ...]:
    return () if name == "default" else ("--weights", name)


def _statuses(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row["status"] for row in csv.DictReader(file)]


def _corners(name: str, clips: Sequence[float | None]) -> list[str]:
    told = sorted(clip for clip in clips if clip is not None)
    within = [str(sum(clip <= bound for clip in told)) for bound in (8, 12, 20)]
    return [name, f"{len(told)} of {len(clips)}", *within, shown(told[len(told) // 2], 1) if told else "–"]


def as_markdown(rows: Table) -> str:
    """Return a table in Markdown."""
    header, *others = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([header, "|" + "---|" * len(rows[0]), *others])


def with_table(page: str, name: str, text: str) -> str:
    """Return a page with another table below the comment `measured: NAME`."""
    pattern = rf"(<!-- measured: {re.escape(name)} -->\n)(?:\|.*\n)+"
    changed, count = re.subn(pattern, lambda found: f"{found[1]}{text}\n", page)
    if count != 1:
        raise ValueError(f"the page has {count} tables below <!-- measured: {name} -->")
    return changed


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path, help="folder of the labelled data")
    parser.add_argument("work", type=Path, help="folder for results, by which an interrupted run goes on")
    parser.add_argument("--only", action="append", choices=PIECES, default=[], help="measure this piece; may be repeated")
    parser.add_argument("--again", action="store_true", help="measure pieces that are done anew")
    parser.add_argument("--list", action="store_true", help="only list the pieces")
    parser.add_argument("--page", type=Path, default=RESULTS, help="page to write the tables into")
    options = parser.parse_args()
    tables = options.work / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    place = Place(options.shared.resolve(), options.work.resolve())
    for name, piece in PIECES.items():
        kept = tables / f"{name}.md"
        if options.list:
            print(f"{name}: {'done' if kept.exists() else 'to do'}")
            continue
        if options.only and name not in options.only:
            continue
        if options.again or name == "machine" or not kept.exists():
            began = time.monotonic()
            text = as_markdown(piece(place))
            part = kept.with_suffix(".part")
            part.write_text(text, encoding="utf-8")
            shutil.move(part, kept)
            print(f"{name}: measured in {time.monotonic() - began:.0f} s", flush=True)
        page = options.page.read_text(encoding="utf-8")
        options.page.write_text(with_table(page, name, kept.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
