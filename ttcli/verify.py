"""`ttcli verify`: whether a ball.csv is still what `detect` wrote, of the video and by the checkpoint that are there."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ttcli.configs import VerifyConfig
from ttcli.errors import InputError
from ttcli.networks.checkpoints import packaged
from ttcli.results.content_hash import content_hash
from ttcli.results.manifest import read_manifest


@dataclass(frozen=True)
class Check:
    """One part of what a manifest says, compared with what is there."""

    part: str
    """csv, video or checkpoint."""
    holds: bool
    path: str | None
    """The file that was compared; None where there is none to compare."""
    says: str
    """What is the case."""

    def __str__(self) -> str:
        return f"{self.part}: {'ok' if self.holds else 'NOT OK'}, {self.says}"


@dataclass(frozen=True)
class VerifyReport:
    """What came of verifying one CSV."""

    ball_csv: str
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether everything is as it was."""
        return all(check.holds for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return the report as a dict for JSON."""
        return {"holds": self.holds, **asdict(self)}


def verify(ball_csv: Path, config: VerifyConfig = VerifyConfig()) -> VerifyReport:
    """Compare a CSV, its video and the checkpoint with the manifest beside the CSV.

    Args:
        ball_csv: What `detect` wrote.
        config: Settings.

    Raises:
        InputError: There is no such CSV or no manifest, or a named file is missing.
    """
    if not ball_csv.is_file():
        raise InputError(ball_csv, "does not exist", "check the name")
    manifest = read_manifest(ball_csv)
    checks = [
        _check("csv", manifest["csv"], ball_csv, "it is as it was written", "it was changed since it was written"),
        _check(
            "video", manifest["video"], config.video or _find(manifest["video"], ball_csv),
            "it is the video that the ball was looked for in", "it is another video, or was changed",
        ),
    ]  # fmt: skip
    if checkpoint := manifest.get("checkpoint"):
        found = packaged(config.weights) if config.weights else _find(checkpoint, ball_csv)
        checks.append(_check("checkpoint", checkpoint, found, "it is the one used", "it is another one"))
    if second := manifest.get("second_stage"):
        checks.append(_check("second stage", second, _find(second, ball_csv), "it is the one used", "it is another one"))
    return VerifyReport(str(ball_csv), tuple(checks))


def _find(facts: dict[str, Any], ball_csv: Path) -> Path | None:
    """Return the file that a manifest names: where it was, as seen from the CSV, or beside the CSV."""
    ways = [facts["path"], facts["name"]] if facts.get("path") else []
    return next((path for way in ways if _exists(path := ball_csv.parent / way)), None)


def _exists(path: Path) -> bool:
    """Return whether there is a file or folder; a name that none can have is of none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _check(part: str, facts: dict[str, Any], path: Path | None, good: str, bad: str) -> Check:
    if path is None:
        cures = {"checkpoint": "; name it by --weights", "video": "; name it by --video"}
        return Check(part, False, None, f"{facts['name']} is not there any more{cures.get(part, '')}")
    holds = content_hash(path) == facts["sha256"]
    return Check(part, holds, str(path), good if holds else bad)
