"""The preview as an application: pages for browsers, and events for the pages. The only door to starlette.

It answers GET and HEAD for the files of the preview and nothing else, and only to who calls it by its own name.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digest import livereload, urls
from digest.address import Place
from digest.livereload import Problem, Versions
from digest.pagefiles import Found, find, media_type
from digest.preview import Builder, Outcome

STREAMS = 64
"""Event streams at once."""

HEARTBEAT = 30.0
"""Seconds between signs of life on an event stream, by which a client that is gone is found out."""

NOT_STORED = {"Cache-Control": "no-store"}

NOTHING = b"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Nothing to show yet</title></head>
<body><p>The site could not be built yet.</p></body></html>
"""
MISSING = b"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Not found</title></head>
<body><p>There is no page here.</p></body></html>
"""


class Application:
    """What was built last, and who waits for more. Everything but the reading of files is the event loop's."""

    def __init__(self, builder: Builder, place: Place, config: Path | None, live: bool) -> None:
        """`config` is the settings file if it is not one of the usual; `live` lets pages follow the source."""
        self._builder = builder
        self._live = live
        self._config = config
        self._outcome: Outcome | None = None
        self._problems: tuple[Problem, ...] = ()
        self._site = (builder.options.output, builder.options.config.base)
        """The folder and the base path of what is served."""
        self._versions = Versions("", "", "")
        self.streams = 0
        self._turn = asyncio.Event()
        """Set when something happens, and another one from then on."""
        self._closed = False
        routes = [Route("/{path:path}", self._page)]
        if live:
            routes[:0] = [Route(livereload.SCRIPT, self._script), Route(livereload.EVENTS, self._events)]
        guard = Middleware(_Guard, place=place)
        self.asgi = Starlette(routes=routes, middleware=[guard], exception_handlers={Exception: _confess})

    def explain(self, outcome: Outcome) -> tuple[Problem, ...]:
        """What `tell` needs beside the outcome. Reads files, so it is not for the event loop."""
        return livereload.explain(outcome, self._config)

    def tell(self, outcome: Outcome, problems: tuple[Problem, ...]) -> None:
        """Take in what came of a build, and let all know who wait for it."""
        self._outcome, self._problems = outcome, problems
        if report := outcome.report:
            self._site = (outcome.options.output, outcome.options.config.base)
            changed = [path for path in (*report.written, *report.removed) if path.startswith(("assets/", "media/"))]
            version = f"{os.getpid():x}-{outcome.number}"  # a page may outlive the process that served it
            if not self._versions.styles or any(path.endswith(".css") for path in changed):
                self._versions = msgspec.structs.replace(self._versions, styles=version)
            if not self._versions.assets or not all(path.endswith(".css") for path in changed):
                self._versions = msgspec.structs.replace(self._versions, assets=version)
        self._wake()

    def close(self) -> None:
        """End all streams and all waiting."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._turn.set()
        self._turn = asyncio.Event()

    async def _settled(self) -> None:
        """Wait for a build that shows every change noticed so far."""
        noticed = self._builder.watcher.bursts
        while not self._closed and (self._outcome is None or self._outcome.covers < noticed):
            await self._turn.wait()

    async def _page(self, request: Request) -> Response:
        await self._settled()
        return await run_in_threadpool(self._respond, request)

    async def _script(self, request: Request) -> Response:
        return Response(await run_in_threadpool(livereload.script), media_type="text/javascript", headers=NOT_STORED)

    async def _events(self, request: Request) -> Response:
        """A stream of states of the page that `page` names."""
        ours = f"http://{request.headers['host']}"
        site = request.headers.get("sec-fetch-site", "none")
        if request.headers.get("origin", ours) != ours or site not in ("same-origin", "none"):
            return PlainTextResponse("Events are for the preview's own pages.", 403)
        if self.streams >= STREAMS:
            return PlainTextResponse("Too many pages are listening.", 503, {"Retry-After": "5"})
        path = request.query_params.get("page", "/")
        return StreamingResponse(self._states(path), headers=NOT_STORED, media_type="text/event-stream")

    async def _states(self, path: str) -> AsyncIterator[bytes]:
        self.streams += 1
        try:
            told = 0
            while not self._closed:
                turn, outcome = self._turn, self._outcome
                if outcome and outcome.number != told:
                    told = outcome.number
                    yield await run_in_threadpool(self._state, path, outcome, self._problems)
                    continue
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        await turn.wait()
                except TimeoutError:
                    yield b":\n\n"
        finally:
            self.streams -= 1

    def _state(self, path: str, outcome: Outcome, problems: tuple[Problem, ...]) -> bytes:
        found, moved, note = self._look_up(path)
        return livereload.state(outcome, problems, self._versions_of(found), moved, note)

    def _versions_of(self, found: Found | None) -> Versions:
        return msgspec.structs.replace(self._versions, page=found.version if found else "")

    def _look_up(self, path: str) -> tuple[Found | None, str, str]:
        """The file at a path; if there is none, where its page is now, and what became of it."""
        folder, base = self._site
        if not path.startswith(base):
            return None, base, f"This site begins at {base}"
        inside = path.removeprefix(base)
        found = find(folder, inside)
        gone = None if found else self._builder.moves.find(inside)
        if gone is None:
            return found, "", ""
        source, now = f"{self._builder.options.config.content}/{gone[0]}", gone[1]
        if now and find(folder, now):
            return None, base + urls.escape(now), f"{source} has moved:"
        return None, "", f"{source} is not shown any more." if now else f"{source} was deleted."

    def _respond(self, request: Request) -> Response:
        path: str = request.scope["path"]
        folder, base = self._site
        if base != "/" and path in ("/", base.rstrip("/")):
            return _redirect(request, base)
        found, moved, note = self._look_up(path)
        if found:
            return self._file(request, found)
        if not path.endswith("/") and self._look_up(path + "/")[0]:
            return _redirect(request, quote(path, safe=urls.SAFE) + "/")
        if not find(folder, ""):
            return self._html(NOTHING, 503, None)
        missing = find(folder, "404.html")
        return self._html(Path(missing.path).read_bytes() if missing else MISSING, 404, None, moved, note)

    def _file(self, request: Request, found: Found) -> Response:
        kind = media_type(found.path)
        is_page = kind.startswith("text/html")
        headers = {"ETag": f'"{found.version}"', **(NOT_STORED if is_page else {"Cache-Control": "no-cache"})}
        known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
        if headers["ETag"] in known or known == ["*"]:  # RFC 9110, 13.1.2
            return Response(status_code=304, headers=headers)
        if is_page:
            return self._html(Path(found.path).read_bytes(), 200, found, headers=headers)
        return FileResponse(found.path, headers=headers, media_type=kind, stat_result=found.stat)

    def _html(
        self,
        text: bytes,
        status: int,
        found: Found | None,
        moved: str = "",
        note: str = "",
        headers: dict[str, str] = NOT_STORED,
    ) -> Response:
        if self._live:
            text = livereload.inject(text, livereload.tag(self._versions_of(found), moved, note))
        return Response(text, status, headers, "text/html; charset=utf-8")


def _redirect(request: Request, to: str) -> Response:
    query = request.url.query
    return RedirectResponse(to + (f"?{query}" if query else ""), 307, NOT_STORED)


async def _confess(request: Request, error: Exception) -> Response:
    """A fault of ours, in the browser as on the terminal."""
    return PlainTextResponse("".join(traceback.format_exception(error)), 500, NOT_STORED)


class _Guard:
    """Turns away what is not for us, before anything else sees it."""

    def __init__(self, app: ASGIApp, place: Place) -> None:
        self._app = app
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        respond = self._app
        if not self._place.is_ours(Headers(scope=scope).get("host", ""), scope["server"][0]):
            text = f"This server answers at {self._place.origin} only."
            respond = PlainTextResponse(text, 403, {"Connection": "close"})
        elif scope["method"] not in ("GET", "HEAD"):
            respond = PlainTextResponse("Only for reading.", 405, {"Allow": "GET, HEAD", "Connection": "close"})

        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Date"] = formatdate(usegmt=True)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
            await send(message)

        await respond(scope, receive, mark)
