"""Aside: one piece of work in a process of its own, while this one goes on.

For work that is short beside the start of a pool of processes, as a look at all files of an output folder is. The
process is forked, so only Linux has it, and only while no other thread could hold a lock; elsewhere, and where the
other process failed, the work is done when its result is asked for.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import NamedTuple

WHOLE = b"."
"""Ends a result, so that one that was cut short is not taken for one."""

ROOM = 1 << 20
"""Bytes that a pipe may hold, where Linux is as it comes (pipe(7))."""


def can_fork() -> bool:
    """Whether a process can be forked off safely."""
    return sys.platform == "linux" and threading.active_count() == 1


class _Child(NamedTuple):
    process: int
    result: int
    """The end of a pipe from which to read."""
    life: int
    """The end of a pipe that is open for as long as somebody may want the result."""


class Aside:
    """Bytes that are being made elsewhere, or will be made here."""

    def __init__(self, work: Callable[[], bytes], worthwhile: bool) -> None:
        self._work = work
        self._child = self._fork() if worthwhile and can_fork() else None

    def _fork(self) -> _Child | None:
        ends: list[int] = []
        try:
            ends += os.pipe()
            ends += os.pipe()
            child = os.fork()
        except OSError:  # no process, no memory or no file to be had
            for end in ends:
                os.close(end)
            return None
        our_result, their_result, their_life, our_life = ends
        if child:
            os.close(their_result)
            os.close(their_life)
            return _Child(child, our_result, our_life)
        try:
            os.close(our_result)
            os.close(our_life)
            threading.Thread(target=_leave_with_parent, args=(their_life,), daemon=True).start()
            _widen(their_result)
            with os.fdopen(their_result, "wb") as pipe:
                pipe.write(self._work() + WHOLE)
        finally:
            os._exit(0)  # nothing of the parent's is ours to flush or to clean up

    def ready(self) -> bool:
        """Whether the other process has come to its result, or to its end."""
        if self._child is None:
            return True
        poll = select.poll()
        poll.register(self._child.result, select.POLLIN)
        return bool(poll.poll(0))

    def result(self) -> bytes:
        """What the work gave; done here where the other process could not. To be asked for once."""
        if self._child:
            with open(self._child.result, "rb", closefd=False) as pipe:
                data = pipe.read()
            self._bury()
            if data.endswith(WHOLE):
                return data[: -len(WHOLE)]
        return self._work()

    def drop(self) -> None:
        """Let nobody wait for the result any more; the other process is gone when this returns."""
        if self._child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child.process, signal.SIGKILL)
            self._bury()

    def _bury(self) -> None:
        child, self._child = self._child, None
        assert child
        os.close(child.result)
        os.close(child.life)
        with contextlib.suppress(ChildProcessError):  # where SIGCHLD is ignored, nobody need wait
            os.waitpid(child.process, 0)


def _widen(pipe: int) -> None:
    """Let a result wait in its pipe, so that whoever made it is gone when it is asked for."""
    import fcntl  # there is none on Windows

    with contextlib.suppress(OSError):  # many pipes are wide already
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, ROOM)


def _leave_with_parent(life: int) -> None:
    """A parent that is killed cannot tell, and another build may already write where this one does."""
    os.read(life, 1)
    os._exit(1)
