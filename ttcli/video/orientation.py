"""How stored pictures are turned and mirrored so that they are upright."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import SideData, Type
from av.video.frame import VideoFrame

SIDE_DATA_KINDS = 64
"""More than libavutil numbers: it has 33."""


@dataclass(frozen=True)
class Orientation:
    """What is done to a stored picture: rows and columns swapped, then columns reversed, then rows reversed."""

    transposed: bool = False
    flipped_x: bool = False
    flipped_y: bool = False

    @property
    def mirrored(self) -> bool:
        """Whether text would be mirror writing without it."""
        return self.transposed ^ self.flipped_x ^ self.flipped_y

    @property
    def rotation(self) -> int:
        """Degrees (0, 90, 180, 270) clockwise; where the picture is mirrored, after left and right were swapped."""
        if self.transposed:
            return 90 if self.flipped_x else 270
        return 0 if self.flipped_x == self.mirrored else 180

    def upright(self, picture: np.ndarray) -> np.ndarray:
        """Return a stored picture (H, W, ...) upright and C-contiguous; a copy only where it must be one."""
        if self.transposed:
            picture = picture.swapaxes(0, 1)
        if self.flipped_x:
            picture = picture[:, ::-1]
        if self.flipped_y:
            picture = picture[::-1]
        return np.ascontiguousarray(picture)

    def upright_size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of an upright picture that is stored as `height` x `width`, or the other way round."""
        return (width, height) if self.transposed else (height, width)


def orientation_of(frame: VideoFrame) -> Orientation:
    """Return what the display matrix of a frame says; an angle that is no multiple of 90 is rounded to one.

    The decoder makes the matrix of what the file has: of an entry in the container, or of the orientation in EXIF.
    """
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV does not go past side data of a kind that it has no name for, such as EXIF
        matrix = _with_known_side_data(frame).side_data.get("DISPLAYMATRIX")
    if not isinstance(matrix, SideData):
        return Orientation()
    # x' = a x + c y, y' = b x + d y, with y down (ISO/IEC 14496-12, track header; 16.16 fixed point)
    a, b, _, c, d = (int(entry) for entry in np.frombuffer(bytes(matrix), np.int32)[:5])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def _with_known_side_data(frame: VideoFrame) -> VideoFrame:
    """Return the frame without side data that PyAV has no name for; it takes half a millisecond."""
    known = {kind.value for kind in Type}
    graph = Graph()
    nodes = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))]
    nodes += [graph.add("sidedata", f"mode=delete:type={number}") for number in range(SIDE_DATA_KINDS) if number not in known]
    nodes.append(graph.add("buffersink"))
    for one, other in pairwise(nodes):
        one.link_to(other)
    graph.configure()
    graph.vpush(frame)
    return graph.vpull()
