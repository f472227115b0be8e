"""Sections: pages that belong together, so that they are planned together or not at all.

A section's key is made of the keys of its articles; a section that stands in the output under the same key need not be
planned. Which sections there are, and what they are made of, is said in `pages`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from digest.entries import Entry
from digest.fingerprint import Keyed, fingerprint
from digest.store import Damaged

FEW = 500
"""Paths up to which a sorted list is amended, and not made anew."""


class Page(msgspec.Struct, frozen=True):
    """One output to be."""

    path: str
    """Relative to the output folder."""
    renderer: str
    template: str
    """Empty for what has none."""
    view: Any
    origin: str = ""
    """The source that it comes from, for messages."""


class Section(NamedTuple):
    """Some pages that are yet to be planned."""

    name: str
    key: bytes
    """Of all that the pages are made of."""
    pages: Callable[[], Iterable[Page]]


class Known(NamedTuple):
    """What was planned of a section, and published, in an earlier build."""

    key: bytes
    listing: str
    """The paths of its pages, one a line: a build asks for those of few sections."""

    @classmethod
    def of(cls, key: bytes, pages: Iterable[Page]) -> Known:
        """What was planned of a section with these pages."""
        return cls(key, "\n".join([page.path for page in pages]))

    @property
    def paths(self) -> list[str]:
        return self.listing.split("\n") if self.listing else []


class Plan(NamedTuple):
    pages: list[Page]
    """Those of the sections that are not known to be as they were, in the order in which they are to be published."""
    sections: dict[str, Known]
    """All of them, by name."""
    paths: list[str]
    """Of all pages, in sorted order."""
    new: list[str]
    """Those of them that were not there in the last build, or not as often."""
    lost: list[str] | None
    """Paths of the last build that are not planned any more; None where not all of its sections are known."""
    settings: bytes
    """Key of what every page knows of the site."""


class Made(NamedTuple):
    """What an earlier plan came to, that the next one need not make again."""

    keys: dict[str, tuple[Any, bytes]]
    """What sections and days were made of, and their keys, by name."""
    cards: dict[bytes, tuple[Any, ...]]
    """The values of cards, by their keys."""


class Memory:
    """What is known of sections from earlier."""

    def __init__(self, known: Mapping[str, Known], made: Made, paths: list[str] | None = None) -> None:
        """`known` stand in the output, whole. `made` is filled here, for the next plan.

        `paths` are those of the last build, in sorted order, where all of its sections are known.
        """
        self.known = known
        self._paths = paths
        self.cards = made.cards
        self._made = made.keys
        self._asked: set[str] = set()

    def key(self, name: str, inputs: Any) -> bytes:
        """The key of some inputs; the last one, if they are the same, which is quicker to see than a key is made."""
        self._asked.add(name)
        last = self._made.get(name)
        key = last[1] if last and last[0] == inputs else fingerprint(inputs)
        self._made[name] = inputs, key
        return key

    def plan(self, sections: Iterable[Section], settings: bytes) -> Plan:
        """Plan the sections that are not known."""
        pages: list[Page] = []
        every: dict[str, Known] = {}
        now: list[str] = []
        was: list[str] = []
        for section in sections:
            before = found = self.known.get(section.name)
            if found is None or found.key != section.key:
                made = list(section.pages())
                pages += made
                found = Known.of(section.key, made)
                if before is None or before.listing != found.listing:
                    now += found.paths
                    was += before.paths if before else ()
            every[section.name] = found
        for name in self.known.keys() - every.keys():
            was += self.known[name].paths
        for name in self._made.keys() - self._asked:
            del self._made[name]
        new, lost = _difference(now, was), _difference(was, now)
        if self._paths is None or len(new) + len(lost) > FEW:
            paths = sorted([path for section in every.values() for path in section.paths])
        else:
            paths = _amended(self._paths, new, lost)
        return Plan(pages, every, paths, new, None if self._paths is None else lost, settings)


def _difference(some: list[str], others: list[str]) -> list[str]:
    """Those of some paths that are not among others, or not as often."""
    return list((Counter(some) - Counter(others)).elements()) if others else some


def _amended(paths: list[str], new: Iterable[str], lost: Iterable[str]) -> list[str]:
    """Sorted paths with some more and some less."""
    found = paths.copy()
    for path in lost:
        at = bisect_left(found, path)
        if found[at : at + 1] != [path]:
            raise Damaged.because(f"nobody wrote '{path}'")
        del found[at]
    for path in new:
        insort(found, path)
    return found


class Cards(Keyed):
    """All that cards show of these articles. Equal when the articles are, which is quicker to see than a key is made."""

    __slots__ = ("entries",)
    part = attrgetter("card_key")

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.entries == other.entries

    __hash__ = None  # type: ignore[assignment]

    @property
    def key(self) -> bytes:  # type: ignore[override]
        return b"".join(map(self.part, self.entries))


class Contents(Cards):
    """The same of what their pages show beyond the cards."""

    __slots__ = ()
    part = attrgetter("content_key")
