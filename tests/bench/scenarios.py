"""What is measured: each scenario is a function of a site and a repetition's number, and returns one outcome.

A repetition leaves the content as it found it. Its text is new each time, so that no program can remember the
result of an earlier one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import corpus, measure
from .sites import SHARED, Site


class Outcome(NamedTuple):
    """What a repetition showed."""

    sample: measure.Sample
    changes: measure.Changes | None = None
    """Counted in the first repetition of a cold build, of which all is new, and of a scenario that changes the content."""


Scenario = Callable[[Site, int], Outcome]


def start(site: Site, turn: int) -> Outcome:
    """The program says its version."""
    del turn
    return Outcome(measure.run(site.program.start, site.folder, dict(site.program.environment)))


def cold(site: Site, turn: int) -> Outcome:
    """A build into an empty output, with nothing remembered."""
    site.clear()
    sample = site.build()
    made = measure.changes({}, measure.snapshot(site.output), SHARED.fullmatch) if turn == 0 else None
    return Outcome(sample, made)


def unchanged(site: Site, turn: int) -> Outcome:
    """A build right after a build."""
    del turn
    site.settle()
    return Outcome(site.build())


def edit(site: Site, turn: int) -> Outcome:
    """A build after a correction: the second newest article has one paragraph more."""
    original = corpus.article(site.size - 2, site.size)
    return _after(site, turn, lambda: site.put(corpus.edited(original, turn)), lambda: site.put(original))


def addition(site: Site, turn: int) -> Outcome:
    """A build after one article more, the newest of all."""
    article = corpus.addition(turn, site.size)
    return _after(site, turn, lambda: site.put(article), lambda: site.remove(article))


SCENARIOS: tuple[tuple[str, Scenario], ...] = (
    ("start", start),
    ("cold", cold),
    ("unchanged", unchanged),
    ("one edit", edit),
    ("one addition", addition),
)
"""In the order of their running: the first build is a cold one, and every later one finds an output."""


def _after(site: Site, turn: int, change: Callable[[], None], undo: Callable[[], None]) -> Outcome:
    # A program that remembers nothing builds everything anyway: its output need only be right for counting.
    if turn == 0 or site.program.caches:
        site.settle()
    before = measure.snapshot(site.output) if turn == 0 else None
    change()
    sample = site.build()
    changes = None
    if before is not None:
        changes = measure.changes(before, measure.snapshot(site.output), SHARED.fullmatch)
    undo()
    return Outcome(sample, changes)
