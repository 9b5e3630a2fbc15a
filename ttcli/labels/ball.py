"""What a person says about the ball in one frame: the one type that every label format is read into."""

from dataclasses import dataclass

from ttcli.errors import LabelError
from ttcli.labels.problems import Report
from ttcli.results.places import is_near


@dataclass(frozen=True, slots=True)
class BallLabel:
    """The label of one frame.

    Labels come as a dict from frame index (0-based) to BallLabel. A frame without a key is *unknown*, which is
    not the same as not visible: it counts neither in a loss nor in a metric.

    Raises:
        ValueError: x and y are not given exactly where the ball is visible.
    """

    visible: bool
    x: float | None = None
    """Pixels of the upright picture, to the right; None where the ball is not visible."""
    y: float | None = None
    """Pixels of the upright picture, downwards; None where the ball is not visible."""

    def __post_init__(self) -> None:
        if (self.x is not None) != self.visible or (self.y is not None) != self.visible:
            raise ValueError(f"visible is {self.visible}, but x={self.x}, y={self.y}")

    @property
    def place(self) -> tuple[float, float] | None:
        """X and y; None where the ball is not visible."""
        return None if self.x is None or self.y is None else (self.x, self.y)


NOT_VISIBLE = BallLabel(visible=False)
"""The label of a frame in which the ball is certainly not to be seen."""


@dataclass(frozen=True)
class Footage:
    """What is known of the video that labels belong to; None where it is not."""

    height: int | None = None
    """Height of the upright picture in pixels."""
    width: int | None = None
    """Width of the upright picture in pixels."""
    frame_count: int | None = None


class BallEntries:
    """Collects the entries of a label file, and turns into unknown what no video can hold.

    A frame that has two labels is unknown, for nobody knows which of them is meant. So is a ball outside the
    picture, where the picture's size is known.
    """

    def __init__(self, report: Report, height: int | None = None, width: int | None = None) -> None:
        self.labels: dict[int, BallLabel] = {}
        self._report = report
        self._height, self._width = height, width
        self._frames: set[int] = set()

    def add(self, place: str, frame_index: int, label: BallLabel | None) -> None:
        """Take the label of a frame; None is an entry that says that nothing is known.

        Args:
            place: File, and line or frame, for messages.
            frame_index: 0-based.
            label: What the entry says.
        """
        if frame_index in self._frames:
            self.labels.pop(frame_index, None)
            self._report(LabelError(place, f"a second label for frame {frame_index}", "keep one of them", frame_index))
            return
        self._frames.add(frame_index)
        if label is not None and label.place is not None and not is_inside(label.place, self._height, self._width):
            size = f"the picture of {self._width}x{self._height}" if self._width else "any picture"
            cure = "correct it, or give the size of the picture that was labelled"
            self._report(LabelError(place, f"the ball is outside {size}", cure, frame_index))
        elif label is not None:
            self.labels[frame_index] = label

    def reject(self, frame_index: int, problem: LabelError) -> None:
        """Report what is wrong with the entry of a frame, which is unknown then."""
        problem.frame_index = frame_index
        self._report(problem)


def is_inside(place: tuple[float, float], height: int | None, width: int | None) -> bool:
    """Return whether a ball's centre, x and y, lies on the picture, or could, where its size is not known.

    Pixel centres are whole numbers, so the picture begins at -0.5. It ends at `width`, half a pixel late, because
    some tools count from the edge of the first pixel.
    """
    x, y = place
    if height is None or width is None:
        return is_near(x, y)
    return -0.5 <= x <= width and -0.5 <= y <= height


def rounded(label: BallLabel) -> BallLabel:
    """Return the label with its position in hundredths of a pixel, as all files hold it."""
    if label.place is None:
        return label
    x, y = label.place
    return BallLabel(True, round(x, 2) + 0.0, round(y, 2) + 0.0)  # + 0.0: no -0.0
