"""Names of pictures that are numbered by frame: 0000.jpg, img_000123.txt."""

import re

from ttcli.results.csv_rows import frame_number


def frame_of_stem(stem: str) -> int | None:
    """Return the number at the end of a file name without suffix, or None where there is none."""
    number = re.search(r"[0-9]+$", stem)
    return frame_number(number.group()) if number else None


def is_plain_name(name: str) -> bool:
    """Return whether a name that a label file brings along names no folder, on any system."""
    return not re.search(r"[/\\:\0]", name) and name not in ("", ".", "..")
