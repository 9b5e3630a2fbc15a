"""The table in some seconds of a video, drawn, without the rest of detection."""

from collections.abc import Sequence
from itertools import islice

from ttcli.configs import ProbeConfig
from ttcli.detection.told_tables import told_tables
from ttcli.errors import VideoError
from ttcli.inference.second_stage import ENLARGED
from ttcli.outputs import check_output
from ttcli.rendering.table_picture import check_table_picture, write_table_picture
from ttcli.table.views import NoTable, TableView, later
from ttcli.table.watcher import LOOK_SECONDS, LOOKS, TableWatcher
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import FrameReader

SPAN_SECONDS = (LOOKS + 1) * LOOK_SECONDS
"""That are looked at from each start."""


def check_tables(info: VideoInfo, config: ProbeConfig) -> list[TableView] | None:
    """Return the tables given by hand; raise TtcliError where they cannot be, or the picture cannot be written."""
    if config.table_picture is not None:
        check_table_picture(config.table_picture)
        check_output(config.table_picture, config.overwrite)
    return told_tables(info, config.table)


def picture_tables(
    info: VideoInfo, starts: Sequence[float], told: list[TableView] | None, size: tuple[int, int], config: ProbeConfig
) -> int:
    """Write a picture of the tables in some seconds of a video; return how many stretches have one.

    Args:
        info: The video.
        starts: Where the seconds begin.
        told: Tables that the user told; None has them looked for.
        size: Height and width of the picture that is looked at, in the half of its own.
        config: Settings, with the name of the picture.
    """
    assert config.table_picture is not None
    views: list[TableView | NoTable] = []
    if told is not None:
        views = list(told)
    elif info.has_square_pixels:
        for number, start in enumerate(starts):
            end = starts[number + 1] if number + 1 < len(starts) else None
            views += _looked_at(info, start, SPAN_SECONDS if end is None else min(SPAN_SECONDS, end - start), size)
    seconds = info.duration_seconds or max((view.end_seconds for view in views), default=0.0)
    write_table_picture(info, views, seconds, config.table_picture, config.overwrite)
    return sum(isinstance(view, TableView) for view in views)


def _looked_at(info: VideoInfo, start: float, seconds: float, size: tuple[int, int]) -> list[TableView | NoTable]:
    """Return what is seen of the table in some seconds of a video."""
    watcher = TableWatcher(info.height, info.width)
    large = (ENLARGED * size[0], ENLARGED * size[1])
    try:
        with FrameReader(info, *size, judge=True, large_size=large, start_seconds=start) as reader:
            for _ in watcher.noting(islice(reader, max(1, int(seconds * info.frame_rate)))):
                pass
    except VideoError:
        return []
    return [later(view, start) for view in watcher.views()]
