"""Interrupts commands at random moments, and looks at what they leave.

    python tools/interrupt.py --times 20 --out interrupted/
    python tools/interrupt.py --times 3 --only ray --signals TERM,KILL

Each command runs in a session of its own on drawn videos. Ctrl-C (INT) goes to all of its processes, as a terminal sends it; TERM
and KILL go to the first alone. What has to be so: after INT and TERM one line on stderr and exit code 1; every file with a
final name whole; nothing hidden left, or after KILL only what the next run removes; no process 5 s later. Each fault is a line
in --out, and the table counts them.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from safetensors import safe_open

from ttcli.outputs import holds_something
from ttcli.results.trajectory import read_ball_csv
from ttcli.training_set.folder import read_clips
from ttcli.training_set.frame_store import FrameStore
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader

MARK = "TTCLI_INTERRUPT"
"""Variable of the environment by which the processes of a run are found, whichever session they are in."""
SIGNALS = {name: getattr(signal, f"SIG{name}") for name in ("INT", "TERM", "KILL")}
PROCESS_SECONDS = 5.0
"""After the first process has ended, the others have so long."""
SAVE_SECONDS = 30.0
"""A run of training saves first."""
END_SECONDS = 240.0
"""A run that has not ended so long after its signal hangs."""
FAST = ["--weights", "fast", "--step", "9", "-q"]
WINDOWS = ["--no-events", "--size", "320x192", "--window", "3"]
TRAIN = ["train", "{in}/set", "-o", "{run}/run", "--steps", "6", "--save-every", "2", "--batch", "2", "--reuse", "1",
         "--window", "3", "--crop", "64x64", "--limit-samples", "8", "-q"]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A command that is interrupted; {in} is the folder of drawn videos, {run} that of the run."""

    arguments: list[str]
    again: list[str] = field(default_factory=lambda: ["--overwrite"])
    """What the next run is given too."""
    chatty: bool = False
    """Whether a library tells of its processes on stderr, too."""


CASES = {
    "detect, overlay": Case(["detect", "{in}/videos/game_1.mp4", "-o", "{run}/ball.csv", "--overlay", "{run}/o.mp4", *FAST]),
    "detect, folder": Case(["detect", "{in}/videos", "-o", "{run}/", *FAST]),
    "detect --ray": Case(["detect", "{in}/videos/game_1.mp4", "-o", "{run}/ball.csv", "--ray", "local", *FAST]),
    "extract": Case(["extract", "{in}", "-o", "{run}/set", *WINDOWS, "-q"], []),
    "extract --jobs 2": Case(["extract", "{in}", "-o", "{run}/set", *WINDOWS, "--jobs", "2", "-q"], []),
    "train": Case(TRAIN),
    "train --workers 2": Case([*TRAIN, "--workers", "2"]),
    "train --devices 2": Case([*TRAIN, "--devices", "2", "--device", "cpu"], chatty=True),
    "render": Case(["render", "{in}/videos/game_1.mp4", "--ball", "{in}/ball.csv", "-o", "{run}/o.mp4", "-q"]),
    "simulate --jobs 2": Case(
        ["simulate", "-o", "{run}/drawn", "--rallies", "2", "--frames", "40", "--size", "320x192", "--jobs", "2", "-q"]
    ),
}


class Run:
    """A command in a session of its own, and a folder for temporary files of its own.

    Args:
        case: The command.
        inputs: Folder of drawn videos.
        folder: For what it writes; emptied first unless `again`.
        again: Run it once more, after one that was killed.
    """

    def __init__(self, case: Case, inputs: Path, folder: Path, again: bool = False) -> None:
        self.folder, self.mark = folder, uuid.uuid4().hex
        if not again:
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "tmp").mkdir(parents=True)
        words = [word.replace("{in}", str(inputs)).replace("{run}", str(folder)) for word in case.arguments]
        environment = {**os.environ, MARK: self.mark, "TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ttcli", *words, *(case.again if again else [])],
            start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def send(self, name: str) -> None:
        """Send a signal, as it is sent in life."""
        if self.process.poll() is None:
            (os.killpg if name == "INT" else os.kill)(self.process.pid, SIGNALS[name])

    def end(self) -> list[str]:
        """Wait for the end of the command, and return its lines on stderr; `hangs` is one where it does not end."""
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            hangs = ["hangs"]
        else:
            hangs = []
        left = {number: name_of(number) for number in self.left_processes(PROCESS_SECONDS)}
        for number in left:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        return [*hangs, *self.process.stderr.read().splitlines(), *(f"process left: {name}" for name in left.values())]

    def left_processes(self, seconds: float) -> list[int]:
        """Return the processes that are still there after some seconds."""
        last = time.monotonic() + seconds
        while (found := list(self._processes())) and time.monotonic() < last:
            time.sleep(0.1)
        return found

    def _processes(self) -> Iterator[int]:
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (path / "environ").read_bytes():
                    yield int(path.name)
            except OSError:  # it has ended meanwhile
                continue

    def hidden(self) -> list[str]:
        """Return what lies in the folder of the run under a hidden name, and temporary files of ttcli; libraries keep caches."""
        others = self.folder / "tmp"
        paths = [path for path in self.folder.rglob(".*") if others not in path.parents] + list(others.glob("ttcli*"))
        return [str(path.relative_to(self.folder)) for path in paths]

    def broken(self, whole: dict[str, object]) -> list[str]:
        """Return what has its final name and is not whole."""
        lines = []
        for path in self._files():
            try:
                content = content_of(path)
            except Exception as error:  # whatever a reader says of it
                lines.append(f"broken: {path.name}: {error}")
            else:
                if content != whole.get(str(path.relative_to(self.folder)), content):
                    lines.append(f"not whole: {path.name}: {content}")
        for folder in self.folder.glob("set"):
            for name, clip in read_clips(folder).items():
                if sum(clip["frames"].values()) != len(FrameStore(folder / "clips" / name).frame_indexes):
                    lines.append(f"not whole: clip {name}")
        return lines

    def contents(self) -> dict[str, object]:
        """Return what a run that was not interrupted has in its files."""
        return {str(path.relative_to(self.folder)): content_of(path) for path in self._files()}

    def _files(self) -> list[Path]:
        files = (path for path in self.folder.rglob("*") if path.is_file() and (self.folder / "tmp") not in path.parents)
        return [path for path in files if not any(part.startswith(".") for part in path.relative_to(self.folder).parts)]


def name_of(number: int) -> str:
    """Return a process's number and the beginning of its command line; whether it has ended and nobody has asked how."""
    try:
        command = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        command = "ended by now"
    return f"{number} ({command[:80] or 'ended'})"


def content_of(path: Path) -> object:
    """Return something of a file that a whole one has and a half one has not, as its own reader tells it."""
    if path.suffix == ".csv" and path.name != "metrics.csv" and path.parent.parent.name != "clips":
        return sum(1 for _ in read_ball_csv(path))
    if path.suffix == ".mp4":
        info = probe(path)
        with FrameReader(info, info.height, info.width) as reader:
            return sum(frame.picture is not None for frame in reader)
    if path.suffix == ".json":
        return bool(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            return sorted(file.keys())
    return path.stat().st_size > 0


def prepare(folder: Path) -> None:
    """Draw the videos, and detect what `render` draws."""
    if (folder / "ball.csv").exists():
        return
    command = [sys.executable, "-m", "ttcli"]
    drawn = ["simulate", "-o", str(folder), "--rallies", "3", "--frames", "60", "--size", "320x192", "--jobs", "2", "-q"]
    subprocess.run([*command, *drawn, "--overwrite"], check=True, stdout=subprocess.DEVNULL)
    extract = ["extract", str(folder), "-o", str(folder / "set"), *WINDOWS, "-q"]
    subprocess.run([*command, *extract], check=True, stdout=subprocess.DEVNULL)
    detect = ["detect", str(folder / "videos/game_1.mp4"), "-o", str(folder / "ball.csv"), *FAST]
    subprocess.run([*command, *detect], check=True, stdout=subprocess.DEVNULL)


def interrupt(case: Case, name: str, seconds: float, inputs: Path, folder: Path, whole: dict) -> tuple[str, list[str]]:
    """Interrupt a command once; return how it ended, and what is wrong."""
    run = Run(case, inputs, folder)
    time.sleep(seconds)
    run.send(name)
    sent = time.monotonic()
    lines = run.end()
    took = time.monotonic() - sent
    code = run.process.returncode
    faults = [line for line in lines if line.startswith(("process left", "hangs"))] + run.broken(whole)
    if code == 0:
        ended = "done"
    elif code == -SIGNALS[name] and name == "TERM" and not holds_something(folder):
        ended = "not begun"  # Python itself was not up yet
    else:
        ended = "ended"
    if name == "KILL":
        once_more = Run(case, inputs, folder, again=True)
        told = once_more.end()
        faults += [f"the next run ends with {once_more.process.returncode}: {told}"] if once_more.process.returncode else []
        faults += [f"left by the next run: {path}" for path in once_more.hidden()]
        return ended, faults + once_more.broken(whole)
    if case.chatty:
        lines = [line for line in lines if line.startswith(("ttcli:", "Traceback"))]
    if ended == "ended" and (code, lines) != (1, ["ttcli: interrupted"]):
        faults.append(f"exit code {code}, {lines}")
    if took > (SAVE_SECONDS if "train" in case.arguments else PROCESS_SECONDS):
        faults.append(f"took {took:.1f} s")
    return ended, faults + [f"left: {path}" for path in run.hidden()]


def main() -> None:
    """Interrupt each command so many times by each signal, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20, help="of each command and signal")
    parser.add_argument("--only", default="", help="commands whose names hold this")
    parser.add_argument("--signals", default="INT,TERM,KILL")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("interrupted"))
    options = parser.parse_args()
    out = options.out.resolve()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts in the background ignore it
    prepare(out / "in")
    print("| command | seconds | signal | times | ended | done already | faults |\n|---|---|---|---|---|---|---|", flush=True)
    for title, case in CASES.items():
        if options.only not in title:
            continue
        began = time.monotonic()
        run = Run(case, out / "in", out / "run")
        told = run.end()
        if run.process.returncode:
            sys.exit(f"{title}: {told}")
        usual, whole = time.monotonic() - began, run.contents()
        for name in options.signals.split(","):
            chance = random.Random(f"{options.seed} {title} {name}")
            once = partial(interrupt, case, name, inputs=out / "in", folder=out / "run", whole=whole)
            count(title, name, [chance.uniform(0, usual) for _ in range(options.times)], usual, out, once)


def count(
    title: str, name: str, moments: list[float], usual: float, out: Path, once: Callable[[float], tuple[str, list[str]]]
) -> None:
    """Interrupt a command at some moments, and print a row of the table."""
    ends, wrong = [], 0
    for seconds in moments:
        ended, faults = once(seconds)
        ends.append(ended)
        wrong += bool(faults)
        with (out / "faults.txt").open("a") as file:
            file.writelines(f"{title}, {name} after {seconds:.2f} s: {fault}\n" for fault in faults)
    done = ends.count("done")
    print(f"| {title} | {usual:.1f} | {name} | {len(ends)} | {len(ends) - done} | {done} | {wrong} |", flush=True)


if __name__ == "__main__":
    main()
