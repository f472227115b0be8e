"""Building: bring an output folder to the state of a site, with as little work as that takes.

First whether there is anything to do, which needs no more than a look at the disk; then, if so, the pipeline.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from digest import inputs, locks, publish
from digest.errors import ContentError
from digest.fingerprint import fingerprint
from digest.inputs import Audience, Clock, Options, Report, output_name
from digest.standing import Standing
from digest.store import Damaged, Overtaken, Store

if TYPE_CHECKING:
    from digest.library import Library
    from digest.workers import Early

__all__ = ["Audience", "Options", "Progress", "Report", "build", "clean"]

Progress = Callable[[str, int, int], None]

PATIENCE = 5
"""How often a build that is overtaken by another one begins again."""


def build(
    options: Options,
    library: Library | None = None,
    progress: Progress = lambda *_: None,
    early: Early | None = None,
) -> Report:
    """Bring the output folder to the state of the site, and return what was done.

    A `library` that is kept between builds saves loading it. `progress` is told a step, how much of it is done and of
    how much. `early` is a process that has loaded what sources are parsed with. Another build of the same output is waited
    for. Raises `ContentError` with everything that is wrong; the output is then as it was.
    """
    if problems := inputs.unfit_names("", (str(options.root.absolute()), output_name(options))):
        raise ContentError(problems)
    collecting = gc.isenabled()
    with _turn(options.output, options.cache.parent) if options.cache else nullcontext():
        store = library.store if library else Store(options.cache)
        gc.disable()  # a build makes many small values that live until its end, and hardly any cycles
        try:
            return _healing(options, store, library, progress, early)
        finally:
            if collecting:
                gc.enable()
            if library is None:
                store.close()


def clean(output: Path, cache: Path) -> int:
    """Remove what digest wrote into an output folder, and the folder of the cache; return the number of files of the output.

    A build of the same output is waited for. Raises `ContentError` where the output cannot be written to.
    """
    import shutil

    with _turn(output, cache):
        removed = publish.clean(output)
        shutil.rmtree(cache, ignore_errors=True)
    return removed


def _turn(output: Path, cache: Path) -> AbstractContextManager[None]:
    """While nobody else builds or cleans the same output; `cache` is the folder of the cache."""
    return locks.turn(cache / f"{fingerprint(str(output.resolve())).hex()}.lock")


def _healing(options: Options, store: Store, library: Library | None, progress: Progress, early: Early | None) -> Report:
    """Build; when the cache lacks what it should hold, begin again, in the end with an empty one."""
    damaged = overtaken = 0
    while damaged < 2 and overtaken < PATIENCE:  # what another builder has put in meanwhile is only missed once
        try:
            return _build(options, store, library, progress, early)
        except Overtaken:
            overtaken += 1
        except Damaged:
            damaged += 1
        if library:
            library.forget()
    if damaged:
        store.start_over()
    return _build(options, store, library, progress, early)


def _build(options: Options, store: Store, library: Library | None, progress: Progress, early: Early | None) -> Report:
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
        report = Pipeline(options, library, found, clock, progress, early).run(standing)
    elif library:
        library.standing = standing
    return msgspec.structs.replace(report, steps=tuple(clock.times.items()))
