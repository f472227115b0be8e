"""Workers: the same calls on many pieces of work, in this process or in several.

A worker is a callable that is made once per process out of a setup, and then given chunks. Whether chunks run here or
in processes of their own, forked or spawned, results are the same, in whatever order they come.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import select
import signal
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from digest import aside
from digest.aside import Fork
from digest.errors import Diagnostic, DigestError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

Perform = Callable[[Any], Any]
"""A worker."""
Performer = TypeVar("Performer", bound=Perform)

_here: Perform | None = None


def _start(make: Callable[[Any], Perform], setup: Any) -> None:
    global _here
    gc.disable()  # workers make few cycles and end soon
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the first one ends the rest
    _here = make(setup)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """A parent that is killed cannot tell its workers, which would wait for work for ever."""
    from multiprocessing import connection, parent_process

    parent = parent_process()
    if parent:
        connection.wait([parent.sentinel])
        os._exit(1)


def _perform(chunk: Any) -> Any:
    assert _here is not None
    return _here(chunk)


class Early(Fork):
    """A process that is forked off before it is known what there is to do: it prepares for it, and then leads a team.

    So it works while others wait, what it has loaded is given to its team for nothing, and no one of them holds what this
    process has grown to meanwhile.
    """

    def __init__(self, prepare: Callable[[], object]) -> None:
        """Raises OSError where there is no process, no memory or no file to be had."""
        self.free = True
        """Whether it waits to be told what to do."""
        super().__init__(partial(self._lead, prepare))
        with contextlib.suppress(OSError):  # it is gone already
            os.setpgid(self._process, self._process)  # a group to which those will belong that it forks off

    def _lead(self, prepare: Callable[[], object]) -> Iterable[bytes]:
        with contextlib.suppress(Exception):  # what is wrong is said where it is used
            prepare()
        make, setup, queues, others = pickle.loads(self.told())
        try:
            return _Team(make(setup), queues, others - 1).messages()
        except OSError:  # no files to be had
            return [pickle.dumps((number,)) for number in range(sum(map(len, queues)))]

    def lead(self, make: Callable[[Any], Perform], setup: Any, queues: list[list[Any]], others: int) -> bool:
        """Give it the chunks of all queues, for it and others to do; whether it takes them, as it does once."""
        if not self.free:
            return False
        self.free = False
        try:
            self.tell(pickle.dumps((make, setup, queues, others)))
        except OSError:
            self.drop()
            return False
        return True

    def drop(self) -> None:
        """End it and all of its team, whatever they are at."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process, signal.SIGKILL)
        super().drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it where nobody needs it."""
        if self.free:
            self.drop()


class Workers(Generic[Performer]):
    """Makes workers when there is enough to do for them, and no earlier.

    Where processes are forked, each piece of work has its own, because a forked process is given what this one holds for
    nothing: pages need not be sent, nor templates loaded. Where they are spawned, they are kept, and chunks are sent.
    """

    def __init__(
        self,
        jobs: int,
        make: Callable[[Any], Performer],
        setup: Any,
        here: Performer | None = None,
        early: Early | None = None,
    ) -> None:
        """`here` is this process's worker, where an earlier one of the same setup was kept.

        `early` leads the first team, if this process has no part in it.
        """
        self.jobs = jobs
        self.make = make
        self.setup = setup
        self._here = here
        self._early = early
        self._pool: ProcessPoolExecutor | None = None
        self._team: _Team | None = None

    @property
    def here(self) -> Performer:
        """This process's worker."""
        self._here = self._here or self.make(self.setup)
        return self._here

    def waiting(self) -> bool:
        """Whether others are at work, and this process has nothing to do but to wait for them."""
        return self._team is not None and not self._team.ready()

    def map(self, queues: list[list[Any]], worthwhile: bool, busy: bool = False) -> Iterator[Any]:
        """The results of the chunks in all queues, in any order; from `jobs` processes if that is `worthwhile`, else from two.

        Each process begins with another queue and goes on with its neighbours, so neighbours may share what they need: in the
        end the processes meet. This one begins with the first queue when the first result is asked for, unless it is `busy`;
        the others begin at once, the second process with the last queue. What was left of an earlier call is dropped.
        """
        if self.jobs < 2 or not any(queues):
            return map(self.here, chain(*queues))
        if aside.can_fork():
            if self._team:
                self._team.drop()
            others = self.jobs - (not busy) if worthwhile else 1
            early = self._early if busy else None
            leader = early if early and early.lead(self.make, self.setup, queues, others) else None
            try:
                self._team = _Team(self.here, queues, others, leader)
            except OSError:  # no memory, or no files to be had
                return map(self.here, chain(*queues))
            return self._team.results(join=not busy)
        if worthwhile or self._pool:
            self._pool = self._pool or self._spawned()
            return self._results([self._pool.submit(_perform, chunk) for chunk in chain(*queues)])
        return map(self.here, chain(*queues))

    def _spawned(self) -> ProcessPoolExecutor:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.jobs, context, _start, (self.make, self.setup))

    def _results(self, pending: list[Any]) -> Iterator[Any]:
        from concurrent.futures.process import BrokenProcessPool

        pending.reverse()
        try:
            while pending:
                yield pending.pop().result()  # popped, so that a result is freed once it is used
        except BrokenProcessPool:
            raise _killed() from None

    def close(self) -> None:
        """End the other processes."""
        team, self._team = self._team, None
        if team:
            team.drop()
        pool, self._pool = self._pool, None
        if pool:
            pool.shutdown(cancel_futures=True)


NUMBER = array("I").itemsize


class _Team:
    """Processes, forked off, that share out chunks among themselves.

    A queue is a file with the numbers of its chunks. All share its offset (open(2), fork(2)), so who is free reads the next.
    """

    def __init__(self, perform: Perform, queues: list[list[Any]], others: int, leader: Fork | None = None) -> None:
        """Where there is a `leader`, the team is its own, and this process only receives what it sends."""
        self._perform = perform
        self._chunks = list(chain(*queues))
        self._size = 1 + others
        self._queues: list[int] = []
        self._forks: list[Fork] = []
        if leader:
            self._forks.append(leader)
            return
        start = 0
        try:
            for queue in queues:
                self._queues.append(_file(array("I", range(start, start + len(queue))).tobytes()))
                start += len(queue)
        except OSError:
            self.drop()
            raise
        for number in range(1, 1 + min(others, len(self._chunks))):
            try:
                self._forks.append(Fork(partial(self._messages, number)))
            except OSError:  # those that are there do it
                break

    def _taken(self, process: int) -> Iterator[int]:
        """The numbers of the chunks that fall to this process."""
        for queue in route(self._queues, process, self._size):
            while number := os.read(queue, NUMBER):
                yield array("I", number)[0]

    def _messages(self, process: int) -> Iterator[bytes]:
        """What another process sends: of each chunk its number and result, or only its number where there is none."""
        for number in self._taken(process):
            try:
                message = pickle.dumps((number, self._perform(self._chunks[number])))
            except Exception:  # to be raised where somebody can see it
                message = pickle.dumps((number,))
            yield message

    def messages(self) -> Iterator[bytes]:
        """What all of them send, as it comes, with this process's own part."""
        for message in self._messages(0):
            yield message
            yield from self._sent(wait=False)
        yield from self._sent(wait=True)
        self.drop()

    def ready(self) -> bool:
        """Whether there is anything to receive, or nobody to wait for."""
        return not self._forks or any(fork.ready() for fork in self._forks)

    def results(self, join: bool) -> Iterator[Any]:
        """The results, as they come; with `join`, this process does its part."""
        if join or not self._forks:
            for number in self._taken(0):
                yield self._perform(self._chunks[number])
                yield from self._received(wait=False)
        yield from self._received(wait=True)
        self.drop()

    def _received(self, wait: bool) -> Iterator[Any]:
        """The results that others have sent; with `wait`, until they have done all."""
        for message in self._sent(wait):
            number, *result = pickle.loads(message)
            yield result[0] if result else self._perform(self._chunks[number])

    def _sent(self, wait: bool) -> Iterator[bytes]:
        """What others have sent; with `wait`, until they have done all."""
        poll = select.poll()
        forks = {fork.messages: fork for fork in self._forks}
        for messages in forks:
            poll.register(messages, select.POLLIN)
        while self._forks and (found := poll.poll(None if wait else 0)):
            for messages, _ in found:
                try:
                    message = forks[messages].receive()
                except EOFError:
                    raise _killed() from None
                if message is None:
                    poll.unregister(messages)
                    self._forks.remove(forks[messages])
                    forks[messages].bury()
                else:
                    yield message

    def drop(self) -> None:
        """End the other processes, whatever they are at."""
        for fork in self._forks:
            fork.drop()
        for queue in self._queues:
            os.close(queue)
        self._forks, self._queues = [], []


def route(queues: list[int], process: int, size: int) -> list[int]:
    """The order in which a process of a team of this size goes through all queues.

    From places that are spread evenly, one process goes forwards and the next one backwards, so each is alone with its
    queues until it meets another.
    """
    start = process // 2 * 2 * len(queues) // size
    found = queues[start:] + queues[:start]
    return found[::-1] if process % 2 else found


def _file(data: bytes) -> int:
    """A file in memory, to be read from its start. Raises OSError.

    It is opened by a name: of what has none, two processes that read at once may read the same, because Linux locks the
    offsets of files that were opened alone (FMODE_ATOMIC_POS).
    """
    nameless = os.memfd_create("queue")
    try:
        os.write(nameless, data)
        return os.open(f"/proc/self/fd/{nameless}", os.O_RDONLY)
    finally:
        os.close(nameless)


def _killed() -> DigestError:
    hint = "is memory short? try one process, -j 1"
    return DigestError([Diagnostic("", 0, 0, "a process of this build was killed", hint)])


def chunked(items: Iterable[Any], size: int) -> list[list[Any]]:
    """Items in lists of `size`, the last maybe shorter."""
    items = list(items)
    return [items[start : start + size] for start in range(0, len(items), size)]
