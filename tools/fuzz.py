"""Damages videos for as long as one likes, and looks how `detect` and `probe` take it.

    python tools/fuzz.py --files 20000 --out fuzz/

Each batch runs in a process of its own, so that a crash, a hang or a lack of memory is seen and counted; what was found
is kept in --out with the seed that makes it again. The same damage as in `tests/tools/test_fuzz.py`.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TextIO

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

BATCH = 100
"""Files in one process."""
FILE_SECONDS = 10
"""For one file; what takes longer counts as a hang."""
MEMORY_BYTES = 6 << 30
"""Address space of a process, of which torch alone takes some three."""


def run_batch(first: int, count: int, folder: Path, result: Path) -> None:
    """Try `count` files from seed `first` on, and write a line for each into `result` as it is done."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    from mutations import SEEDS, mutate
    from stand_ins import BrightestSpot
    from trials import try_file

    import ttcli.probe
    from ttcli.inference.runtimes import TorchRuntime

    ttcli.probe.TIMED_SECONDS = 0.0
    runtime = TorchRuntime(BrightestSpot(), {"area": 32 * 64}, device="cpu", precision="fp32")
    with result.open("a", buffering=1) as lines, tempfile.TemporaryDirectory() as scratch:
        for seed in range(first, first + count):
            name = SEEDS[seed % len(SEEDS)]
            path = Path(scratch) / name
            path.write_bytes(mutate((folder / name).read_bytes(), random.Random(f"long {seed}")))
            record(lines, seed, name, partial(try_file, path, Path(scratch), runtime))
        record_memory(lines)


def main() -> None:
    """Run batch after batch, and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--out", type=Path, default=Path("fuzz"))
    parser.add_argument("--batch", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    seeds, result = options.out / "seeds", options.out / "result.txt"
    if options.batch:
        return run_batch(*options.batch, seeds, result)
    from mutations import make_seeds

    seeds.mkdir(exist_ok=True)
    make_seeds(seeds)
    result.unlink(missing_ok=True)
    drive([sys.executable, __file__, "--out", str(options.out)], options.first, options.files, BATCH, result)
    return None


def record(lines: TextIO, seed: int, label: str, attempt: Callable[[], str]) -> None:
    """Try one file, and write what came of it, with the seed that makes it."""
    lines.write(f"begin {seed} {label}\n")
    started = time.monotonic()
    try:
        outcome = attempt()
    except Exception as error:  # what is looked for: anything that is no TtcliError
        outcome = f"crash {type(error).__name__}: {error}".replace("\n", " ")[:300]
    lines.write(f"end {seed} {time.monotonic() - started:.3f} {outcome}\n")


def record_memory(lines: TextIO) -> None:
    """Write how much memory this process took at most, in MB."""
    lines.write(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}\n")


def drive(command: list[str], first: int, files: int, batch: int, result: Path) -> None:
    """Run a command with `--batch` FIRST COUNT until all files are tried, and print what came of them.

    Args:
        command: Appends to `result` what `record` writes.
        first: The first seed.
        files: How many.
        batch: Files in one process.
        result: The file of results; what the processes say goes into stderr.txt beside it.
    """
    begun, end = first, first + files
    died: list[str] = []
    while first < end:
        count = min(batch, end - first)
        with (result.parent / "stderr.txt").open("a") as errors:
            fate = _watch(subprocess.Popen([*command, "--batch", str(first), str(count)], stderr=errors), result)
        done = _seeds_begun(result)
        if fate is None:
            first += count
        elif not done or done[-1] < first:
            sys.exit(f"a batch ended before its first file: {fate}; see {result.parent / 'stderr.txt'}")
        else:  # the last file that was begun did it; go on behind it
            died.append(f"{fate} at seed {done[-1]}")
            first = done[-1] + 1
        print(f"{first - begun} of {files} files, {len(died)} processes died", flush=True)
    _report(result, died)


def _watch(process: subprocess.Popen, result: Path) -> str | None:
    """Wait for a batch; return `hang` or `died` where it does not end well."""
    size, since = -1, time.monotonic()
    while process.poll() is None:
        time.sleep(0.2)
        now = result.stat().st_size if result.exists() else 0
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > FILE_SECONDS + 30:  # the first line waits for torch
            process.kill()
            process.wait()
            return "hang"
    return f"died ({process.returncode})" if process.returncode else None


def _seeds_begun(result: Path) -> list[int]:
    lines = result.read_text().splitlines() if result.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith("begin")]


def _report(result: Path, died: list[str]) -> None:
    lines = [line.split(maxsplit=3) for line in result.read_text().splitlines()]
    ended = [line for line in lines if line[0] == "end"]
    crashes = [f"seed {line[1]}: {line[3]}" for line in ended if line[3].startswith("crash")]
    slow = [f"seed {line[1]}: {line[2]} s" for line in ended if float(line[2]) > FILE_SECONDS]
    outcomes = {kind: sum(line[3] == kind for line in ended) for kind in ("rows", "refused")}
    memory = max((int(line[1]) for line in lines if line[0] == "memory"), default=0)
    print(f"files {len(ended) + len(died)}: {outcomes}; crashes {len(crashes)}, died {len(died)}, slow {len(slow)}")
    print(f"slowest {max(float(line[2]) for line in ended):.2f} s; peak memory of a process {memory} MB")
    print("\n".join([*crashes, *slow, *died]))


if __name__ == "__main__":
    main()
