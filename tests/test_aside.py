"""Work that is done aside is done in any case, and leaves no process behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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
        Aside(lambda: b"done", worthwhile=True).drop()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_dropped() -> None:
    """What nobody waits for any more is ended."""

    def work() -> bytes:
        time.sleep(1000)
        return b""

    Aside(work, worthwhile=True).drop()
    assert no_child_is_left()


def test_dropped_after_an_interruption() -> None:
    """Ctrl-C while the result is waited for leaves no process either."""

    def work() -> bytes:
        time.sleep(1000)
        return b""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    aside = Aside(work, worthwhile=True)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with pytest.raises(KeyboardInterrupt):
            aside.result()
    finally:
        signal.signal(signal.SIGALRM, before)
    aside.drop()
    assert no_child_is_left()


def test_leaves_with_its_parent() -> None:
    """A process whose parent is killed ends; until then it would hold this test's pipe."""
    script = "import os, time; from digest.aside import Aside; Aside(lambda: time.sleep(1000), True); os.kill(os.getpid(), 9)"
    root = str(Path(__file__).parent.parent)
    killed = subprocess.run([sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
