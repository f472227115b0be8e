"""Links: where a body's symbolic references lead, and what to say of one that leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from posixpath import basename, dirname, join, normpath, relpath, splitext
from urllib.parse import urljoin

from digest import urls
from digest.entries import Entry
from digest.errors import Diagnostic, nearest
from digest.inputs import File
from digest.references import Reference
from digest.views import Image

IMAGE_TYPES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
    ".avif": "image/avif", ".svg": "image/svg+xml",
}  # fmt: skip

_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?:/.*)?")
_FILES = frozenset((*IMAGE_TYPES, ".md", ".markdown", ".pdf", ".csv", ".xlsx", ".zip", ".mp3", ".mp4", ".yaml", ".yml"))
"""Endings that speak for an article or a media file, also behind a slash: digest makes no such page."""
_TEXTS = frozenset((".html", ".htm", ".txt", ".json", ".xml"))
"""Endings of files, which pages of digest's own have as well."""

MISSES = 20
"""Links of a build for which the nearest path is searched among all: in a large archive each takes a while."""


PageLink = tuple[str, Reference, str]
"""A link to a page by its address, to be held against the finished plan: the source's path, the link, the address below
the base."""


class Resolver:
    """Finds what references mean. `resolve` gives a body's links in order and gathers problems as it goes."""

    def __init__(
        self,
        base: str,
        articles: Callable[[], dict[str, str]],
        media: Mapping[str, File],
        hidden: Mapping[str, str],
        severity: str,
    ) -> None:
        self.base = base
        self._list = articles
        self.media = media
        self.hidden = hidden
        self.severity = severity
        self.problems: list[Diagnostic] = []
        self.pages: list[PageLink] = []
        self._misses = 0

    @cached_property
    def articles(self) -> dict[str, str]:
        """Paths below the content folder to paths below the base. Listed late: many sites have no links that ask for them."""
        return self._list()

    def resolve(self, entry: Entry) -> tuple[str, ...]:
        """Where each of an article's links to files and pages leads, root-relative."""
        return tuple([self._file(entry, reference) + reference.suffix for reference in entry.links])

    def image(self, entry: Entry) -> Image | None:
        """An article's picture, if it has one."""
        image = entry.image
        if image is None:
            return None
        path = next((candidate for candidate in self._candidates(entry, image.path) if candidate in self.media), None)
        kind = IMAGE_TYPES.get(_ending(image.path))
        if path is None or kind is None:
            message = f"'{image.path}' is not an image" if path else f"there is no image '{image.path}'"
            known = ", ".join(IMAGE_TYPES)
            hint = f"known are {known}" if path else "give its path from the article's folder, or from the content folder with /"
            self.problems.append(Diagnostic(entry.path, *entry.positions.get("image", (1, 1)), message, hint))
            return None
        return Image(self.base + urls.escape(urls.media(path)), image.alt, kind, self.media[path].size)

    def _candidates(self, entry: Entry, target: str) -> tuple[str, ...]:
        if target.startswith("/"):
            inside = normpath(target).lstrip("/")
            return inside, inside.removeprefix("media/")
        return (normpath(join(dirname(entry.path), target)),)

    def _file(self, entry: Entry, reference: Reference) -> str:
        for path in self._candidates(entry, reference.target):
            if path in self.articles:
                return self.base + urls.escape(self.articles[path])
            if path in self.media:
                return self.base + urls.escape(urls.media(path))
        target = reference.target
        if target.startswith("/"):
            inside = target.lstrip("/")
            if self.base != "/" and target.startswith(self.base):
                inside = target.removeprefix(self.base)
            if _ending(inside) in _FILES and not inside.startswith("assets/"):
                self._nowhere(entry, reference)
            else:
                self.pages.append((entry.path, reference, inside))
            return self.base + urls.escape(inside)
        self._nowhere(entry, reference)
        here = self.base + urls.escape(self.articles.get(entry.path, ""))
        where = urljoin(here, urls.escape(target))
        return where if where.startswith("/") else here

    def _nowhere(self, entry: Entry, reference: Reference) -> None:
        target = reference.target
        path = self._candidates(entry, target)[0]
        if state := self.hidden.get(path):
            if state != "broken":  # else there is an error already
                what = "a draft" if state == "draft" else "not published yet"
                self._report(entry, reference, f"'{target}' is {what}", "publish it as well, or take the link out")
            return
        if not target:
            self._report(entry, reference, "a link has no target", "write one, or take the link out")
            return
        if match := self._nearest(path):
            hint = f"did you mean '{'/' + match if target.startswith('/') else _relative(match, dirname(entry.path))}'?"
        elif _HOST.fullmatch(target) and _ending(target) not in _FILES | _TEXTS:
            hint = f"did you mean 'https://{target}'?"
        else:
            hint = "write the path of an article's .md file or of a media file, or a whole address with https://"
        self._report(entry, reference, f"'{target}' leads nowhere", hint)

    def _nearest(self, path: str) -> str | None:
        """The known path that is most likely meant."""
        if match := self._by_name.get(basename(path).casefold()):
            return match
        self._misses += 1
        return nearest(path, (*self.articles, *self.media)) if self._misses <= MISSES else None

    @cached_property
    def _by_name(self) -> dict[str, str]:
        """One path for every name of a file, in whatever case."""
        return {basename(path).casefold(): path for path in reversed((*self.articles, *self.media))}

    def _report(self, entry: Entry, reference: Reference, message: str, hint: str) -> None:
        place = (entry.path, reference.line, reference.column)
        self.problems.append(Diagnostic(*place, message, hint, self.severity))


def dead(pages: Iterable[PageLink], planned: Callable[[str], bool]) -> list[Diagnostic]:
    """Warnings of links to addresses below the base at which nothing is planned."""
    problems = []
    for path, reference, inside in pages:
        if not (planned(urls.file(inside)) or planned(urls.file(inside + "/"))):
            message = f"there is no page at '{reference.target}'"
            place = (path, reference.line, reference.column)
            problems.append(Diagnostic(*place, message, "link to the article's .md file", "warning"))
    return problems


def _ending(path: str) -> str:
    return splitext(path)[1].lower()


def _relative(path: str, folder: str) -> str:
    """A path as a link in a folder would write it."""
    return relpath(path, folder or ".")
