"""Processes that are started end with the one that started them, in whatever way it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

PROGRAM = """
import sys, time
from pathlib import Path
from ttcli.outputs import complete_file
from ttcli.processes import WorkerPool

def write(path):
    with complete_file(Path(path)) as temporary:
        temporary.write_text("half")
        time.sleep(60)

if __name__ == "__main__":
    with WorkerPool(2) as pool:
        for future in [pool.submit(write, f"{sys.argv[1]}/{number}.csv") for number in range(4)]:
            future.result()
"""


@pytest.fixture
def started(tmp_path: Path):
    """Start a program whose two workers are each at work on a file."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    (tmp_path / "out").mkdir()
    process = subprocess.Popen(
        [sys.executable, str(program), str(tmp_path / "out")], start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: len(list((tmp_path / "out").glob(".*"))) == 2)
    yield process
    if members(process.pid):
        os.killpg(process.pid, signal.SIGKILL)


def wait_until(holds, seconds: float = 30) -> None:
    last = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < last
        time.sleep(0.02)


def members(session: int) -> list[str]:
    """Return the states of the processes of a session that still run."""
    fields = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields.append(path.read_text().rpartition(")")[2].split())
        except OSError:
            continue
    return [state for state, _, _, of_session, *_ in fields if int(of_session) == session and state != "Z"]


def test_workers_end_by_themselves_where_the_process_that_started_them_is_killed(started):
    assert len(members(started.pid)) >= 3
    started.kill()
    started.wait()
    wait_until(lambda: not members(started.pid), 5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_request_to_all_end_workers_tidily_and_without_a_word_of_theirs(started, tmp_path, number):
    os.killpg(started.pid, number)
    _, told = started.communicate(timeout=20)
    wait_until(lambda: not members(started.pid), 5)
    if number == signal.SIGINT:  # of which the first process tells, being no command
        assert told.count("Traceback") == 1 and told.rstrip().endswith("KeyboardInterrupt")
        assert not list((tmp_path / "out").iterdir())
    else:
        assert started.returncode == -signal.SIGTERM
