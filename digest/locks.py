"""Locks on files, which go with the process that holds them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def lock(file: IO[bytes], wait: bool = False) -> bool:
    """Lock an open file for this process, or `wait` until nobody else has; whether it is ours now."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody has it, or the file system knows no locks
        return False
    return True


_held: set[int] = set()
"""Descriptors of files that are locked here."""


def _let_go() -> None:
    """In a process that was forked off: a copy would keep the file locked when its parent is gone."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _locked(path: Path) -> IO[bytes]:
    """Open and lock the file at a path; another one where it was removed while it was waited for, as others lock that."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
        if not lock(file, wait=True):
            return file
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        file.close()


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Run while no other process is in a block of the same path; wait for it. Where no lock can be had, just run."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            file = held.enter_context(_locked(path))
            _held.add(file.fileno())
            held.callback(_held.discard, file.fileno())
        yield
