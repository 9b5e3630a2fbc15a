"""What a person says about the ball in one frame: the one type that every label format is read into."""

from dataclasses import dataclass


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


NOT_VISIBLE = BallLabel(visible=False)
"""The label of a frame in which the ball is certainly not to be seen."""
