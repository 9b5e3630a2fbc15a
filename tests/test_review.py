"""`ttcli review` as a process: it tells its address, serves the page, and ends with Ctrl-C."""

import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from reviewed_matches import make_match


@pytest.fixture
def started(tmp_path):
    """Start a review without a browser; return its process and the address it tells."""
    video, ball = make_match(tmp_path)
    command = [sys.executable, "-m", "ttcli", "review", str(video), str(ball), "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline()
        [address] = re.findall(r"http://127\.0\.0\.1:\d+/\w{32}/", line)
        yield process, address, tmp_path
        process.kill()


def test_it_serves_whoever_has_the_address_and_ends_with_ctrl_c(started):
    process, address, folder = started
    with urllib.request.urlopen(address + "match", timeout=20) as answer:
        assert b'"match.mp4"' in answer.read()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(address[:-3] + "/", timeout=20)
    other = [sys.executable, "-m", "ttcli", "review", str(folder / "match.mp4"), "--no-browser"]
    second = subprocess.run(other, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1 and "another review of this match" in second.stderr and second.stderr.count("\n") == 1
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0 and '"decisions": 0' in out and err == ""


def test_a_killed_review_leaves_nothing_in_the_way(started):
    process, address, folder = started
    headers = {"Origin": address.rsplit("/", 2)[0], "Content-Type": "application/json"}
    said = urllib.request.Request(address + "decide", b'{"kind": "none", "frame": 3}', headers)
    urllib.request.urlopen(said, timeout=20).close()
    process.kill()
    process.wait()
    other = [sys.executable, "-m", "ttcli", "review", str(folder / "match.mp4"), "--apply"]
    done = subprocess.run(other, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "1 decided by a person" in done.stdout


def test_without_its_libraries_it_says_what_to_install(tmp_path):
    video, ball = make_match(tmp_path)
    code = (
        "import sys; sys.modules['uvicorn'] = None; from ttcli.cli import main; "
        f"main(['review', {str(video)!r}, {str(ball)!r}, '--no-browser'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "pip install '.[review]'" in done.stderr and done.stderr.count("\n") == 1
