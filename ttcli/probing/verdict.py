"""What measurements of a video mean for the result that can be expected, in plain words, with cures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Facts = dict[str, Any]
"""What `ttcli probe` measured, by name; None where it could not be."""


@dataclass(frozen=True)
class Finding:
    """One thing that stands in the way of a good result, or that is good to know."""

    level: str
    """`stop`: no good result; `warning`: a worse one; `note`: good to know."""
    reason: str
    cure: str

    def __str__(self) -> str:
        return f"{self.level}: {self.reason}; {self.cure}"


@dataclass(frozen=True)
class Rule:
    """A finding, and when it is one."""

    applies: Callable[[Facts], bool]
    level: str
    reason: str
    """With facts in braces, as in {height}."""
    cure: str


FILM_CLOSER = "film from nearer, or zoom until the table fills half of the picture"
MORE_LIGHT = "more light on the table, or a camera with a larger lens"
NO_BALL_SHARE = 0.02
"""Share of sampled frames with a ball below which the network sees none here."""

RULES = (
    Rule(
        lambda f: min(f["height"], f["width"]) < 160,
        "stop",
        "the picture is only {width}x{height}",
        "record at 720p or more",
    ),
    Rule(
        lambda f: 160 <= min(f["height"], f["width"]) < 360,
        "warning",
        "the picture is only {width}x{height}",
        "record at 720p or more",
    ),
    Rule(
        lambda f: f["true_fps"] < 15,
        "stop",
        "{true_fps:.3g} frames/s miss most of a ball's flight",
        "record at 50 frames/s or more",
    ),
    Rule(
        lambda f: 15 <= f["true_fps"] < 24,
        "warning",
        "{true_fps:.3g} frames/s, and trained for 24 and more",
        "record at 50 frames/s or more",
    ),
    Rule(
        lambda f: f["brightness"] is not None and f["brightness"] < 12,
        "stop",
        "the picture is nearly black (mean gray {brightness:.0f} of 255)",
        MORE_LIGHT,
    ),
    Rule(
        lambda f: f["brightness"] is not None and 12 <= f["brightness"] < 40,
        "warning",
        "the picture is dark (mean gray {brightness:.0f} of 255)",
        MORE_LIGHT,
    ),
    Rule(
        lambda f: f["sampled_frames"] > 0 and f["seen_share"] < NO_BALL_SHARE,
        "stop",
        "a ball was found in {seen_share:.0%} of {sampled_frames} sampled frames",
        "check that the samples show play, the whole table in view; try another --weights",
    ),
    Rule(
        lambda f: f["sampled_frames"] > 0 and NO_BALL_SHARE <= f["seen_share"] < 0.15,
        "warning",
        "a ball was found in only {seen_share:.0%} of {sampled_frames} sampled frames",
        "keep only the play of the video, or take more --samples",
    ),
    Rule(
        lambda f: f["working_ball_width"] is not None and f["working_ball_width"] < 0.8,
        "stop",
        "the ball is some {ball_width:.1f} px wide, and vanishes in the smaller picture of the network",
        FILM_CLOSER,
    ),
    Rule(
        lambda f: f["working_ball_width"] is not None and 0.8 <= f["working_ball_width"] < 1.4,
        "warning",
        "the ball is only some {ball_width:.1f} px wide",
        FILM_CLOSER,
    ),
    Rule(
        lambda f: f["ball_width"] is not None and f["ball_width"] > 0.02 * f["width"],
        "warning",
        "the ball is some {ball_width:.0f} px wide, larger than the balls of training",
        "film from further away",
    ),
    Rule(
        lambda f: f["streak_length"] is not None and f["streak_length"] > 0.05 * f["width"],
        "warning",
        "a fast ball is a streak of some {streak_length:.0f} px",
        "a shorter shutter (1/500 s or less), and more light",
    ),
    Rule(
        lambda f: f["sharpness"] is not None and f["sharpness"] < 0.7,
        "warning",
        "the picture is blurred (sharpness {sharpness:.2f})",
        "focus on the table, clean the lens, and give the original recording",
    ),
    Rule(
        lambda f: f["camera_moves"] is True,
        "warning",
        "the camera moves ({camera_speed:.0%} of the picture's width a second)",
        "put it on a tripod and do not zoom",
    ),
    Rule(
        lambda f: f["cuts_per_minute"] is not None and f["cuts_per_minute"] > 0,
        "warning",
        "there are cuts (about {cuts_per_minute:.0f} a minute)",
        "windows do not cross them; look twice at close-ups and replays, or take the uncut recording",
    ),
    Rule(
        lambda f: f["duplicates"] is not None and f["duplicates"] > 0.02,
        "warning",
        "{duplicates:.0%} of the pictures repeat the one before",
        "they are passed over and flagged; better is the original recording",
    ),
    Rule(
        lambda f: f["interlaced"],
        "warning",
        "it is interlaced",
        "it is deinterlaced here; set the camera to progressive (p, not i)",
    ),
    Rule(
        lambda f: not f["interlaced"] and f["woven"] is True,
        "warning",
        "rows of two moments are woven into each picture, not flagged as interlaced",
        "deinterlace the original before re-encoding it",
    ),
    Rule(
        lambda f: f["broken_frames"] > 0,
        "warning",
        "{broken_frames} sampled frames could not be decoded",
        "copy the file again",
    ),
    Rule(
        lambda f: f["truncated"],
        "warning",
        "the file ends before it should",
        "copy the file again; what is there is used",
    ),
    Rule(
        lambda f: f.get("tables") == 0,
        "note",
        "no table was found in the samples",
        "speeds, landings and who served cannot be expected; give the corners by --table (docs/METRES.md)",
    ),
    Rule(
        lambda f: f["high_dynamic_range"],
        "note",
        "it is HDR",
        "it is brought to ordinary range here; nothing to do",
    ),
    Rule(
        lambda f: f["variable_rate"],
        "note",
        "the frame rate varies",
        "times follow the frames' own timestamps; nothing to do",
    ),
    Rule(
        lambda f: f["width"] < f["height"],
        "note",
        "the picture is upright, so the table is small in it",
        "hold the camera sideways next time",
    ),
)


def find_all(facts: Facts) -> list[Finding]:
    """Return what there is to say of a video, worst first."""
    found = [Finding(rule.level, rule.reason.format(**facts), rule.cure) for rule in RULES if rule.applies(facts)]
    return sorted(found, key=lambda finding: ("stop", "warning", "note").index(finding.level))


def not_judged(facts: Facts) -> str:
    """Return what the verdict promises nothing about: it is about finding the ball alone."""
    rallies = "rallies, which need bounces on both halves and the net crossing between them in sight"
    metres = "metres, which need the table (--table-picture shows whether it is found)"
    return f"not judged: {rallies}" if "tables" in facts else f"not judged: {rallies}; {metres}"


def judge(findings: list[Finding]) -> str:
    """Return `good`, `fair` or `poor`: poor is a video in which the ball cannot be found well."""
    levels = {finding.level for finding in findings}
    return "poor" if "stop" in levels else "fair" if "warning" in levels else "good"
