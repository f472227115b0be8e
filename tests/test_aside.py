"""Work that is done aside is done in any case, and leaves no process behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from digest.aside import Aside, Fork

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")


@pytest.fixture(autouse=True)
def children(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that were forked off, which can be here although a test runner has threads."""
    found: list[int] = []

    def fork(fork: Callable[[], int] = os.fork) -> int:
        child = fork()
        found.append(child)
        return child

    monkeypatch.setattr("digest.aside.can_fork", lambda: True)
    monkeypatch.setattr("os.fork", fork)
    return found


def is_gone(children: list[int]) -> bool:
    """Whether there was one other process, and it has ended and been buried."""
    (child,) = children
    with pytest.raises(ChildProcessError):
        os.waitpid(child, os.WNOHANG)
    return True


def never() -> list[bytes]:
    """Work that does not end."""
    while True:
        signal.pause()


def test_done_elsewhere(children: list[int]) -> None:
    """The result is the other process's."""
    here = os.getpid()
    aside = Aside(lambda: str(os.getpid()).encode(), worthwhile=True)
    assert int(aside.result()) != here
    assert is_gone(children)


def test_done_here_where_the_other_process_failed(children: list[int]) -> None:
    """A process that was killed, or raised, leaves the work to this one."""
    here = os.getpid()

    def work() -> bytes:
        if os.getpid() != here:
            raise MemoryError
        return b"done"

    assert Aside(work, worthwhile=True).result() == b"done"
    assert is_gone(children)


@pytest.mark.parametrize("lacking", ["os.fork", "os.pipe"])
def test_done_here_where_no_process_can_be_had(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is out of processes, or of open files, still builds."""

    def refuse() -> int:
        raise BlockingIOError

    monkeypatch.setattr(lacking, refuse)
    assert Aside(lambda: b"done", worthwhile=True).result() == b"done"


def test_signals_of_children_may_be_ignored() -> None:
    """Some supervisors start programs so that the system buries their children."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert Aside(lambda: b"done", worthwhile=True).result() == b"done"
        Fork(lambda: [b"done"]).drop()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_messages_come_in_their_order(children: list[int]) -> None:
    """A process may send as much as it likes, more than a pipe holds; the end is told from a failure."""
    fork = Fork(lambda: (bytes([number]) * number * 50_000 for number in range(50)))
    for number in range(50):
        assert fork.receive() == bytes([number]) * number * 50_000
    assert fork.receive() is None
    fork.bury()
    assert is_gone(children)


def test_failure_is_told_from_the_end(children: list[int]) -> None:
    """A process that failed on its way sends what it has, and then no end."""

    def work() -> Iterator[bytes]:
        yield b"first"
        raise MemoryError

    fork = Fork(work)
    assert fork.receive() == b"first"
    with pytest.raises(EOFError):
        fork.receive()
    fork.drop()
    assert is_gone(children)


def test_tells_when_it_is_ready(children: list[int]) -> None:
    """A message can be awaited without asking for it."""
    unfinished, finished = Fork(never), Fork(lambda: [b"done"])
    os.waitid(os.P_PID, children[1], os.WEXITED | os.WNOWAIT)
    assert not unfinished.ready()
    assert finished.ready()
    assert finished.receive() == b"done"
    finished.bury()
    unfinished.drop()


def test_dropped(children: list[int]) -> None:
    """What nobody waits for any more is ended."""
    Fork(never).drop()
    assert is_gone(children)


def test_dropped_after_an_interruption(children: list[int]) -> None:
    """Ctrl-C while a message is waited for leaves no process either."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    fork = Fork(never)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with pytest.raises(KeyboardInterrupt):
            fork.receive()
    finally:
        signal.signal(signal.SIGALRM, before)
    fork.drop()
    assert is_gone(children)


def test_leaves_with_its_parent() -> None:
    """A process whose parent is killed ends; until then it would hold this test's pipe."""
    script = "import os, signal; from digest.aside import Aside; Aside(signal.pause, True); os.kill(os.getpid(), 9)"
    root = str(Path(__file__).parent.parent)
    killed = subprocess.run([sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
