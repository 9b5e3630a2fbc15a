"""The server answers the page, and nobody and nothing else."""

import http.client
import json
import os
import random
import resource
import string
import sys

import cv2
import numpy as np
import pytest
from reviewed_matches import COUNT, WRONG, make_match, number_of, open_match

from ttcli.reviewing.guard import MOST_BODY
from ttcli.reviewing.pictures import Pictures
from ttcli.reviewing.server import ReviewServer


class Client:
    def __init__(self, server, match):
        self.server, self.match = server, match
        self.token = server.token
        self.host = f"127.0.0.1:{server.port}"

    def ask(self, path, method="GET", body=None, headers=None, token=None, host=None):
        """Return status, body and headers of one request, sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        try:
            prefix = f"/{self.token if token is None else token}/" if token != "" else ""
            connection.putrequest(method, prefix + path, skip_host=True, skip_accept_encoding=True)
            for name, value in {"Host": self.host if host is None else host, **(headers or {})}.items():
                for each in value if isinstance(value, list) else [value]:
                    connection.putheader(name, each)
            if body is not None and "Content-Length" not in (headers or {}):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def get(self, path):
        status, body, _ = self.ask(path)
        assert status == 200, body
        return json.loads(body)

    def post(self, path, said, **headers):
        headers = {"Origin": f"http://{self.host}", "Content-Type": "application/json", **headers}
        status, body, _ = self.ask(path, "POST", json.dumps(said).encode(), headers)
        return status, json.loads(body) if body else None


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    video, ball = make_match(tmp_path_factory.mktemp("served"))
    (video.parent / "secret.txt").write_text("not for you")
    match = open_match(video, ball)
    pictures = Pictures(match.info, match.frame_count, match.times)
    with ReviewServer(match, pictures, lambda frame: [{"x": 1.0, "y": 2.0, "probability": 0.5}]) as server:
        yield Client(server, match)
    pictures.close()
    match.log.close()


def test_the_page_and_all_its_parts_are_served(client):
    status, body, headers = client.ask("")
    assert status == 200 and b"<canvas" in body and headers["content-type"].startswith("text/html")
    for name in ("app.js", "api.js", "view.js", "timeline.js", "player.js", "review.css"):
        assert client.ask(name)[0] == 200
    assert "default-src 'none'" in headers["content-security-policy"] and headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff" and "server" not in headers


def test_the_match_is_told(client):
    match = client.get("match")
    assert (match["frames"], match["width"], match["height"], match["candidates"]) == (COUNT, 160, 96, True)
    assert match["rallies"][0]["start_frame"] == 5 and match["tables"][0]["corners"]["near_left"][0] < 40
    rows = client.get("rows?first=10&count=5")
    assert [row[0] for row in rows["rows"]] == [10, 11, 12, 13, 14] and rows["events"][0]["event"] == "bounce"
    assert len(client.get("overview?bins=30")["doubt"]) == 30
    assert client.get("queue?count=3")["queue"][0]["frame"] == WRONG
    assert client.get("candidates/3")["candidates"] == [{"x": 1.0, "y": 2.0, "probability": 0.5}]


@pytest.mark.parametrize("frame", [0, 1, 30, 29, 28, COUNT - 1, 7])
def test_a_picture_is_that_of_its_number(client, frame):
    status, body, headers = client.ask(f"frame/{frame}.jpg")
    assert status == 200 and headers["content-type"] == "image/jpeg"
    assert number_of(cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)) == frame


def test_decisions_are_taken_and_taken_back(client):
    before = client.match.log.next_number
    status, changed = client.post("decide", {"kind": "ball", "frame": WRONG, "x": 3, "y": 4})
    assert status == 200 and changed["decided"] == 1
    assert client.get(f"rows?first={WRONG}&count=1")["rows"][0][2:4] == [3.0, 4.0]
    assert client.post("undo", {})[1]["undone"]["frame"] == WRONG
    assert client.match.log.next_number == before + 2
    assert client.post("decide", {"kind": "dance"}) == (400, {"error": "its kind is 'dance'"})


def test_a_full_disk_is_told_and_the_page_goes_on(client, monkeypatch):
    def full(handle, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        status, told = client.post("decide", {"kind": "none", "frame": 9})
    assert status == 409 and "No space left" in told["error"] and "make room" in told["error"]
    assert client.post("decide", {"kind": "none", "frame": 9})[0] == 200
    assert client.post("undo", {})[0] == 200


REFUSED = {
    "no token": {"path": "match", "token": ""},
    "another token": {"path": "match", "token": "a" * 32},
    "nothing at all": {"path": "", "token": ""},
    "another host": {"path": "match", "host": "example.com"},
    "another host of this port": {"path": "match", "host": "evil.example:{port}"},
    "no port": {"path": "match", "host": "127.0.0.1"},
    "two hosts": {"path": "match", "host": ["127.0.0.1:{port}", "evil.example"]},
    "another origin": {"path": "match", "headers": {"Origin": "http://evil.example"}},
    "no origin": {"path": "match", "headers": {"Origin": "null"}},
    "from another site": {"path": "match", "headers": {"Sec-Fetch-Site": "cross-site"}},
    "from another port": {"path": "match", "headers": {"Sec-Fetch-Site": "same-site"}},
    "another method": {"path": "match", "method": "DELETE"},
    "options": {"path": "decide", "method": "OPTIONS"},
    "a path": {"path": "../secret.txt"},
    "a path in code": {"path": "%2e%2e/secret.txt"},
    "a file beside": {"path": "secret.txt"},
    "another file of the package": {"path": "server.py"},
    "a path to a frame": {"path": "frame/../../secret.txt.jpg"},
    "a decision by a form": {"path": "decide", "method": "POST", "body": b"kind=none", "headers": {"Content-Type": "text/plain"}},
    "a decision without origin": {
        "path": "decide", "method": "POST", "body": b"{}", "headers": {"Content-Type": "application/json"},
    },
    "a large decision": {
        "path": "decide", "method": "POST", "body": b"[" + b"0," * MOST_BODY + b"0]",
        "headers": {"Content-Type": "application/json", "Origin": "http://127.0.0.1:{port}"},
    },
    "no frame": {"path": "frame/x.jpg"},
    "a frame too far": {"path": f"frame/{COUNT}.jpg"},
    "a frame of many digits": {"path": f"frame/{'9' * 300}.jpg"},
    "many rows": {"path": "rows?first=0&count=100000"},
    "many bins": {"path": "overview?bins=99999999"},
    "a range too far": {"path": "video", "headers": {"Range": "bytes=99999999999-"}},
    "a huge range": {"path": "video", "headers": {"Range": f"bytes=0-{'9' * 400}"}},
    "ranges": {"path": "video", "headers": {"Range": "bytes=" + ",".join(f"{n}-{n}" for n in range(500))}},
    "a range backwards": {"path": "video", "headers": {"Range": "bytes=9-3"}},
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_the_pages_is_refused(client, name):
    def filled(value):
        if isinstance(value, str):
            return value.replace("{port}", str(client.server.port))
        if isinstance(value, dict):
            return {key: filled(each) for key, each in value.items()}
        return [filled(each) for each in value] if isinstance(value, list) else value

    size = client.match.log.path.stat().st_size
    status, body, _headers = client.ask(**filled(REFUSED[name]))
    assert 400 <= status < 500 and b"not for you" not in body and len(body) < 300
    assert client.match.log.path.stat().st_size == size
    if name in ("no token", "another host", "another origin"):
        assert body == b""


def test_the_video_is_sent_in_parts(client):
    content = client.match.info.path.read_bytes()
    assert client.ask("video")[:2] == (200, content)
    status, body, headers = client.ask("video", headers={"Range": "bytes=10-19"})
    assert (status, body, headers["content-range"]) == (206, content[10:20], f"bytes 10-19/{len(content)}")
    assert client.ask("video", headers={"Range": "bytes=-7"})[1] == content[-7:]
    assert client.ask("video", headers={"Range": f"bytes={len(content) - 3}-"})[1] == content[-3:]


def test_it_listens_on_this_machine_alone(client):
    assert client.server._socket.getsockname()[0] == "127.0.0.1"
    assert client.server.address.startswith("http://127.0.0.1:") and len(client.token) >= 32


@pytest.mark.parametrize("count", [150, pytest.param(1000, marks=pytest.mark.slow)])
def test_odd_requests_serve_nothing_and_break_nothing(client, count):
    chance = random.Random(5)
    words = [
        "match",
        "rows",
        "frame",
        "video",
        "decide",
        "..",
        "%2e%2e",
        "etc/passwd",
        "\\",
        "secret.txt",
        "0.jpg",
        "?first=-1",
        "//",
    ]
    size = client.match.log.path.stat().st_size

    def odd():
        return "".join(chance.choice(string.printable[:94]) for _ in range(chance.randint(1, 40)))

    for _ in range(count):
        path = "/".join(chance.choice([*words, odd()]) for _ in range(chance.randint(1, 4))).replace(" ", "")
        settings = {"path": path.replace("\n", ""), "method": chance.choice(["GET", "GET", "HEAD", "POST", "PUT", "TRACE"])}
        if chance.random() < 0.5:
            settings["token"] = chance.choice(["", odd().replace(" ", ""), client.token[:-1]])
        if chance.random() < 0.4:
            settings["headers"] = {chance.choice(["Range", "Origin", "Content-Type", "Cookie", "X-" + "a" * 20]): odd()}
        if settings["method"] == "POST":
            settings["body"] = odd().encode()
        try:
            status, body, _ = client.ask(**settings)
        except (http.client.HTTPException, ConnectionError, ValueError):
            continue  # what is no HTTP gets no answer
        assert status < 500 and b"not for you" not in body and b"root:" not in body and b"Traceback" not in body
        assert status != 200 or settings.get("token") is None
    assert client.match.log.path.stat().st_size == size
    assert client.get("match")["frames"] == COUNT


@pytest.mark.skipif(sys.platform != "linux", reason="counts kilobytes")
def test_memory_stays_bounded_over_many_steps(client):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for step in range(300):
        client.ask(f"frame/{step * 7 % COUNT}.jpg")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_video_that_has_moved_is_told_of(tmp_path):
    video, ball = make_match(tmp_path)
    match = open_match(video, ball)
    video.rename(tmp_path / "moved.mp4")
    pictures = Pictures(match.info, match.frame_count, match.times)
    with ReviewServer(match, pictures, None) as server:
        client = Client(server, match)
        status, body, _ = client.ask("frame/3.jpg")
        assert status == 409 and b"does not exist" in body
        assert client.ask("video")[0] == 404 and client.ask("candidates/3")[0] == 404
        assert client.post("decide", {"kind": "none", "frame": 3})[0] == 200  # what was seen can be decided still
    pictures.close()
    match.log.close()
