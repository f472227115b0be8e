"""Work that is done aside is done in any case, and leaves no process behind."""

import os
import sys
import time

import pytest

from digest.aside import Aside

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")


@pytest.fixture(autouse=True)
def forking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.aside.can_fork", lambda: True)


def no_child_is_left() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG) is None
    except ChildProcessError:
        return True


def test_done_elsewhere() -> None:
    """The result is the other process's."""
    here = os.getpid()
    aside = Aside(lambda: str(os.getpid()).encode(), worthwhile=True)
    assert int(aside.result()) != here
    assert no_child_is_left()


def test_done_here_where_the_other_process_failed() -> None:
    """A process that was killed, or raised, leaves the work to this one."""
    here = os.getpid()

    def work() -> bytes:
        if os.getpid() != here:
            raise MemoryError
        return b"done"

    assert Aside(work, worthwhile=True).result() == b"done"
    assert no_child_is_left()


def test_done_here_where_no_process_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is out of processes still builds."""

    def fork() -> int:
        raise BlockingIOError

    monkeypatch.setattr("os.fork", fork)
    assert Aside(lambda: b"done", worthwhile=True).result() == b"done"


def test_dropped() -> None:
    """What nobody waits for any more is ended."""

    def work() -> bytes:
        time.sleep(1000)
        return b""

    Aside(work, worthwhile=True).drop()
    assert no_child_is_left()
