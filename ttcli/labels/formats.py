"""The label formats, each found by the content of the file or folder, never by its name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ttcli.errors import InputError, LabelError, SettingError, check_ordinary
from ttcli.labels import corrections, cvat, openttgames, tracknet, ttcli_csv, yolo
from ttcli.labels.ball import BallLabel, Footage
from ttcli.labels.event import EventLabel
from ttcli.labels.problems import Report, refuse

BEGINNING_CHARACTERS = 4096
"""How much of a file is shown to the formats; the first line or the first tag is enough for each."""

BallReader = Callable[[Path, Report, int | None, int | None], dict[int, BallLabel]]
"""Takes path, report, and height and width of the picture in pixels, None where not known."""


def _nothing(_: object) -> list[str]:
    return []


def _never(_: object) -> bool:
    return False


@dataclass(frozen=True)
class LabelFormat:
    """One format of ball labels."""

    key: str
    """The name by which it is asked for."""
    title: str
    recognises: Callable[[str], bool]
    """Whether a file that begins with these characters holds balls in this format."""
    read: BallReader
    write: Callable[[Path, Mapping[int, BallLabel], Footage, bool], None]
    """Takes path, labels, what is known of the video, and whether the path may exist."""
    cannot_hold: Callable[[BallLabel, Footage], str | None] = lambda label, footage: None
    """Why a label, rounded, cannot be written, if so."""
    left_behind: Callable[[Path], list[str]] = _nothing
    """What a file holds beside ball labels, one line for each thing."""
    suffix: str = ""
    """Suffix of outputs that are in this format unless another is asked for."""
    is_folder: bool = False
    needs_size: bool = False
    """Whether labels are read and written relative to the picture's size."""
    picture_height: int | None = None
    """Height of the picture in pixels, where the format fixes it."""
    picture_width: int | None = None
    """Width of the picture in pixels, where the format fixes it."""


@dataclass(frozen=True, kw_only=True)
class EventLabelFormat(LabelFormat):
    """A format that has events too, in the file of the balls or in one of their own."""

    recognises_events: Callable[[str], bool]
    """Whether a file that begins with these characters holds events in this format."""
    read_events: Callable[[Path, Report], list[EventLabel]]
    write_events: Callable[[Path, Iterable[EventLabel], bool], None] | None = None
    """None where events are only read."""
    one_event_per_frame: bool = False
    events_left_behind: Callable[[Path], list[str]] = _nothing


FORMATS: tuple[LabelFormat, ...] = (
    EventLabelFormat(
        key="ttcli",
        title="ttcli CSV (frame,status,x,y)",
        recognises=ttcli_csv.recognises,
        read=ttcli_csv.read_ball_labels,
        write=lambda path, labels, footage, overwrite: ttcli_csv.write_ball_labels(path, labels, overwrite),
        left_behind=ttcli_csv.left_behind,
        recognises_events=ttcli_csv.recognises_events,
        read_events=ttcli_csv.read_events,
        write_events=ttcli_csv.write_events,
        events_left_behind=ttcli_csv.events_left_behind,
        suffix=".csv",
    ),
    EventLabelFormat(
        key="openttgames",
        title="OpenTTGames JSON",
        recognises=openttgames.recognises,
        read=openttgames.read_ball_markup,
        write=lambda path, labels, footage, overwrite: openttgames.write_ball_markup(path, labels, overwrite),
        cannot_hold=lambda label, footage: openttgames.cannot_hold(label),
        recognises_events=openttgames.recognises_events,
        read_events=openttgames.read_events_markup,
        write_events=openttgames.write_events_markup,
        one_event_per_frame=True,
        suffix=".json",
        picture_height=openttgames.PICTURE_HEIGHT,
        picture_width=openttgames.PICTURE_WIDTH,
    ),
    LabelFormat(
        key="tracknet",
        title="TrackNet CSV (Frame,Visibility,X,Y)",
        recognises=tracknet.recognises,
        read=tracknet.read_ball_labels,
        write=lambda path, labels, footage, overwrite: tracknet.write_ball_labels(path, labels, overwrite),
        cannot_hold=lambda label, footage: tracknet.cannot_hold(label),
        left_behind=tracknet.left_behind,
    ),
    EventLabelFormat(
        key="tracknet-tennis",
        title="TrackNet tennis CSV (file name,visibility,x-coordinate,y-coordinate,status)",
        recognises=tracknet.recognises_tennis,
        read=tracknet.read_tennis_labels,
        write=lambda path, labels, footage, overwrite: tracknet.write_tennis_labels(path, labels, overwrite),
        cannot_hold=lambda label, footage: tracknet.cannot_hold(label),
        left_behind=tracknet.tennis_left_behind,
        recognises_events=lambda beginning: (
            tracknet.recognises_tennis(beginning) and "status" in ttcli_csv.first_cells(beginning)
        ),
        read_events=tracknet.read_tennis_events,
    ),
    LabelFormat(
        key="yolo",
        title="folder of YOLO .txt files",
        recognises=_never,
        read=yolo.read_ball_labels,
        write=lambda path, labels, footage, overwrite: yolo.write_ball_labels(
            path, labels, footage.height, footage.width, overwrite
        ),
        cannot_hold=lambda label, footage: yolo.cannot_hold(label, footage.height, footage.width),
        left_behind=yolo.left_behind,
        is_folder=True,
        needs_size=True,
    ),
    LabelFormat(
        key="cvat",
        title="CVAT for video 1.1 XML",
        recognises=cvat.recognises,
        read=cvat.read_ball_labels,
        write=lambda path, labels, footage, overwrite: cvat.write_ball_labels(
            path, labels, footage.height, footage.width, footage.frame_count, overwrite
        ),
        cannot_hold=lambda label, footage: cvat.cannot_hold(label, footage.height, footage.width),
        left_behind=cvat.left_behind,
        suffix=".xml",
    ),
    EventLabelFormat(
        key="corrections",
        title="decisions of ttcli review",
        recognises=corrections.recognises,
        read=corrections.read_ball_labels,
        write=lambda path, labels, footage, overwrite: corrections.write_ball_labels(path, labels, overwrite),
        left_behind=corrections.left_behind,
        recognises_events=corrections.recognises_events,
        read_events=corrections.read_events,
        suffix=".jsonl",
    ),
)
"""Every format, asked in this order. A new one is a module beside this one and an entry here."""

EVENT_FORMATS = tuple(label_format for label_format in FORMATS if isinstance(label_format, EventLabelFormat))
"""Those of them that have events."""

KEYS = tuple(label_format.key for label_format in FORMATS)


def get_format(key: str) -> LabelFormat:
    """Return the format of that key.

    Raises:
        SettingError: There is none.
    """
    for label_format in FORMATS:
        if label_format.key == key:
            return label_format
    raise SettingError("label format", f"{key!r:.40} is not known", f"give one of {', '.join(KEYS)}")


def find_format(path: Path, key: str | None = None) -> LabelFormat:
    """Return the format of a file or folder of ball labels: `key` if given, else by its content.

    Raises:
        InputError: The file cannot be opened.
        LabelError: It is empty, or no format knows it.
        SettingError: No format has this key.
    """
    if key is not None:
        asked = get_format(key)
        _check_kind(path, asked)
        return asked
    found = _find_balls(path)
    if found is None:
        fact = "holds events, not balls" if holds_events(path) else "holds no ball labels that are known here"
        raise LabelError(path, fact, f"give {' or '.join(label_format.title for label_format in FORMATS)}")
    return found


def find_event_format(path: Path, key: str | None = None) -> EventLabelFormat:
    """Return the format of a file of event labels; arguments and errors as for `find_format`."""
    names = " or ".join(label_format.title for label_format in EVENT_FORMATS)
    if key is not None:
        asked = get_format(key)
        if not isinstance(asked, EventLabelFormat):
            raise SettingError(path, f"the format {key} has no events", f"give {names}")
        _check_kind(path, asked)
        return asked
    found = _find_events(path)
    if found is None:
        fact = "holds balls, not events" if holds_balls(path) else "holds no events that are known here"
        raise LabelError(path, fact, f"give {names}")
    return found


def holds_balls(path: Path) -> bool:
    """Return whether a file or folder holds ball labels, by its content. One of TrackNet tennis holds both kinds."""
    return _find_balls(path) is not None


def holds_events(path: Path) -> bool:
    """Return whether a file holds event labels, by its content."""
    return _find_events(path) is not None


def read_ball_labels(
    path: Path,
    report: Report = refuse,
    key: str | None = None,
    height: int | None = None,
    width: int | None = None,
) -> dict[int, BallLabel]:
    """Return the labels of a file or folder in any format, by frame index; unknown frames have no key.

    Args:
        path: The file or folder.
        report: Takes each entry that does not hold what it should; its frame is unknown then.
        key: The format; found by the content if None.
        height: Height of the picture in pixels, which YOLO needs, and by which others report balls outside it.
        width: Width of the picture in pixels.

    Raises:
        InputError: It cannot be opened.
        LabelError: It is wrong as a whole.
        SettingError: No format has this key, or the picture's size is needed.
    """
    return find_format(path, key).read(path, report, height, width)


def read_event_labels(path: Path, report: Report = refuse, key: str | None = None) -> list[EventLabel]:
    """Return the events of a file in any format that has them, sorted by frame, unknown names included.

    Raises:
        InputError: It cannot be opened.
        LabelError: It is wrong as a whole.
        SettingError: No format with events has this key.
    """
    return find_event_format(path, key).read_events(path, report)


def _check_kind(path: Path, label_format: LabelFormat) -> None:
    """Raise TtcliError where the path is not a folder or a file, as the format that was asked for needs."""
    if not path.exists():
        raise InputError(path, "does not exist", "check the name")
    if path.is_dir() != label_format.is_folder:
        needed = "a folder" if label_format.is_folder else "a file"
        raise LabelError(path, f"is not {needed}, as the format {label_format.key} is", f"give {needed}")


def _find_balls(path: Path) -> LabelFormat | None:
    """Return the first format that knows the file or folder as one of balls."""
    if path.is_dir():
        return get_format("yolo") if yolo.is_label_folder(path) else None
    beginning = _beginning(path)
    return next((known for known in FORMATS if known.recognises(beginning)), None)


def _find_events(path: Path) -> EventLabelFormat | None:
    """Return the first format that knows the file as one of events."""
    if path.is_dir():
        return None
    beginning = _beginning(path)
    return next((known for known in EVENT_FORMATS if known.recognises_events(beginning)), None)


def _beginning(path: Path) -> str:
    check_ordinary(path)
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            beginning = file.read(BEGINNING_CHARACTERS)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the name") from error
    if not beginning.strip():
        raise LabelError(path, "is empty", "give a file with labels")
    return beginning
