"""The table where the user told it: on the clock of the video, and no longer than the video is."""

from dataclasses import replace

from ttcli.table.by_hand import views_by_hand
from ttcli.table.views import TableView
from ttcli.video.probe import VideoInfo


def told_tables(info: VideoInfo, said: str | None) -> list[TableView] | None:
    """Return the views of the table that the user told; None where it is to be looked for.

    Raises:
        InputError: The file is missing, or holds no tables.
        SettingError: No camera sees a table so.
    """
    if said is None:
        return None
    views = views_by_hand(said, info.height, info.width, lambda frame: frame / float(info.frame_rate))
    if info.duration_seconds is None:
        return views
    return [replace(view, end_seconds=min(view.end_seconds, info.duration_seconds + 1)) for view in views]
