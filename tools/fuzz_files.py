"""Damages files of labels, results and networks for as long as one likes, and looks how their readers take it.

    python tools/fuzz_files.py --kind cvat --files 2000 --out fuzz/

As `tools/fuzz.py` does for videos: each batch runs in a process of its own, which may take 2 GB beyond what the libraries take.
The same damage as in `tests/tools/test_fuzz_files.py`.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path

import fuzz

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

MEMORY_BYTES = 2 << 30
"""Beyond what a process takes that has read an undamaged file."""


def run_batch(kind: str, first: int, count: int, seeds: Path, result: Path) -> None:
    """Try `count` files from seed `first` on, and write a line for each into `result` as it is done."""
    from file_mutations import try_file

    warnings.simplefilter("error")  # of a library: nobody shall see one
    with result.open("a", buffering=1) as lines, tempfile.TemporaryDirectory() as scratch:
        for seed in range(1, 20):  # libraries and their threads are there then
            lines.write(f"warm {seed}\n")
            with suppress(Exception):
                try_file(kind, -seed, seeds, Path(scratch))
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_BYTES, taken + MEMORY_BYTES))
        for seed in range(first, first + count):
            lines.write(f"begin {seed} {kind}\n")
            started = time.monotonic()
            try:
                outcome = try_file(kind, seed, seeds, Path(scratch))
            except Exception as error:  # what is looked for: anything that is no TtcliError
                outcome = f"crash {type(error).__name__}: {error}".replace("\n", " ")[:300]
            lines.write(f"end {seed} {time.monotonic() - started:.3f} {outcome}\n")
        lines.write(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}\n")


def main() -> None:
    """Run batch after batch, and print what came of them."""
    from file_mutations import KINDS, make_seeds

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--out", type=Path, default=Path("fuzz"))
    parser.add_argument("--batch", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = options.out / options.kind
    seeds, result = folder / "seeds", folder / "result.txt"
    if options.batch:
        return run_batch(options.kind, *options.batch, seeds, result)
    seeds.mkdir(parents=True, exist_ok=True)
    make_seeds(seeds, options.kind)
    result.unlink(missing_ok=True)
    first, end = options.first, options.first + options.files
    died: list[str] = []
    while first < end:
        count = min(5 * fuzz.BATCH, end - first)
        kind = ["--kind", options.kind, "--out", str(options.out)]
        with (folder / "stderr.txt").open("a") as errors:
            process = subprocess.Popen([sys.executable, __file__, *kind, "--batch", str(first), str(count)], stderr=errors)
            fate = fuzz._watch(process, result)
        done = fuzz._seeds_begun(result)
        if fate is None:
            first += count
        elif not done or done[-1] < first:
            sys.exit(f"the first files of a batch did it: {fate}; see {folder / 'stderr.txt'}")
        else:  # the last file that was begun did it; go on behind it
            died.append(f"{fate} at seed {done[-1]}")
            first = done[-1] + 1
        print(f"{first - options.first} of {options.files} files, {len(died)} processes died", flush=True)
    fuzz._report(result, died)
    return None


if __name__ == "__main__":
    main()
