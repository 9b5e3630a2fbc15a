"""Where labelled video lies: videos and the labels that belong to them, found by the names of files."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ttcli.errors import InputError, LabelError
from ttcli.labels.formats import holds_balls
from ttcli.results.corrections import ENDING as CORRECTIONS
from ttcli.results.corrections import holds_decisions
from ttcli.results.manifest import is_manifest
from ttcli.video.probe import VIDEO_SUFFIXES

BALL_NAME, EVENTS_NAME = "ball_markup.json", "events_markup.json"
"""What OpenTTGames calls its files of labels."""
PARTS = ("training", "test")
"""Parts of the layout of OpenTTGames."""
BALL_ENDINGS = (CORRECTIONS, ".xml", ".json", "_ball.csv", ".csv")
"""What the name of a video's labels ends in, after the video's own, best first: a CSV may be what `detect` wrote and
somebody corrected elsewhere. A folder of labels has no ending."""
EVENT_ENDINGS = (".events.csv", "_events.csv", ".events.json")


@dataclass(frozen=True)
class Source:
    """One video with its labels."""

    name: str
    """Name of the clip; no two of a set have the same."""
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
    layout of TrackNet they lie in `csv` beside the folder `video`. Videos without labels are returned too, and labels
    without a video. Hidden files are passed over. No path that a label file names is followed.

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
    """Return the games of a dataset in the layout of OpenTTGames, or of a part of it, training before test."""
    sources = []
    for part in (*PARTS, None):
        folder = root / part if part else root
        named = part or (root.name if root.name in PARTS else None)
        places = dict.fromkeys([root / "videos", folder / "videos", *([root.parent / "videos"] if named != part else [])])
        for markup in sorted((folder / "annotations").glob(f"*/{BALL_NAME}"), key=lambda path: _by_number(path.parent.name)):
            name = markup.parent.name
            video = next((video for place in places if (video := find_video(place / name))), None)
            sources.append(Source(name, video, markup, _events_beside(markup), named))
    if sources:
        known = {source.name for source in sources}
        sources += [Source(video.stem, video, None, None) for video in _videos(root / "videos") if video.stem not in known]
    return sources


def _pairs(folder: Path) -> list[Source]:
    """Return the videos of a folder, and of the folders one below it, with the labels beside them."""
    found = []
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    for place in (folder, *below):
        videos = _videos(place)
        labels = place.with_name("csv") if place.name == "video" else place
        with_video = [_beside(video, labels) for video in videos]
        found += with_video
        if place.name != "csv" or not (folder / "video").is_dir():
            found += _without_video(labels, with_video)
    return found if any(source.balls for source in found) else []


def _videos(folder: Path) -> list[Path]:
    """Return the videos of a folder, game_2 before game_10."""
    if not folder.is_dir():
        return []
    files = (path for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
    return sorted((path for path in files if not path.name.startswith(".")), key=lambda path: _by_number(path.stem))


def _without_video(folder: Path, sources: list[Source]) -> list[Source]:
    """Return the CSV and XML files of ball labels in a folder whose name is that of none of its videos."""
    taken = {path.name for source in sources for path in (source.balls, source.events) if path}
    taken |= {f"{source.name}{ending}" for source in sources for ending in (*BALL_ENDINGS, *EVENT_ENDINGS)}
    files = [path for path in folder.glob("*") if path.suffix in (".csv", ".xml") and path.is_file()]
    orphans = [path for path in files if path.name not in taken and path.name[0] != "." and _holds_balls(path)]
    return [
        Source(path.stem.removesuffix("_ball"), None, path, _first(folder, path.stem.removesuffix("_ball"), EVENT_ENDINGS))
        for path in sorted(orphans, key=lambda path: _by_number(path.stem))
    ]


def _holds_balls(path: Path) -> bool:
    try:
        return holds_balls(path)
    except LabelError:  # empty
        return False


def _beside(video: Path, folder: Path) -> Source:
    """Return a video with the labels of its name in a folder."""
    balls, events = _first(folder, video.stem, BALL_ENDINGS), _first(folder, video.stem, EVENT_ENDINGS)
    if balls is None and _is_label_folder(folder / video.stem):
        balls = folder / video.stem
        if (balls / BALL_NAME).is_file():
            balls = balls / BALL_NAME
            events = events or _events_beside(balls)
    return Source(video.stem, video, balls, events)


def _first(folder: Path, name: str, endings: tuple[str, ...]) -> Path | None:
    """Return the first file of that name with one of the endings; a manifest is no labels, and neither are no corrections."""
    files = (path for ending in endings if (path := folder / f"{name}{ending}").is_file())
    return next((path for path in files if not is_manifest(path) and not _is_undecided(path)), None)


def _is_undecided(path: Path) -> bool:
    """Tell whether a file is one of corrections without any."""
    return path.name.endswith(CORRECTIONS) and not holds_decisions(path)


def _is_label_folder(path: Path) -> bool:
    """Tell whether a folder holds a markup, or the .txt files of YOLO."""
    return path.is_dir() and ((path / BALL_NAME).is_file() or holds_balls(path))


def _events_beside(markup: Path) -> Path | None:
    events = markup.with_name(EVENTS_NAME)
    return events if events.is_file() else None


def _by_number(name: str) -> tuple[str, int]:
    """Return a key that sorts game_2 before game_10."""
    word = name.rstrip("0123456789")
    return word, int(name[len(word) :] or 0)
