"""Building: bring an output folder to the state of a site, with as little work as that takes.

First whether there is anything to do, which needs no more than a look at the disk; then, if so, the pipeline.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import msgspec

from digest import inputs, locks
from digest.errors import ContentError
from digest.fingerprint import fingerprint
from digest.inputs import Audience, Clock, Options, Report, output_name
from digest.publish import Standing
from digest.store import Damaged, Store

if TYPE_CHECKING:
    from digest.library import Library

__all__ = ["Audience", "Options", "Progress", "Report", "build"]

Progress = Callable[[str, int, int], None]


def build(options: Options, library: Library | None = None, progress: Progress = lambda *_: None) -> Report:
    """Bring the output folder to the state of the site, and return what was done.

    A `library` that is kept between builds saves loading it. `progress` is told a step, how much of it is done and of
    how much. Another build of the same output is waited for. Raises `ContentError` with everything that is wrong; the
    output is then as it was.
    """
    if problems := inputs.unfit_names("", (str(options.root.absolute()), output_name(options))):
        raise ContentError(problems)
    turn = options.cache.parent / f"{fingerprint(output_name(options)).hex()}.lock" if options.cache else None
    collecting = gc.isenabled()
    with locks.turn(turn) if turn else nullcontext():
        store = library.store if library else Store(options.cache)
        gc.disable()  # a build makes many small values that live until its end, and hardly any cycles
        try:
            return _healing(options, store, library, progress)
        finally:
            if collecting:
                gc.enable()
            if library is None:
                store.close()


def _healing(options: Options, store: Store, library: Library | None, progress: Progress) -> Report:
    """Build; when the cache lacks what it should hold, begin again, in the end with an empty one."""
    for _ in range(2):  # what another builder has put into the cache meanwhile is only missed once
        try:
            return _build(options, store, library, progress)
        except Damaged:
            if library:
                library.forget()
    store.start_over()
    return _build(options, store, library, progress)


def _build(options: Options, store: Store, library: Library | None, progress: Progress) -> Report:
    clock = Clock()
    standing = library.take_standing(options.output) if library else None
    standing = standing or Standing.look(options.output)
    known, changed = library.take_listing(options) if library else (None, None)
    found = inputs.look(options, known, changed)
    if library:
        library.keep_listing(options, found.content, guessed=known is not None)
    clock.done("list")
    report = inputs.unchanged(options, found, standing, store)
    clock.done("check")
    if report is None:
        from digest.library import Library
        from digest.pipeline import Pipeline

        library = library or Library(store)
        report = Pipeline(options, library, found, clock, progress).run(standing)
    elif library:
        library.standing = standing
    return msgspec.structs.replace(report, steps=tuple(clock.times.items()))
