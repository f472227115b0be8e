"""Serving the preview: one process in which the site is built, watched and shown. The only door to uvicorn.

What is answered is decided by `application`; here are the address, the threads, the bounds of connections, and the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from digest.address import Place, bind, claimed
from digest.application import Application
from digest.config import CACHE
from digest.errors import Diagnostic
from digest.inputs import Options
from digest.preview import Builder, Outcome, Terminal

PORT = 8000

CONNECTIONS = 128
"""At once; one more is told to come later, and twice as many are cut off."""

HEAD_SIZE = 16 * 1024
"""Bytes of a request's head."""

HEAD_SECONDS = 10.0
"""Time for a request's head to arrive in."""

LAST_SECONDS = 5.0
"""Time for a build to end in that nobody wants any more."""


def serve(
    make: Callable[[], Options],
    config: Path | None,
    terminal: Terminal,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    poll: float | None = None,
    live: bool = True,
    browse: bool = False,
    started: Callable[[Server], None] = lambda _: None,
) -> None:
    """Build the preview and serve it until the user interrupts, or until the server given to `started` is stopped.

    `make` reads the settings and says for whom to build; where to, and for which address, is decided here. `config` is
    the settings file if it is not one of the usual. `poll` looks for changes every so many seconds instead of listening,
    `live` lets pages follow the source, `browse` opens a browser. Raises `SettingsError` when the settings are wrong
    or the address cannot be had.
    """
    cache = make().root / CACHE
    with bind(host, port) as listener, claimed(cache, Place.of(listener, host).port) as folder:
        place = Place.of(listener, host)
        if port not in (0, place.port):
            terminal.say(f"Port {port} is taken; using {place.port}")
        if not place.private:
            what = f"everyone who reaches this machine at port {place.port} can read the preview, drafts included"
            terminal.warn(Diagnostic("", 0, 0, what, "leave --host out to keep it to yourself", "warning"))
        builder = Builder(lambda: place.preview(make(), folder), config, poll, terminal.progress, private=True)

        def tell(outcome: Outcome) -> None:
            server.tell(outcome)
            terminal.built(outcome)
            if outcome.number == 1:
                url = place.origin + outcome.options.config.base
                terminal.say(f"Serving at {url} (Ctrl-C ends it)")
                if browse:
                    webbrowser.open(url)

        server = Server(Application(builder, place, config, live), builder, tell)
        started(server)
        with asyncio.Runner() as runner:
            with contextlib.suppress(KeyboardInterrupt):
                runner.run(server.serve([listener]))
            runner.run(server.drain())
        server.join()


class Server(uvicorn.Server):
    """Runs the application and the builder until it is told to stop; asleep while there is nothing to do."""

    def __init__(self, application: Application, builder: Builder, tell: Callable[[Outcome], None]) -> None:
        super().__init__(
            uvicorn.Config(
                application.asgi,
                loop="asyncio",
                http=_Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,  # uvicorn's goes with its clock, which does not run here
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=1,
                h11_max_incomplete_event_size=HEAD_SIZE,
            )
        )
        self.application = application
        self.builder = builder
        self._thread = threading.Thread(target=builder.run, args=(tell,), name="builder", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()

    def tell(self, outcome: Outcome) -> None:
        """Let the application know, from the builder's thread."""
        problems = self.application.explain(outcome)
        self._in_loop(lambda: self.application.tell(outcome, problems))

    def stop(self) -> None:
        """End it, from any thread."""
        self.should_exit = True
        self.builder.close()
        self._in_loop(self._end)

    def join(self) -> None:
        """Wait, though not for ever, for a build under way to end; the address is free already."""
        self.builder.close()
        if self._thread.is_alive():
            self._thread.join(LAST_SECONDS)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._thread.start()

    async def main_loop(self) -> None:
        if sys.platform == "win32":  # where only a loop that turns sees Ctrl-C
            await super().main_loop()
        else:
            await self._ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end()
        loop = asyncio.get_running_loop()
        for listener in sockets or ():
            with contextlib.suppress(NotImplementedError):  # by Windows' loop, which has no readers
                loop.remove_reader(listener)
        await asyncio.sleep(0)  # asyncio loses a connection that it has accepted when its server closes before the next turn
        await super().shutdown(sockets)

    async def drain(self) -> None:
        """Cut off what came in while it was ending, or would not take its last bytes."""
        for server in getattr(self, "servers", ()):
            server.close()
        for _ in range(20):
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0.005)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit  # asked a second time
        self.stop()

    def _end(self) -> None:
        self.application.close()
        self._ended.set()

    def _in_loop(self, act: Callable[[], None]) -> None:
        if self._loop:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(act)


class _Connection(H11Protocol):
    """A connection that must make its requests in time, and of which there are only so many."""

    _hurry: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > 2 * CONNECTIONS:
            transport.abort()
        self._time()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._time()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._hurry:
            self._hurry.cancel()

    def _time(self) -> None:
        """Run the clock while a request's head is on its way."""
        waiting = self.cycle is None or self.cycle.response_complete
        if waiting and self._hurry is None:
            self._hurry = self.loop.call_later(HEAD_SECONDS, self.transport.close)
        elif not waiting and self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None
