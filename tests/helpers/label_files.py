"""Small files of labels for the tests of `extract` and what it is made of."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

Place = tuple[float, float] | None


def write_markup(folder: Path, places: Mapping[int, Place], events: Mapping[int, str] | None = None) -> Path:
    """Write the markup of a game in the format of OpenTTGames; None is not visible."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {frame: {"x": place[0], "y": place[1]} if place else {"x": -1, "y": -1} for frame, place in places.items()}
    (folder / "ball_markup.json").write_text(json.dumps(entries))
    if events is not None:
        (folder / "events_markup.json").write_text(json.dumps(events))
    return folder / "ball_markup.json"


def write_tracknet(path: Path, places: Sequence[Place] | Mapping[int, Place]) -> Path:
    """Write `Frame,Visibility,X,Y`; None is not visible."""
    path.parent.mkdir(parents=True, exist_ok=True)
    numbered = places.items() if isinstance(places, Mapping) else enumerate(places)
    rows = [f"{frame},1,{place[0]},{place[1]}" if place else f"{frame},0,0,0" for frame, place in numbered]
    path.write_text("\n".join(["Frame,Visibility,X,Y", *rows]) + "\n")
    return path
