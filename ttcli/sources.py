"""Where labelled video lies: videos and the labels that belong to them, found by the names of files."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ttcli.errors import InputError
from ttcli.video.probe import VIDEO_SUFFIXES

BALL_NAME, EVENTS_NAME = "ball_markup.json", "events_markup.json"
"""What OpenTTGames calls its files of labels."""
PARTS = ("training", "test")
"""Parts of the layout of OpenTTGames."""
BALL_ENDINGS = (".csv", "_ball.csv", ".xml", ".json", "")
"""What the name of a video's labels ends in, after the video's own; a folder has no ending."""
EVENT_ENDINGS = (".events.csv", "_events.csv", ".events.json")


@dataclass(frozen=True)
class Source:
    """One video with its labels."""

    name: str
    """Of the clip; no two of a set have the same."""
    video: Path | None
    """None where only labels are there."""
    balls: Path | None
    """File or folder of ball labels; None where only the video is there."""
    events: Path | None
    """File of event labels; None where there is none."""
    part: str | None = None
    """`training` or `test` where the layout says so."""


def find_sources(path: Path, balls: Path | None = None, events: Path | None = None) -> list[Source]:
    """Return what lies at `path`: a video, a dataset in the layout of OpenTTGames, or a folder of videos and labels.

    Labels of a video lie beside it under its name: x.mp4 with x.csv, x_ball.csv, x.xml, x.json, or a folder x. In the
    layout of TrackNet they lie in `csv` beside the folder `video`. No path that a label file names is followed.

    Args:
        path: A video or a folder.
        balls: Labels of the ball, where `path` is a video; else those beside it.
        events: Labels of events, where `path` is a video; else those beside it.

    Raises:
        InputError: There is nothing of that kind.
    """
    if not path.exists():
        raise InputError(path, "does not exist", "check the name")
    if path.is_file():
        source = _beside(path, path.parent)
        return [replace(source, balls=balls or source.balls, events=events or source.events)]
    if balls or events:
        raise InputError(path, "is a folder, and one file of labels is given", "give the video that they belong to")
    found = _opentt_sources(path) or _pairs(path)
    if not found:
        raise InputError(
            path, "holds no labelled video",
            f"give a folder with training/annotations/*/{BALL_NAME} and videos/, or with videos and labels of the same names",
        )  # fmt: skip
    return found


def unique_names(sources: Iterable[Source]) -> list[Source]:
    """Return the sources with a number behind the names that occur twice, one file twice only once."""
    named: dict[str, Source] = {}
    places = set()
    for source in sources:
        place = (source.video and source.video.resolve(), source.balls and source.balls.resolve())
        if place in places:
            continue
        places.add(place)
        name, number = source.name, 2
        while name in named:
            name, number = f"{source.name}-{number}", number + 1
        named[name] = replace(source, name=name)
    return list(named.values())


def find_video(stem: Path) -> Path | None:
    """Return the video of that path but for its suffix."""
    for suffix in VIDEO_SUFFIXES:
        for video in (Path(f"{stem}{suffix}"), Path(f"{stem}{suffix.upper()}")):
            if video.is_file():
                return video
    return None


def _opentt_sources(root: Path) -> list[Source]:
    """Return the games of a dataset in the layout of OpenTTGames, training before test."""
    sources = []
    for part in (*PARTS, None):
        annotations = root / part / "annotations" if part else root / "annotations"
        for markup in sorted(annotations.glob(f"*/{BALL_NAME}"), key=lambda path: _by_number(path.parent.name)):
            events = markup.with_name(EVENTS_NAME)
            video = find_video(root / "videos" / markup.parent.name)
            sources.append(Source(markup.parent.name, video, markup, events if events.is_file() else None, part))
    return sources


def _pairs(folder: Path) -> list[Source]:
    """Return the videos of a folder, and of the folders one below it, with the labels beside them."""
    found = []
    for place in (folder, *sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))):
        videos = [path for path in place.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()]
        labels = place.with_name("csv") if place.name == "video" else place
        found += [_beside(video, labels) for video in sorted(videos, key=lambda path: _by_number(path.stem))]
    return found if any(source.balls for source in found) else []


def _beside(video: Path, folder: Path) -> Source:
    """Return a video with the labels of its name in a folder."""
    balls = [path for ending in BALL_ENDINGS if (path := folder / f"{video.stem}{ending}").exists()]
    events = [path for ending in EVENT_ENDINGS if (path := folder / f"{video.stem}{ending}").is_file()]
    return Source(video.stem, video, _labels_in(balls[0]) if balls else None, events[0] if events else None)


def _labels_in(path: Path) -> Path:
    """Return the labels at `path`: itself, or the markup in a folder of the layout that holds one."""
    markup = path / BALL_NAME
    return markup if markup.is_file() else path


def _by_number(name: str) -> tuple[str, int]:
    """Return a key that sorts game_2 before game_10."""
    word = name.rstrip("0123456789")
    return word, int(name[len(word) :] or 0)
