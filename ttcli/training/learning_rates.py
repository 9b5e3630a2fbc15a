"""How the learning rate goes over a run: a warm-up, then a schedule of four to choose from."""

import math
from typing import Any

SCHEDULES = ("cosine", "plateau", "steps", "constant")
FINAL_PART = 0.02
"""Last learning rate of a cosine, as a part of the peak."""
DROP = 0.1
"""What `steps` multiplies the rate by."""
PLATEAU_DROP = 0.2
"""What `plateau` multiplies the rate by."""
PLATEAU_PATIENCE = 5
"""Validations without a better score that `plateau` waits for."""


class LearningRate:
    """The learning rate of each step.

    Args:
        schedule: One of SCHEDULES. `cosine` falls over the whole run down to FINAL_PART of the peak. `plateau`
            multiplies by PLATEAU_DROP after more than PLATEAU_PATIENCE validations in a row without a better score.
            `steps` multiplies by DROP once, at `drop_at`. `constant` stays at the peak.
        peak: Largest rate, reached after the warm-up.
        warmup: Steps over which the rate rises in a line from zero.
        drop_at: Where `steps` drops, as a part of the run.
    """

    def __init__(self, schedule: str, peak: float, warmup: int, drop_at: float) -> None:
        self.schedule, self.peak, self.warmup, self.drop_at = schedule, peak, warmup, drop_at
        self._part = 1.0
        self._best = -math.inf
        self._waited = 0

    def at(self, step: int, progress: float) -> float:
        """Return the rate of a step, the first of which is 1, when `progress` (0 to 1) of the run is done."""
        return self.peak * min(1, step / max(self.warmup, 1)) * self._scheduled(min(progress, 1))

    def note_score(self, score: float) -> None:
        """Take notice of a validation; higher is better."""
        if score > self._best:
            self._best, self._waited = score, 0
            return
        self._waited += 1
        if self.schedule == "plateau" and self._waited > PLATEAU_PATIENCE:
            self._part, self._waited = self._part * PLATEAU_DROP, 0

    def state(self) -> dict[str, Any]:
        """Return what a run has to remember, for JSON."""
        return {"part": self._part, "best": self._best if math.isfinite(self._best) else None, "waited": self._waited}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a run was."""
        self._part, self._waited = state["part"], state["waited"]
        self._best = -math.inf if state["best"] is None else state["best"]

    def _scheduled(self, progress: float) -> float:
        if self.schedule == "cosine":
            return FINAL_PART + (1 - FINAL_PART) * 0.5 * (1 + math.cos(math.pi * progress))
        if self.schedule == "steps":
            return DROP if progress >= self.drop_at else 1.0
        return self._part
