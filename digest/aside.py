"""Aside: one piece of work in a process of its own, while this one goes on.

For work that is short beside the start of a pool of processes, as a look at all files of an output folder is. The
process is forked, so only Linux has it, and only while no other thread could hold a lock; elsewhere, and where the
other process failed, the work is done when its result is asked for.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable


def can_fork() -> bool:
    """Whether a process can be forked off safely."""
    return sys.platform == "linux" and threading.active_count() == 1


class Aside:
    """Bytes that are being made elsewhere, or will be made here."""

    def __init__(self, work: Callable[[], bytes], worthwhile: bool) -> None:
        self._work = work
        self._child = self._fork() if worthwhile and can_fork() else None

    def _fork(self) -> tuple[int, int] | None:
        ours, theirs = os.pipe()
        try:
            child = os.fork()
        except OSError:  # no process or no memory to be had
            os.close(ours)
            os.close(theirs)
            return None
        if child:
            os.close(theirs)
            return child, ours
        status = 1
        try:
            os.close(ours)
            with os.fdopen(theirs, "wb") as pipe:
                pipe.write(self._work())
            status = 0
        finally:
            os._exit(status)  # nothing of the parent's is ours to flush or to clean up

    def result(self) -> bytes:
        """What the work gave; done here where the other process could not. To be asked for once."""
        if self._child:
            (child, end), self._child = self._child, None
            with os.fdopen(end, "rb") as pipe:
                data = pipe.read()
            if os.waitpid(child, 0)[1] == 0:
                return data
        return self._work()

    def drop(self) -> None:
        """Let nobody wait for the result any more; the other process is gone when this returns."""
        if self._child:
            (child, end), self._child = self._child, None
            os.close(end)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
