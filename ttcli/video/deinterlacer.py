"""Whole pictures from interlaced ones, whose odd and even rows were taken at two moments."""

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av.error
from av.filter import Graph
from av.video.frame import VideoFrame

FILTER, SETTINGS = "bwdif", "mode=send_frame:deint=interlaced"
"""One picture for each frame; frames that are not flagged as interlaced pass unchanged."""
LEAST_LENGTH = 4
"""Rows and columns below which the filter takes no picture."""

Decoded = tuple[int | None, VideoFrame | None]
"""Timestamp and frame, None where it is broken."""


def deinterlaced(decoded: Iterable[Decoded]) -> Iterator[Decoded]:
    """Yield what `decoded` yields, with interlaced frames deinterlaced; others come as they are and at no cost.

    From the first interlaced frame on all pass the filter, which is one frame late.
    """
    held: deque[Decoded] = deque()  # those whose picture is in the filter, and broken ones between them
    graph = shape = None
    for pts, frame in decoded:
        if graph is None and (frame is None or not frame.interlaced_frame):
            yield pts, frame
            continue
        if frame is not None and shape != (shape := (frame.height, frame.width, frame.format.name)):
            yield from _drain(graph, held)
            graph = _build(frame) if min(frame.height, frame.width) >= LEAST_LENGTH else None
        if graph is None:
            yield pts, frame
            continue
        held.append((pts, frame))
        if frame is not None:
            frame.pts, frame.time_base = None, Fraction(1, 25)  # order is all that counts here, and `held` keeps it
            graph.vpush(frame)
            yield from _finished(graph, held)
    yield from _drain(graph, held)


def _build(frame: VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    whole, sink = graph.add(FILTER, SETTINGS), graph.add("buffersink")
    source.link_to(whole)
    whole.link_to(sink)
    graph.configure()
    return graph


def _finished(graph: Graph, held: deque[Decoded]) -> Iterator[Decoded]:
    """Yield the frames that the filter has ready, each after the broken ones before it."""
    while held:
        try:
            whole = graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        pts, frame = held.popleft()
        while frame is None:
            yield pts, None
            pts, frame = held.popleft()
        whole.colorspace, whole.color_range = frame.colorspace, frame.color_range
        yield pts, whole


def _drain(graph: Graph | None, held: deque[Decoded]) -> Iterator[Decoded]:
    """Yield all that is held: the filter's last pictures, and as they are those that it does not give back."""
    if graph is not None:
        graph.vpush(None)
        yield from _finished(graph, held)
    while held:
        yield held.popleft()
