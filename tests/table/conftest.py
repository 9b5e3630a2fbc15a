"""What tests of the table share."""

import pytest

from ttcli.table import lines


@pytest.fixture(autouse=True)
def painted_lines_are_seen_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Painted tables have no lens and no codec: their lines are not seen inside of where they are."""
    monkeypatch.setattr(lines, "INSIDE", 0.0)
