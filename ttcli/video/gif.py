"""Short animated GIFs, which any chat and any page shows: small, few pictures a second, one palette for all of them."""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import av.error
import numpy as np
from av.video.frame import VideoFrame

from ttcli.errors import OutputError, SettingError
from ttcli.outputs import complete_file
from ttcli.video.writer import output_errors

RATE = 15
"""Pictures a second at most: GIFs count in hundredths of a second, and grow with every picture."""
LONGEST_SIDE = 640
"""Pixels of the longer side at most."""
MOST_SECONDS = 20.0
"""All pictures are in memory until the palette is known: 200 MB for as many seconds."""
TICKS_PER_SECOND = 100


class GifWriter:
    """A GIF that is written picture by picture, as `VideoWriter` is, and made when the `with` block ends.

    Args:
        path: The file.
        height: Height of the pictures that will be written.
        width: Their width.
        overwrite: Whether `path` may exist already.

    Raises:
        OutputError: Where `path` cannot be written.
        SettingError: On writing, where it gets longer than MOST_SECONDS.
    """

    def __init__(self, path: Path, height: int, width: int, overwrite: bool = False) -> None:
        self.path = Path(path)
        scale = min(1.0, LONGEST_SIDE / max(height, width))
        self._size = max(2, round(height * scale)), max(2, round(width * scale))
        self._overwrite = overwrite
        self._count = 0
        self._last_tick = -TICKS_PER_SECOND

    def __enter__(self) -> "GifWriter":
        with ExitStack() as stack:
            self._temporary = stack.enter_context(complete_file(self.path, self._overwrite))
            self._graph = _palette_graph(*self._size)
            stack.push(self._finish)  # runs before the renaming
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, traceback)

    def write(self, picture: np.ndarray, time_seconds: float) -> None:
        """Append a picture, unless the last one was less than 1 / RATE before.

        Args:
            picture: (height, width, 3) uint8 RGB.
            time_seconds: When it is shown, since the start.
        """
        if time_seconds > MOST_SECONDS:
            fact = f"would be longer than {MOST_SECONDS:.0f} s, and a GIF has to be short"
            raise SettingError(self.path, fact, "give --start and --end, or end the name in .mp4")
        tick = round(time_seconds * TICKS_PER_SECOND)
        if tick - self._last_tick < TICKS_PER_SECOND / RATE - 1:
            return
        self._last_tick = tick
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        height, width = self._size
        frame = frame.reformat(width=width, height=height, interpolation="AREA")
        frame.pts, frame.time_base = tick, Fraction(1, TICKS_PER_SECOND)
        self._graph.push(frame)
        self._count += 1

    def _finish(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Make the palette, and write the pictures, where all went well."""
        if kind is not None:
            return
        if self._count == 0:
            raise OutputError(self.path, "not one picture was written", "check that the input has frames")
        with output_errors(self.path, "end the name in .mp4"):
            self._graph.vpush(None)
            with av.open(f"file:{self._temporary}", "w", format="gif") as container:
                stream = container.add_stream("gif", rate=RATE)
                stream.height, stream.width = self._size
                stream.pix_fmt = "pal8"
                stream.codec_context.time_base = Fraction(1, TICKS_PER_SECOND)
                for _ in range(self._count):
                    container.mux(stream.encode(self._graph.vpull()))
                container.mux(stream.encode(None))


def _palette_graph(height: int, width: int) -> av.filter.Graph:
    """Return a graph that makes one palette of all pictures, and then the pictures in it."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat("rgb24"), time_base=Fraction(1, TICKS_PER_SECOND)
    )
    split, make, use, sink = (
        graph.add("split"), graph.add("palettegen", "stats_mode=diff"), graph.add("paletteuse", "dither=bayer"),
        graph.add("buffersink"),
    )  # fmt: skip
    source.link_to(split)
    split.link_to(make, output_idx=1)
    split.link_to(use)
    make.link_to(use, input_idx=1)
    use.link_to(sink)
    graph.configure()
    return graph
