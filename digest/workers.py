"""Workers: the same calls on many pieces of work, in this process or in several.

A worker is a callable that is made once per process out of a setup, and then given chunks. Whether chunks run here or
in processes of their own, forked or spawned, results are the same and come back in order.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from digest import aside
from digest.aside import Aside
from digest.errors import Diagnostic, DigestError

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

Perform = Callable[[Any], Any]
"""A worker."""
Performer = TypeVar("Performer", bound=Perform)

_here: Perform | None = None
_inherited: list[Any] = []
"""The chunks, in a process that was forked off with them."""


def _start(make: Callable[[Any], Perform], setup: Any, here: Perform | None, chunks: list[Any]) -> None:
    global _here, _inherited
    gc.disable()  # workers make few cycles and end soon
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the first one ends the rest
    _here, _inherited = here or make(setup), chunks
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


def _perform_inherited(index: int) -> Any:
    return _perform(_inherited[index])


class Workers(Generic[Performer]):
    """Makes workers when there is enough to do for them, and no earlier.

    Where processes are forked, each piece of work has its own, because a forked process is given what this one holds for
    nothing: pages need not be sent, nor templates loaded. Where they are spawned, they are kept, and chunks are sent.
    """

    def __init__(self, jobs: int, make: Callable[[Any], Performer], setup: Any, here: Performer | None = None) -> None:
        """`here` is this process's worker, where an earlier one of the same setup was kept."""
        self.jobs = jobs
        self.make = make
        self.setup = setup
        self._here = here
        self._pool: ProcessPoolExecutor | None = None
        self._aside: Aside | None = None

    @property
    def here(self) -> Performer:
        """This process's worker."""
        self._here = self._here or self.make(self.setup)
        return self._here

    def waiting(self) -> bool:
        """Whether this process has one aside at work, and nothing to do but to wait for it."""
        return self._aside is not None and not self._aside.ready()

    def map(self, chunks: list[Any], worthwhile: bool, busy: bool = False) -> Iterator[Any]:
        """The results of the chunks, in order; from other processes if that is `worthwhile`, or if they are there.

        Else from one other process at most, which takes all chunks if this one is `busy` meanwhile, and all but the first
        if not. The other processes begin at once, not when the first result is asked for.
        """
        if self.jobs < 2:
            return map(self.here, chunks)
        if not (worthwhile or self._pool):
            here = len(chunks) if not aside.can_fork() else 0 if busy else 1
            return chain(map(self.here, chunks[:here]), self._performed_aside(chunks[here:]))
        if aside.can_fork():
            self._pool = pool = self._processes("fork", chunks)
            return self._results([pool.submit(_perform_inherited, index) for index in range(len(chunks))], done=self.close)
        self._pool = pool = self._pool or self._processes("spawn", [])
        return self._results([pool.submit(_perform, chunk) for chunk in chunks])

    def _performed_aside(self, chunks: list[Any]) -> Iterator[Any]:
        if not chunks:
            return iter(())
        self._aside = Aside(lambda: pickle.dumps([self.here(chunk) for chunk in chunks]), worthwhile=True)
        return chain.from_iterable(pickle.loads(each.result()) for each in [self._aside])

    def _processes(self, method: str, chunks: list[Any]) -> ProcessPoolExecutor:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        context = multiprocessing.get_context(method)
        return ProcessPoolExecutor(
            self.jobs, context, _start, (self.make, self.setup, self._here if method == "fork" else None, chunks)
        )

    def _results(self, pending: list[Future[Any]], done: Callable[[], None] = lambda: None) -> Iterator[Any]:
        from concurrent.futures.process import BrokenProcessPool

        pending.reverse()
        try:
            while pending:
                yield pending.pop().result()  # popped, so that a result is freed once it is used
        except BrokenProcessPool:
            hint = "is memory short? try one process, -j 1"
            raise DigestError([Diagnostic("", 0, 0, "a process of this build was killed", hint)]) from None
        done()

    def close(self) -> None:
        """End the other processes."""
        if self._aside:
            self._aside.drop()
        pool, self._pool = self._pool, None
        if pool:
            pool.shutdown(cancel_futures=True)


def chunked(items: Iterable[Any], size: int) -> list[list[Any]]:
    """Items in lists of `size`, the last maybe shorter."""
    items = list(items)
    return [items[start : start + size] for start in range(0, len(items), size)]
