"""A preview for tests: a real server on a real folder, spoken to over real sockets."""

from __future__ import annotations

import http.client
import json
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from digest import config as settings
from digest.errors import Diagnostic
from digest.inputs import Audience, Options
from digest.preview import Outcome, Terminal
from digest.serve import Server, serve

PATIENCE = 30
"""Seconds after which what has not happened never will."""


def options(root: Path, config: Path | None = None, published: bool = False) -> Options:
    """What the command line would ask for."""
    shown = not published
    audience = Audience(int(time.time()), shown, shown)
    return Options(root, settings.load(root, config), root / "output", audience, root / ".digest/cache.db")


class Preview:
    """A server that runs while it is entered."""

    def __init__(self, root: Path, config: Path | None = None, published: bool = False, **arguments: Any) -> None:
        self.root = root
        self.said: list[str] = []
        self.warned: list[Diagnostic] = []
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._servers: queue.SimpleQueue[Server] = queue.SimpleQueue()
        terminal = Terminal(self.outcomes.put, self.said.append, self.warned.append)
        arguments = {"port": 0, "started": self._servers.put, **arguments}
        self.fault: Exception | None = None
        """What goes wrong when the settings are read, in the manner of a mistake in the program."""

        def make() -> Options:
            if self.fault:
                raise self.fault
            return options(root, config, published)

        self._serve = lambda: serve(make, config, terminal, **arguments)
        self.thread = threading.Thread(target=self._serve)

    def run(self) -> None:
        """Serve in this thread."""
        self._serve()

    def __enter__(self) -> Preview:
        self.thread.start()
        self.server = self._servers.get(timeout=PATIENCE)
        self.first = self.outcomes.get(timeout=PATIENCE)
        self.port = int(self.first.options.config.base_url.split(":")[2].split("/")[0])
        self.base = self.first.options.config.base
        return self

    def __exit__(self, *error: object) -> None:
        self.server.stop()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()

    def request(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by lower-case name, and body; a path without a slash is below the base."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path if path.startswith("/") else self.base + path, headers=names)
            with connection.getresponse() as response:
                return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()

    def page(self, path: str) -> str:
        return self.request(path)[2].decode()

    def raw(self, data: bytes) -> bytes:
        """All that comes back for these bytes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(data)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts)

    def states(self, page: str = "") -> Iterator[dict[str, Any]]:
        """What a page is told, as it is told; raises TimeoutError when nothing more comes."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request("GET", f"/.digest/events?page={page or self.base}")
            with connection.getresponse() as response:
                assert response.status == 200
                for line in response:
                    if line.startswith(b"data: "):
                        yield json.loads(line.removeprefix(b"data: "))

    def until(self, path: str, text: str, absent: bool = False) -> int:
        """Wait until a page holds a text, looking after every build; the number of that build."""
        for state in self.states():
            if (text in self.page(path)) is not absent:
                return int(state["build"])
        raise AssertionError("the stream has ended")
