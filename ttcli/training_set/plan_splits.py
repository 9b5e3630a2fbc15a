"""Which planned clips are for training, and which for validation: whole games, rallies, or the end of a rally."""

from collections.abc import Sequence
from dataclasses import replace

from ttcli.configs import ExtractConfig
from ttcli.networks.windows import window_span
from ttcli.training_set.clip_plans import LabelPlan
from ttcli.training_set.folder import Clips
from ttcli.training_set.selection import LabelledWindow
from ttcli.training_set.splits import TEST, TRAINING, VALIDATION, split_by_game, split_by_rally


def assign_splits(plans: Sequence[LabelPlan], existing: Clips, config: ExtractConfig) -> None:
    """Decide which plans, or which of their rallies, are for validation."""
    again = {plan.source.name for plan in plans}
    known = {name: clip["split"] for name, clip in existing.items() if clip.get("split") != "by rally" and name not in again}
    splits = split_by_game({plan.source.name: plan.source.part for plan in plans}, config.validation, known)
    games = sum(split != TEST for split in splits.values())
    by_rally = config.split == "rally" or (config.split == "auto" and games < 2)
    for plan in plans:
        plan.split = splits[plan.source.name]
        if by_rally and plan.split != TEST:
            _split_rallies(plan, config)


def _split_rallies(plan: LabelPlan, config: ExtractConfig) -> None:
    """Give the rallies of a plan their splits; of a single rally, the end is for validation.

    Windows with frames of two rallies go: one of these frames would be in two splits.
    """
    windows = [window for window in plan.windows if window.rally == window.last_rally]
    splits = split_by_rally((window.rally for window in windows), plan.source.name, config.validation)
    if len(splits) == 1 and config.validation > 0:
        cut = _cut_in_time(windows, config)
        windows, splits = cut or windows, {0: TRAINING, 1: VALIDATION} if cut else splits
    plan.windows, plan.split_of_rally = windows, splits


def _cut_in_time(windows: Sequence[LabelledWindow], config: ExtractConfig) -> list[LabelledWindow]:
    """Return the windows with the last ones as a second rally, without those across the cut; none if too few."""
    span = window_span(config.window_size, config.stride)
    firsts = sorted(window.first for window in windows)
    cut = firsts[round((1 - config.validation) * (len(firsts) - 1))]
    before = [replace(window, rally=0, last_rally=0) for window in windows if window.first + span <= cut]
    after = [replace(window, rally=1, last_rally=1) for window in windows if window.first >= cut]
    return before + after if before and after else []
