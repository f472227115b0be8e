"""Collisions: two pages on one path, which no output folder can hold."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from digest.entries import Entry
from digest.errors import Diagnostic
from digest.sections import Page
from digest.standing import is_folder, is_listed

FEW = 50
"""Paths up to which looking for each among all is quicker than listing the folders of all."""


def clash(new: Collection[str], paths: Sequence[str]) -> bool:
    """Whether a new one of these paths is another to a file system that ignores case, or one of them is a folder of another.

    `paths` are sorted. Those that are not new are known not to clash among themselves.
    """
    if not new:
        return False
    if len(new) > FEW:
        every = {path.casefold() for path in paths}
        fresh = every if len(new) == len(paths) else {path.casefold() for path in new}
        return len(every) < len(paths) or not every.isdisjoint(_folders(fresh)) or not fresh.isdisjoint(_folders(every))
    odd = Counter([folded for path in paths if (folded := path.casefold()) != path])  # few are not all in lower case
    return any(_clashes(path.casefold(), paths, odd) for path in new)


def _clashes(path: str, paths: Sequence[str], odd: Counter[str]) -> bool:
    """Whether one of `paths`, given in lower case, is another as well, or its folder; `odd` are those that differ from theirs."""
    same = bisect_right(paths, path) - bisect_left(paths, path) + odd[path]
    folder = path + "/"
    inside = is_folder(path, paths) or any(other.startswith(folder) for other in odd)
    return same > 1 or inside or any(above in odd or is_listed(above, paths) for above in _folders([path]))


def _folders(paths: Iterable[str]) -> set[str]:
    """Every folder that these paths lie in, however deep."""
    found: set[str] = set()
    further = {path.rpartition("/")[0] for path in paths}
    while further:
        found |= further
        further = {path.rpartition("/")[0] for path in further} - found
    return found - {""}


def explain(pages: Iterable[Page], public: Iterable[Entry]) -> list[Diagnostic]:
    """What is wrong where paths clash; `public` are the entries of all that has a page."""
    entries = {entry.path: entry for entry in public}
    problems = []
    seen: dict[str, Page] = {}
    for page in pages:
        other = seen.setdefault(page.path.casefold(), page)
        if other is not page:
            problems.append(_taken(page, other, entries))
    for folder in sorted(_folders(seen)):
        if folder in seen:
            inside = next(page for path, page in seen.items() if path.startswith(folder + "/"))
            problems.append(_no_folder(seen[folder], inside, entries))
    return problems


def _taken(page: Page, first: Page, entries: Mapping[str, Entry]) -> Diagnostic:
    """A page is where another is, which was planned before it."""
    if not page.origin:
        page, first = first, page
    return _blame(page, f"{_named(first)} is at {_address(first)} already", entries)


def _no_folder(page: Page, inside: Page, entries: Mapping[str, Entry]) -> Diagnostic:
    """A page is a file where another needs a folder."""
    if page.origin and not _is_alias(inside):
        return _blame(page, f"{_address(page)} must be a folder, as {_named(inside)} is at {_address(inside)}", entries)
    return _blame(inside, f"{_named(page)} is at {_address(page)}, which must be a folder", entries)


def _blame(page: Page, message: str, entries: Mapping[str, Entry]) -> Diagnostic:
    """An error at the field that says where the page is."""
    if _is_alias(page):
        field, hint = "aliases", "an alias is for an address at which nothing stands any more"
    elif page.origin in entries:
        field, hint = "slug", "give one of them another slug"
    else:
        field, hint = "", "rename one of them"
    positions = entries[page.origin].positions if page.origin in entries else {}
    where = positions.get(field, (1, 1)) if page.origin else (0, 0)
    return Diagnostic(page.origin, *where, message, hint)


def _is_alias(page: Page) -> bool:
    return page.template == "redirect.html"


def _named(page: Page) -> str:
    if not page.origin:
        return "a page that digest makes itself"
    return f"an alias of '{page.origin}'" if _is_alias(page) else f"'{page.origin}'"


def _address(page: Page) -> str:
    return f"'/{page.path.removesuffix('index.html')}'"
