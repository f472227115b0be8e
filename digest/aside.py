"""Aside: work in processes that are forked off, while this one goes on.

For work that is short beside the start of a pool of processes, or that needs much of what this process holds. Only Linux
forks here, and only while no other thread could hold a lock; what cannot be done elsewhere is done by this process.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator

SIZE = 8
"""Bytes that say how long the next message is."""

END = b"\xff" * SIZE
"""Stands where there are no more, so that a process that was killed is not taken for one that is done."""

ROOM = 1 << 20
"""Bytes that a pipe may hold, where Linux is as it comes (pipe(7))."""


def _framed(message: bytes) -> bytes:
    """A message as it is written into a pipe."""
    return len(message).to_bytes(SIZE, "little") + message


def _receive(pipe: int) -> bytes | None:
    """The next message of a pipe, or None where there are no more. Raises EOFError where nobody will write to it."""
    size = _read(pipe, SIZE)
    return None if size == END else _read(pipe, int.from_bytes(size, "little"))


def _read(pipe: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(pipe, size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def can_fork() -> bool:
    """Whether a process can be forked off safely."""
    return sys.platform == "linux" and threading.active_count() == 1


class Fork:
    """A process that was forked off to send messages. It ends when they are sent, or when this process does.

    Of several, a later one holds the earlier ones' ends of pipes too: they end one after the other, the last one first.
    """

    def __init__(self, work: Callable[[], Iterable[bytes]]) -> None:
        """`work` may fork off others before it returns its messages. While these are made, the process ends with this one.

        Raises OSError where there is no process, no memory or no file to be had.
        """
        ends: list[int] = []
        # Ctrl-C reaches all processes of a terminal, and the first one ends the rest: no other may take it for its own.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            ends += os.pipe()
            ends += os.pipe()
            self._process = os.fork()
            if not self._process:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        except OSError:
            for end in ends:
                os.close(end)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self.messages, sent, their_life, self._life = ends
        if self._process:
            os.close(sent)
            os.close(their_life)
            return
        try:
            os.close(self.messages)
            os.close(self._life)
            self._life = their_life
            messages = work()
            threading.Thread(target=_leave_with_parent, args=(their_life,), daemon=True).start()
            _widen(sent)
            with os.fdopen(sent, "wb") as pipe:
                for message in messages:
                    pipe.write(_framed(message))
                    pipe.flush()
                pipe.write(END)
        finally:
            os._exit(0)  # nothing of the parent's is ours to flush or to clean up

    def ready(self) -> bool:
        """Whether the next message, or the end, need not be waited for."""
        poll = select.poll()
        poll.register(self.messages, select.POLLIN)
        return bool(poll.poll(0))

    def receive(self) -> bytes | None:
        """The next message, or None when there are no more. Raises EOFError where the process has failed."""
        return _receive(self.messages)

    def tell(self, message: bytes) -> None:
        """Send a message to the process, for its `work` to ask for by `told` at once. Raises OSError where it is gone."""
        _widen(self._life)
        data = _framed(message)
        while data:
            data = data[os.write(self._life, data) :]

    def told(self) -> bytes:
        """In the process itself: what it is told. Raises EOFError where there is nobody to tell anything any more."""
        return _receive(self._life) or b""

    def bury(self) -> None:
        """Free what the process has left. It is gone when this returns; so it must have come to its end."""
        os.close(self.messages)
        os.close(self._life)
        with contextlib.suppress(ChildProcessError):  # where SIGCHLD is ignored, nobody need wait
            os.waitpid(self._process, 0)

    def drop(self) -> None:
        """End the process, whatever it is at."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        self.bury()


class Aside:
    """Bytes that are being made elsewhere, or will be made here."""

    def __init__(self, work: Callable[[], bytes], worthwhile: bool) -> None:
        self._work = work
        self._fork = None
        if worthwhile and can_fork():
            with contextlib.suppress(OSError):
                self._fork = Fork(self._messages)

    def _messages(self) -> Iterator[bytes]:
        yield self._work()

    def result(self) -> bytes:
        """What the work gave; done here where the other process could not. To be asked for once."""
        if self._fork is None:
            return self._work()
        try:
            found = self._fork.receive()
        except EOFError:
            found = None
        fork, self._fork = self._fork, None
        fork.bury()
        return self._work() if found is None else found


def _widen(pipe: int) -> None:
    """Let more wait in a pipe, so that who has filled it can leave, or go on."""
    import fcntl  # there is none on Windows

    with contextlib.suppress(OSError):  # many pipes are wide already
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, ROOM)


def _leave_with_parent(life: int) -> None:
    """A parent that is killed cannot tell, and another build may already write where this one does."""
    os.read(life, 1)
    os._exit(1)
