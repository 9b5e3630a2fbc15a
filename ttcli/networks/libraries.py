"""Libraries of the extra `train`, which training and some networks need, and nothing else does."""

from collections.abc import Iterator
from contextlib import contextmanager

from ttcli.errors import LibraryError

LIBRARIES = (
    "lightning_fabric", "matplotlib", "segmentation_models_pytorch", "torchvision",
    "timm", "huggingface_hub",
)  # fmt: skip
"""What the extra installs, and what that brings along."""
CURE = "pip install '.[train]'"


@contextmanager
def training_libraries(place: str) -> Iterator[None]:
    """Let imports in the block fail in one line where the extra `train` is not installed.

    Args:
        place: What needs the library, for the message.

    Raises:
        LibraryError: One of LIBRARIES cannot be imported. Another module that cannot is a bug, and stays an ImportError.
    """
    try:
        yield
    except ImportError as error:
        library = (error.name or "").split(".")[0]
        if library not in LIBRARIES:
            raise
        raise LibraryError(place, f"{library} cannot be imported ({error.msg})", CURE, library) from error
