"""Chunks are shared out among processes: each is done once, wherever, and what went wrong is seen."""

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from digest.errors import DigestError
from digest.workers import Early, Workers, route


@pytest.fixture(autouse=True, params=["forked", "spawned", "here"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether processes can be forked, must be spawned, or cannot be had."""
    if request.param != "spawned" and sys.platform != "linux":
        pytest.skip("only Linux forks")
    monkeypatch.setattr("digest.aside.can_fork", lambda: request.param != "spawned")
    if request.param == "here":
        monkeypatch.setattr("os.fork", refuse)
    return str(request.param)


forked = pytest.mark.parametrize("way", ["forked"], indirect=True)
"""Marks tests of what only forked processes do."""


def refuse() -> int:
    raise BlockingIOError


@pytest.fixture
def workers() -> Iterator[Callable[..., Workers[Any]]]:
    """Makes workers, and closes them in the end."""
    made: list[Workers[Any]] = []

    def make(*arguments: Any) -> Workers[Any]:
        made.append(Workers(*arguments))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Square:
    """Squares chunks, but fails on some of them; says in which process."""

    def __init__(self, broken: frozenset[int]) -> None:
        self.broken = broken
        self.here = os.getpid()

    def __call__(self, chunk: int) -> tuple[int, int]:
        if chunk in self.broken:
            raise ValueError(f"broken: {chunk}")
        return chunk * chunk, os.getpid()


@pytest.mark.parametrize("worthwhile", [False, True])
@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("sizes", [[], [0], [1], [40], [3, 40], [20, 20, 20]])
def test_each_chunk_is_done_once(
    workers: Callable[..., Workers[Any]], sizes: list[int], busy: bool, worthwhile: bool, way: str
) -> None:
    """However many queues and processes there are."""
    if way == "spawned" and worthwhile and sizes != [20, 20, 20]:
        pytest.skip("starting them takes long")
    queues = [list(range(100 * number, 100 * number + size)) for number, size in enumerate(sizes)]
    team = workers(3, Square, frozenset())
    found = sorted(result for result, _ in team.map(queues, worthwhile, busy))
    assert found == sorted(chunk * chunk for queue in queues for chunk in queue)
    again = sorted(result for result, _ in team.map(queues, worthwhile, busy))
    assert found == again


@forked
def test_no_chunk_is_done_twice(workers: Callable[..., Workers[Any]]) -> None:
    """However often several processes ask for the next one in the same moment."""
    done = [result for result, _ in workers(3, Square, frozenset()).map([list(range(20_000))], worthwhile=True)]
    assert len(done) == len(set(done)) == 20_000


def test_busy_process_does_nothing(workers: Callable[..., Workers[Any]], way: str) -> None:
    """Where there are others."""
    team = workers(2, Square, frozenset())
    processes = {process for _, process in team.map([list(range(50))], worthwhile=False, busy=True)}
    assert (os.getpid() in processes) == (way != "forked")


@pytest.mark.parametrize("worthwhile", [False, True])
def test_what_is_wrong_is_raised_here(workers: Callable[..., Workers[Any]], worthwhile: bool) -> None:
    """Wherever it went wrong."""
    team = workers(2, Square, frozenset({7}))
    with pytest.raises(ValueError, match="broken: 7"):
        list(team.map([list(range(10))], worthwhile, True))


class Unsendable:
    """Its results cannot be sent from one process to another."""

    def __init__(self, _: None) -> None:
        pass

    def __call__(self, chunk: int) -> Any:
        return lambda: chunk


def test_what_cannot_be_sent_is_made_here(workers: Callable[..., Workers[Any]], way: str) -> None:
    """Memory may be too short for sending it."""
    if way == "spawned":
        pytest.skip("only where nothing else is to be done")
    found = workers(2, Unsendable, None).map([list(range(10))], worthwhile=False, busy=True)
    assert sorted(result() for result in found) == list(range(10))


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize("queues", [1, 2, 3, 8, 21])
def test_processes_share_out_queues_from_both_ends(queues: int, size: int) -> None:
    """Every process comes to every queue; the second begins with the last one, and no two with the same if there are enough."""
    every = list(range(queues))
    routes = [route(every, process, size) for process in range(size)]
    assert all(sorted(found) == every for found in routes)
    assert routes[0] == every
    assert routes[1:2] in ([], [every[::-1]])
    assert len({found[0] for found in routes}) == size or queues < 2 * size


def test_queues_that_cannot_be_had(workers: Callable[..., Workers[Any]], way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has no file left does all itself."""
    monkeypatch.setattr("os.memfd_create", lambda *_: refuse())
    found = workers(2, Square, frozenset()).map([[1, 2], [3]], worthwhile=way != "spawned")
    assert {process for _, process in found} == {os.getpid()}


@forked
def test_nothing_is_left_of_an_abandoned_call(workers: Callable[..., Workers[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither processes nor open files."""
    children = []

    def fork(fork: Callable[[], int] = os.fork) -> int:
        children.append(fork())
        return children[-1]

    monkeypatch.setattr("os.fork", fork)
    before = len(os.listdir("/proc/self/fd"))
    team = workers(3, Square, frozenset())
    for _ in range(2):
        next(team.map([list(range(50))], worthwhile=True))
    team.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(children) == 4
    for child in children:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)


class Meeting:
    """A worker whose first chunk waits until the last is done."""

    def __init__(self, ends: tuple[int, int]) -> None:
        self.waiting, self.telling = ends

    def __call__(self, chunk: str) -> str:
        if chunk == "first":
            os.read(self.waiting, 1)
        if chunk == "last":
            os.write(self.telling, b".")
        return chunk


@forked
def test_processes_help_each_other(workers: Callable[..., Workers[Any]]) -> None:
    """Who has come to the end of its queue goes on with another's."""
    team = workers(2, Meeting, os.pipe())
    assert sorted(team.map([["own"], ["first", "next", "last"]], worthwhile=False)) == ["first", "last", "next", "own"]


# A process that is there before its work, and the team that it leads.


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that this one has forked off."""
    found: list[int] = []

    def fork(fork: Callable[[], int] = os.fork) -> int:
        child = fork()
        if child:
            found.append(child)
        return child

    monkeypatch.setattr("os.fork", fork)
    return found


def nothing() -> None:
    """Prepare nothing."""


@forked
@pytest.mark.parametrize("worthwhile", [False, True])
@pytest.mark.parametrize("sizes", [[1], [40], [20, 20, 20]])
def test_early_process_leads_the_first_team(
    workers: Callable[..., Workers[Any]], children: list[int], sizes: list[int], worthwhile: bool
) -> None:
    """It does what is to be done, with others where that is worthwhile; and it is not there for a second time."""
    queues = [list(range(100 * number, 100 * number + size)) for number, size in enumerate(sizes)]
    with Early(nothing) as early:
        team = workers(3, Square, frozenset(), None, early)
        found = list(team.map(queues, worthwhile, busy=True))
        assert len(children) == 1
        assert sorted(result for result, _ in found) == sorted(chunk * chunk for queue in queues for chunk in queue)
        processes = {process for _, process in found}
        assert os.getpid() not in processes
        assert worthwhile or processes == set(children)
        again = sorted(result for result, _ in team.map(queues, worthwhile, busy=True))
        assert again == sorted(result for result, _ in found)
        assert len(children) > 1


class Witness:
    """A worker that tells which processes have prepared for it."""

    prepared: ClassVar[list[int]] = []

    def __init__(self, _: None) -> None:
        pass

    def __call__(self, _: int) -> list[int]:
        return self.prepared


@forked
def test_early_process_has_prepared(workers: Callable[..., Workers[Any]], children: list[int]) -> None:
    """Once, and for all of its team."""
    with Early(lambda: Witness.prepared.append(os.getpid())) as early:
        team = workers(3, Witness, None, None, early)
        found = {tuple(seen) for seen in team.map([list(range(50))], worthwhile=True, busy=True)}
    assert found == {(children[0],)}
    assert not Witness.prepared


@forked
def test_early_process_that_fails_to_prepare(workers: Callable[..., Workers[Any]], children: list[int]) -> None:
    """What is wrong shows where it is used, if it is."""

    def fail() -> None:
        raise ImportError

    with Early(fail) as early:
        found = list(workers(2, Square, frozenset(), None, early).map([[1, 2, 3]], worthwhile=False, busy=True))
    assert sorted(found) == [(1, children[0]), (4, children[0]), (9, children[0])]


@forked
def test_early_process_that_is_gone(workers: Callable[..., Workers[Any]], children: list[int]) -> None:
    """Others do its part."""
    with Early(nothing) as early:
        os.kill(children[0], signal.SIGKILL)
        os.waitid(os.P_PID, children[0], os.WEXITED | os.WNOWAIT)
        found = list(workers(2, Square, frozenset(), None, early).map([list(range(50))], worthwhile=False, busy=True))
    assert sorted(result for result, _ in found) == [chunk * chunk for chunk in range(50)]
    assert children[0] not in {process for _, process in found}


class Doomed:
    """A worker that is killed at its first chunk."""

    def __init__(self, _: None) -> None:
        pass

    def __call__(self, _: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@forked
@pytest.mark.parametrize("worthwhile", [False, True])
def test_early_process_that_is_killed(workers: Callable[..., Workers[Any]], children: list[int], worthwhile: bool) -> None:
    """At work, itself or another of its team, as any other process."""
    with Early(nothing) as early, pytest.raises(DigestError, match="a process of this build was killed"):
        list(workers(3, Doomed, None, None, early).map([list(range(50))], worthwhile, busy=True))


@forked
def test_what_is_wrong_in_a_team_is_raised_here(workers: Callable[..., Workers[Any]], children: list[int]) -> None:
    """Through its leader."""
    with Early(nothing) as early, pytest.raises(ValueError, match="broken: 7"):
        list(workers(3, Square, frozenset({7}), None, early).map([list(range(10))], worthwhile=True, busy=True))


@forked
def test_leader_without_queues(
    workers: Callable[..., Workers[Any]], children: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is done here where it can open no file."""
    monkeypatch.setattr("os.memfd_create", lambda *_: refuse())
    with Early(nothing) as early:
        found = list(workers(3, Square, frozenset(), None, early).map([[1, 2], [3]], worthwhile=True, busy=True))
    assert sorted(found) == [(1, os.getpid()), (4, os.getpid()), (9, os.getpid())]


class Stuck:
    """A worker that comes to no end, lets no other thread of its process go on, and holds a pipe open while it lives."""

    def __init__(self, ends: tuple[int, int]) -> None:
        self.ends = ends

    def __call__(self, _: int) -> None:
        os.write(self.ends[1], b".")
        re.match(r"(a+)+$", 100 * "a" + "b")


@forked
def test_a_team_ends_with_its_leader(workers: Callable[..., Workers[Any]], children: list[int]) -> None:
    """Nobody of it is left when it is abandoned, nor any open file."""
    before = len(os.listdir("/proc/self/fd"))
    reading, writing = os.pipe()
    with Early(nothing) as early:
        team = workers(3, Stuck, (reading, writing), None, early)
        results = team.map([list(range(50))], worthwhile=True, busy=True)
        os.close(writing)
        assert [os.read(reading, 1) for _ in range(3)] == [b"."] * 3  # all three are at work
        team.close()
        del results
    poll = select.poll()
    poll.register(reading, select.POLLHUP)
    assert poll.poll(60_000)
    os.close(reading)
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(children[0], os.WNOHANG)


ORPHANS = """
import os, signal, sys
from digest.workers import Early, Workers

reading, writing = os.pipe()

class Waiting:
    def __init__(self, _): pass
    def __call__(self, _):
        os.write(writing, b".")
        while True: signal.pause()

early = Early(lambda: None)
if sys.argv[1] == "at work":
    results = Workers(3, Waiting, None, None, early).map([[1, 2, 3]], True, True)
    for _ in range(3): os.read(reading, 1)
os.kill(os.getpid(), signal.SIGKILL)
"""


@forked
@pytest.mark.parametrize("moment", ["waiting", "at work"])
def test_a_team_leaves_with_the_first_process(moment: str) -> None:
    """When that is killed; until then they would hold this test's pipe."""
    root = str(Path(__file__).parent.parent)
    command = [sys.executable, "-c", ORPHANS, moment]
    killed = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL


@forked
@pytest.mark.parametrize("busy", [False, True])
def test_early_process_without_work(workers: Callable[..., Workers[Any]], children: list[int], busy: bool) -> None:
    """It ends where there is nothing to do, or where this process does its part."""
    before = len(os.listdir("/proc/self/fd"))
    queues: list[list[int]] = [[]] if busy else [[1, 2]]
    with Early(nothing) as early:
        found = [result for result, _ in workers(2, Square, frozenset(), None, early).map(queues, worthwhile=False, busy=busy)]
    assert sorted(found) == ([] if busy else [1, 4])
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(children[0], os.WNOHANG)
