"""Collisions: two pages on one path, which no output folder can hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from digest import urls
from digest.entries import Entry
from digest.errors import Diagnostic
from digest.kinds import is_markdown
from digest.sections import Page

FEW = 50
"""Paths up to which looking for each among all is quicker than listing the folders of all."""


def clash(new: Collection[str], paths: Collection[str]) -> bool:
    """Whether a new one of these paths is another to a file system that ignores case, or one of them is a folder of another.

    The others are known not to clash among themselves.
    """
    if not new:
        return False
    if len(new) > FEW:
        every, fresh = {path.casefold() for path in paths}, {path.casefold() for path in new}
        return len(every) < len(paths) or not every.isdisjoint(_folders(fresh)) or not fresh.isdisjoint(_folders(every))
    # One search through all is quicker than a look at each. Each has marks of its own, as `count` counts none twice.
    text = "\0" + "\0\0".join(paths).casefold() + "\0"
    fresh = {path.casefold() for path in new}
    return any(
        text.count(f"\0{path}\0") > 1 or f"\0{path}/" in text or any(f"\0{folder}\0" in text for folder in _folders([path]))
        for path in fresh
    )


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
        if other is page:
            continue
        if page.template == "redirect.html":
            problems.append(_alias(page, entries[page.origin]))
        else:
            problems.append(_collision(page, other, f"'/{page.path.removesuffix('index.html')}'"))
    for folder in sorted(_folders(seen)):
        if folder in seen:
            problems.append(_collision(seen[folder], seen[folder], f"'/{folder}', which must be a folder"))
    return problems


def _alias(page: Page, entry: Entry) -> Diagnostic:
    alias = next(alias for alias in entry.aliases if urls.file(alias.lstrip("/")) == page.path)
    where = entry.positions.get("aliases", (1, 1))
    hint = "an alias is for an address at which nothing stands any more"
    return Diagnostic(entry.path, *where, f"there is a page at '{alias}' already", hint)


def _collision(page: Page, other: Page, where: str) -> Diagnostic:
    first = f"'{other.origin}'" if other.origin else "a page that digest makes itself"
    hint = "give one of them another slug" if is_markdown(page.origin) else "rename one of them"
    if not page.origin:
        page, first = other, "a page that digest makes itself"
    what = f"{first} is at {where} already" if first != f"'{page.origin}'" else f"this would be at {where}"
    return Diagnostic(page.origin, 1, 1, what, hint)
