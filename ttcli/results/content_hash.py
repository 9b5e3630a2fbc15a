"""What a file holds, as a number that tells it from any other."""

import hashlib
from pathlib import Path

from ttcli.errors import InputError, check_ordinary

READ_BYTES = 1 << 20


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of the files right in a folder.

    Raises:
        InputError: It cannot be read, or is neither: a pipe or a device may have no end.
    """
    digest = hashlib.sha256()
    check_ordinary(path)
    try:
        for file in sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]:
            if path.is_dir():
                digest.update(file.name.encode(errors="surrogateescape"))
            with file.open("rb") as content:
                while block := content.read(READ_BYTES):
                    digest.update(block)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the name and the permissions") from error
    return digest.hexdigest()
