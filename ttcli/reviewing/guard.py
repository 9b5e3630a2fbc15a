"""Who may ask the server of a review: the page alone, by its token, host and origin, with small requests."""

import re
import secrets
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
"""By which a browser on this machine may have asked; any other name is an attempt to reach us through another page."""
MOST_BODY = 16 * 1024
"""Bytes of a request; a decision has 200."""
MOST_DIGITS = 9
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Headers of every answer: nothing is kept, framed, guessed, or passed to other pages, the token in the address
neither."""


class Guard:
    """Lets through what comes from the page itself: the right token, host and origin, no large body, no other method.

    Whatever else comes gets an answer that says nothing.

    Args:
        app: What is guarded; it sees paths without the token.
        token: First part of every path.
        port: On which the server listens.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token = app, token.encode()
        self._hosts = {f"{name}:{port}".encode() for name in NAMES}
        self._origins = {b"http://" + host for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            status, inner = self._judge(scope)
            app: ASGIApp = self._app if status is None else PlainTextResponse("", status)
            await app(inner, receive, _with_headers(send))

    def _judge(self, scope: Scope) -> tuple[int | None, Scope]:
        """Return why a request is refused, as a status, and the request without its token."""
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        if len(headers.get(b"host", [])) != 1 or headers[b"host"][0] not in self._hosts:
            return 403, scope
        if any(origin not in self._origins for origin in headers.get(b"origin", [])):
            return 403, scope
        if any(site not in (b"same-origin", b"none") for site in headers.get(b"sec-fetch-site", [])):
            return 403, scope
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, scope
        path = scope.get("raw_path") or scope["path"].encode()
        first, slash, rest = path.lstrip(b"/").partition(b"/")
        if not slash or not secrets.compare_digest(first, self._token):
            return 404, scope
        if scope["method"] == "POST" and not (headers.get(b"origin") and _small_json(headers)):
            return 403, scope
        if not re.fullmatch(rb"[a-z0-9_./]*", rest) or b".." in rest:
            return 404, scope
        return None, {**scope, "path": "/" + rest.decode(), "raw_path": b"/" + rest, "root_path": ""}


def _small_json(headers: dict[bytes, list[bytes]]) -> bool:
    """Tell whether a request says that it holds JSON, and so little of it as a decision needs."""
    length = headers.get(b"content-length", [b""])[0]
    kind = headers.get(b"content-type", [b""])[0].partition(b";")[0].strip().lower()
    return kind == b"application/json" and length.isdigit() and len(length) <= MOST_DIGITS and int(length) <= MOST_BODY


def _with_headers(send: Send) -> Send:
    """Return what sends an answer with HEADERS."""

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                *message.get("headers", []),
                *((name.encode(), value.encode()) for name, value in HEADERS.items()),
            ]
        await send(message)

    return sending
