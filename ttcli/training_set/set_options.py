"""Options that every clip of a training set shares: what they are, and that a further clip has the same."""

from pathlib import Path
from typing import Any

from ttcli.configs import ExtractConfig
from ttcli.errors import SettingError
from ttcli.training_set.folder import CLIPS_FOLDER, Clips

SET_OPTIONS = ("window_size", "stride", "events", "before", "after", "far", "limit", "height", "width", "keep_native",
               "validation", "split", "frame_offset", "seed")  # fmt: skip
"""Fields of ExtractConfig that say what a set holds; one set has one value of each."""
OPTION_NAMES = {"window_size": "--window", "height": "--size", "width": "--size"}
"""Where an option is not called as its field is."""


def check_set_options(clips: Clips, output: Path, config: ExtractConfig) -> None:
    """Raise SettingError where clips were extracted with other options."""
    options = options_of_set(config)
    for name, clip in clips.items():
        theirs = clip.get("options", {})
        for option in options:
            if theirs.get(option) != options[option]:
                named = OPTION_NAMES.get(option, f"--{option.replace('_', '-')}")
                theirs_said, now = _said(option, theirs.get(option)), _said(option, options[option])
                fact = f"was extracted with {named} {theirs_said}, and now it is {now}"
                raise SettingError(output / CLIPS_FOLDER / name, fact, "give the same options, or another -o")


def _said(option: str, value: Any) -> str:
    """Return an option's value as a person would say it."""
    if value is None:
        return "switched off" if option == "events" else "not given"
    return ",".join(value) if isinstance(value, list) else str(value)


def options_of_set(config: ExtractConfig) -> dict[str, Any]:
    """Return the options that say what a set holds; what means the same looks the same."""
    options = {name: getattr(config, name) for name in SET_OPTIONS}
    if config.events is not None:
        options["events"] = sorted(set(config.events))
    if config.height is not None and config.width is not None:
        options["height"], options["width"] = sorted((config.height, config.width))
    return options
