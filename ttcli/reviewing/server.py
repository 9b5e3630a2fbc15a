"""The server of the page: for this machine alone, for whoever knows the token, and with nothing but one match to give.

It serves no path of the disk. Every address stands in a table below, pictures and rows are asked for by number, and the
one file that is sent, the video, is the one that the command was given.
"""

import asyncio
import os
import re
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ttcli.errors import TtcliError
from ttcli.reviewing.guard import HOST, MOST_BODY, MOST_DIGITS, Guard
from ttcli.reviewing.match import Match
from ttcli.reviewing.pictures import Pictures

MOST_ROWS, MOST_BINS, MOST_DOUBTS = 4096, 4000, 500
CHUNK_BYTES = 1 << 18
RANGE_BYTES = 1 << 24
"""Bytes of the video that one answer holds at most; a browser asks on."""
PAGE = {
    "": ("index.html", "text/html; charset=utf-8"),
    "review.css": ("review.css", "text/css; charset=utf-8"),
    **{f"{name}.js": (f"{name}.js", "text/javascript; charset=utf-8") for name in ("app", "api", "player", "timeline", "view")},
}
"""Address -> file of the page and its type."""
VIDEO_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
}


def review_app(match: Match, pictures: Pictures, candidates: Callable[[int], list[Any]] | None, token: str, port: int) -> Guard:
    """Return the application that serves a match.

    Args:
        match: What is shown and decided.
        pictures: Pictures of its frames.
        candidates: Returns the places that may be the ball in a frame, strongest first; None where no network is at hand.
        token: First part of every path.
        port: On which the server listens.
    """
    answers = _Answers(match, pictures, candidates)
    routes = [
        *(Route(f"/{name}", _page(*file)) for name, file in PAGE.items()),
        Route("/match", answers.match),
        Route("/rows", answers.rows),
        Route("/overview", answers.overview),
        Route("/queue", answers.queue),
        Route("/frame/{frame}.jpg", answers.frame),
        Route("/candidates/{frame}", answers.candidates),
        Route("/video", answers.video),
        Route("/decide", answers.decide, methods=["POST"]),
        Route("/undo", answers.undo, methods=["POST"]),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(_Told)])
    app.router.redirect_slashes = False
    return Guard(app, token, port)


class _Told:
    """Makes an answer of what a user can cause: 400 of a request that is wrong, 409 of what cannot be done."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except TtcliError as error:
            await JSONResponse({"error": str(error)}, 409)(scope, receive, send)
        except ValueError as error:
            await JSONResponse({"error": str(error)[:200]}, 400)(scope, receive, send)


def _page(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers with a file of the page, which is read once."""
    content = (files("ttcli.reviewing") / "page" / name).read_bytes()

    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind)

    return answer


class _Answers:
    """What each address answers."""

    def __init__(self, match: Match, pictures: Pictures, candidates: Callable[[int], list[Any]] | None) -> None:
        self._match, self._pictures, self._candidates = match, pictures, candidates

    async def match(self, request: Request) -> Response:
        return JSONResponse({**self._match.as_json(), "candidates": self._candidates is not None})

    async def rows(self, request: Request) -> Response:
        first, count = _whole(request, "first"), _whole(request, "count")
        if count > MOST_ROWS:
            raise ValueError(f"more than {MOST_ROWS} rows")
        return JSONResponse(self._match.rows(first, count))

    async def overview(self, request: Request) -> Response:
        bins = _whole(request, "bins")
        if not 1 <= bins <= MOST_BINS:
            raise ValueError(f"not 1 to {MOST_BINS} bins")
        return JSONResponse(self._match.overview(bins))

    async def queue(self, request: Request) -> Response:
        return JSONResponse({"queue": self._match.worst(min(_whole(request, "count"), MOST_DOUBTS))})

    async def frame(self, request: Request) -> Response:
        frame = self._frame_of(request)
        asked = self._pictures.ask(frame, request.query_params.get("whole") == "1")
        jpeg = await asyncio.shield(asyncio.wrap_future(asked))  # another request may wait for it too
        if jpeg is None:
            return JSONResponse({"error": f"frame {frame} cannot be decoded"}, 404)
        return Response(jpeg, media_type="image/jpeg")

    async def candidates(self, request: Request) -> Response:
        frame = self._frame_of(request)
        if self._candidates is None:
            return JSONResponse({"error": "no network is at hand"}, 404)
        return JSONResponse({"candidates": await asyncio.to_thread(self._candidates, frame)})

    async def decide(self, request: Request) -> Response:
        return JSONResponse(self._match.decide(await _json(request)))

    async def undo(self, request: Request) -> Response:
        return JSONResponse(self._match.undo())

    async def video(self, request: Request) -> Response:
        path = self._match.info.path
        if path.is_dir():
            return JSONResponse({"error": "is a folder of pictures"}, 404)
        try:
            return _part_of(path, request.headers.get("range"))
        except OSError as error:
            return JSONResponse({"error": f"{path.name} is not there any more ({error.strerror})"}, 404)

    def _frame_of(self, request: Request) -> int:
        frame = _number(request.path_params["frame"])
        if frame >= self._match.frame_count:
            raise ValueError(f"there is no frame {frame}")
        return frame


def _whole(request: Request, name: str) -> int:
    return _number(request.query_params.get(name, ""))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise ValueError(f"{text[:20]!r} is no whole number")
    return int(text)


async def _json(request: Request) -> Any:
    """Return what a request holds."""
    import json

    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            raise ValueError("too long")
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("too deep") from error


def _part_of(path: Path, asked: str | None) -> Response:
    """Return a part of the video, as a browser asks for it by a single range; all of it where no range is asked for.

    Raises:
        OSError: It is not there any more.
    """
    size = path.stat().st_size
    kind = VIDEO_TYPES.get(path.suffix.lower(), "application/octet-stream")
    if asked is None:
        return StreamingResponse(_bytes_of(path, 0, size), 200, {"content-length": str(size), "accept-ranges": "bytes"}, kind)
    match = re.fullmatch(r"bytes=(\d{1,15})?-(\d{1,15})?", asked.strip())
    if match is None or match.group(1) is match.group(2) is None:
        return PlainTextResponse("", 416, {"content-range": f"bytes */{size}"})
    first, last = (None if group is None else int(group) for group in match.groups())
    if first is None:
        first, last = max(0, size - (last or 0)), size - 1
    last = min(size - 1 if last is None else last, first + RANGE_BYTES - 1, size - 1)
    if first > last:
        return PlainTextResponse("", 416, {"content-range": f"bytes */{size}"})
    headers = {
        "content-range": f"bytes {first}-{last}/{size}",
        "content-length": str(last - first + 1),
        "accept-ranges": "bytes",
    }
    return StreamingResponse(_bytes_of(path, first, last + 1), 206, headers, kind)


def _bytes_of(path: Path, first: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(first)
        while first < end and (chunk := file.read(min(CHUNK_BYTES, end - first))):
            first += len(chunk)
            yield chunk


class ReviewServer:
    """The server, in a thread of its own, until it is stopped.

    Args:
        match: What is shown and decided.
        pictures: Pictures of its frames.
        candidates: See `review_app`.
        port: To listen on; 0 takes a free one.

    Raises:
        OSError: The port is taken.
    """

    def __init__(self, match: Match, pictures: Pictures, candidates: Callable[[int], list[Any]] | None, port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if os.name == "posix":
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((HOST, port))
            self._socket.listen(64)  # from now on who opens the page waits for an answer, and is not turned away
        except OSError:
            self._socket.close()
            raise
        self.port = self._socket.getsockname()[1]
        self.token = secrets.token_urlsafe(24).replace("-", "a").replace("_", "b")
        settings = uvicorn.Config(
            review_app(match, pictures, candidates, self.token, self.port),
            http="h11", ws="none", loop="asyncio", lifespan="off", log_config=None, log_level="error",
            access_log=False, server_header=False,
            date_header=False, limit_concurrency=100, h11_max_incomplete_event_size=MOST_BODY, timeout_graceful_shutdown=1,
            proxy_headers=False,
        )  # fmt: skip
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._serve, name="server", daemon=True)
        # Not join: one that Ctrl-C breaks into takes the thread for ended, up to Python 3.12.
        self._ended = threading.Event()

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._ended.set()

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.port}/{self.token}/"

    def __enter__(self) -> "ReviewServer":
        self._thread.start()
        return self

    def wait(self) -> None:
        """Wait until the server ends, which it does by itself only where it fails."""
        while not self._ended.wait(0.2):
            pass

    def __exit__(self, *of_error: object) -> None:
        self._server.should_exit = True
        self._ended.wait(5)
        self._socket.close()
