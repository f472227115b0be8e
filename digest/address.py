"""The address of a preview, and its folder: what only one server can have at a time."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from digest.errors import Diagnostic, SettingsError
from digest.inputs import Options
from digest.locks import lock

PORTS = 100
"""Ports that are tried, from the one asked for on."""


def bind(host: str, port: int) -> socket.socket:
    """A socket on the first free port from `port` on, or on any for 0. Raises `SettingsError`."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, OverflowError, UnicodeError) as error:
        raise _unbound(f"there is no address '{host}' here", getattr(error, "strerror", None) or str(error)) from None
    last = min(port + PORTS, 65_536) if port else 1
    for candidate in range(port, last):
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            if sys.platform == "win32":  # there SO_REUSEADDR would share the port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address[0], candidate, *address[2:]))
            listener.listen()
        except OSError as error:
            listener.close()
            if not _is_taken(error):
                raise _unbound(f"{host}:{candidate} cannot be bound", error.strerror or str(error)) from None
        else:
            return listener
    raise _unbound(f"ports {port} to {last - 1} are all taken", "name another with -p")


def _is_taken(error: OSError) -> bool:
    return error.errno == errno.EADDRINUSE or getattr(error, "winerror", None) in (10013, 10048)


def _unbound(message: str, hint: str) -> SettingsError:
    return SettingsError([Diagnostic("", 0, 0, message, hint)])


class Place(NamedTuple):
    """Where the server is."""

    host: str
    """As it stands in addresses."""
    port: int
    private: bool
    """Whether only this machine reaches it."""

    @staticmethod
    def of(listener: socket.socket, host: str) -> Place:
        address, port = listener.getsockname()[:2]
        ip = ipaddress.ip_address(address.partition("%")[0])
        if ip.is_unspecified:
            host = "127.0.0.1"
        return Place(f"[{host}]" if ":" in host else host, port, ip.is_loopback)

    @property
    def origin(self) -> str:
        return f"http://{self.host}:{self.port}"

    def preview(self, options: Options, folder: Path) -> Options:
        """The options with the addresses of this place."""
        config = msgspec.structs.replace(options.config, base_url=self.origin + options.config.base)
        return msgspec.structs.replace(options, config=config, output=folder)

    def is_ours(self, host: str, server: str) -> bool:
        """Whether a Host header names this server; `server` is its address on the connection.

        A page of another site that has its own name resolve to this machine (DNS rebinding) still sends that name.
        """
        name, _, port = host.lower().rpartition(":") if host.rpartition(":")[2].isdigit() else (host.lower(), "", "80")
        own = ipaddress.ip_address(server.partition("%")[0])
        own = getattr(own, "ipv4_mapped", None) or own
        names = {"localhost", "127.0.0.1", "[::1]", self.host.lower(), f"[{own}]" if own.version == 6 else str(own)}
        return name in names and port == str(self.port)


@contextlib.contextmanager
def claimed(cache: Path, port: int) -> Iterator[Path]:
    """The folder to build into: `preview`, or one of its own while another server has that. Raises `SettingsError`."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        file = (cache / "preview.lock").open("ab")
    except OSError as error:
        hint = "the preview is built there: move away what is in the way, or give yourself the right to write there"
        message = f"cannot be written to: {error.strerror}"
        raise SettingsError([Diagnostic(str(cache), 0, 0, message, hint)]) from None
    with file:
        yield cache / ("preview" if lock(file) else f"preview-{port}")
