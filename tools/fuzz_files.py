"""Damages files of labels, results and networks for as long as one likes, and looks how their readers take it.

    python tools/fuzz_files.py --kind cvat --files 2000 --out fuzz/

As `tools/fuzz.py` does for videos: each batch runs in a process of its own, which may take 2 GB beyond what the libraries take.
The same damage as in `tests/tools/test_fuzz_files.py`.
"""

import argparse
import resource
import sys
import tempfile
import warnings
from contextlib import suppress
from functools import partial
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
            fuzz.record(lines, seed, kind, partial(try_file, kind, seed, seeds, Path(scratch)))
        fuzz.record_memory(lines)


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
    command = [sys.executable, __file__, "--kind", options.kind, "--out", str(options.out)]
    fuzz.drive(command, options.first, options.files, 5 * fuzz.BATCH, result)
    return None


if __name__ == "__main__":
    main()
