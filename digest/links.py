"""Links: where a body's symbolic references lead, and what to say of one that leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from posixpath import basename, dirname, join, normpath, relpath, splitext
from urllib.parse import urljoin

from digest import notation, urls
from digest.articles import Article
from digest.errors import Diagnostic, nearest
from digest.markup import Reference

_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?:/.*)?")
_FILES = frozenset(
    [
        ".md",
        ".markdown",
        ".html",
        ".htm",
        ".txt",
        ".pdf",
        ".csv",
        ".json",
        ".xlsx",
        ".zip",
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".webp",
        ".avif",
        ".svg",
        ".mp3",
        ".mp4",
    ]
)
"""Endings that speak for a file that is missing, and not for a host without its scheme."""


class Resolver:
    """Finds what references mean. `resolve` gives a body's links in order and gathers problems as it goes."""

    def __init__(
        self,
        base: str,
        articles: Mapping[str, str],
        media: Mapping[str, object],
        hidden: Mapping[str, str],
        severity: str,
    ) -> None:
        self.base = base
        self.articles = articles
        """Paths below the content folder to paths below the base."""
        self.media = media
        self.hidden = hidden
        self.severity = severity
        self._ticker_urls: dict[str, str] = {}
        self.problems: list[Diagnostic] = []
        self.pages: list[tuple[Article, Reference, str]] = []
        """Links to pages by their address, to be held against the finished plan."""

    def resolve(self, article: Article, mentions: Mapping[str, str]) -> tuple[str, ...]:
        """Where each reference of an article's body leads: root-relative, or empty for a mention that is not linked."""
        found = []
        for reference in article.references:
            if reference.kind == "ticker":
                symbol = mentions.get(reference.target)
                found.append(self.ticker_url(symbol) if symbol else "")
            else:
                found.append(self._file(article, reference) + reference.suffix)
        return tuple(found)

    def ticker_url(self, symbol: str) -> str:
        """Where a ticker's page is, root-relative."""
        found = self._ticker_urls.get(symbol)
        if found is None:
            found = self._ticker_urls[symbol] = self.base + urls.group("tickers", notation.slug(symbol))
        return found

    def media_url(self, article: Article, path: str) -> str | None:
        """A media file's path below the content folder, as an article names it, or None."""
        for candidate in self._candidates(article, path):
            if candidate in self.media:
                return candidate
        return None

    def _candidates(self, article: Article, target: str) -> tuple[str, ...]:
        if target.startswith("/"):
            inside = normpath(target).lstrip("/")
            return inside, inside.removeprefix("media/")
        return (normpath(join(dirname(article.path), target)),)

    def _file(self, article: Article, reference: Reference) -> str:
        for path in self._candidates(article, reference.target):
            if path in self.articles:
                return self.base + urls.escape(self.articles[path])
            if path in self.media:
                return self.base + urls.escape(urls.media(path))
        target = reference.target
        if target.startswith("/"):
            inside = target.lstrip("/")
            if self.base != "/" and target.startswith(self.base):
                inside = target.removeprefix(self.base)
            self.pages.append((article, reference, inside))
            return self.base + urls.escape(inside)
        self._nowhere(article, reference)
        here = self.base + urls.escape(self.articles.get(article.path, ""))
        where = urljoin(here, urls.escape(target))
        return where if where.startswith("/") else here

    def _nowhere(self, article: Article, reference: Reference) -> None:
        target = reference.target
        path = self._candidates(article, target)[0]
        if state := self.hidden.get(path):
            what = "a draft" if state == "draft" else "not published yet"
            self._report(article, reference, f"'{target}' is {what}", "publish it as well, or take the link out")
            return
        if not target:
            self._report(article, reference, "a link has no target", "write one, or take the link out")
            return
        same = [known for known in (*self.articles, *self.media) if basename(known) == basename(path)]
        match = same[0] if same else nearest(path, (*self.articles, *self.media))
        if match:
            hint = f"did you mean '{_relative(match, dirname(article.path))}'?"
        elif _HOST.fullmatch(target) and splitext(target)[1] not in _FILES:
            hint = f"did you mean 'https://{target}'?"
        else:
            hint = "write the path of an article's .md file or of a media file, or a whole address with https://"
        self._report(article, reference, f"'{target}' leads nowhere", hint)

    def _report(self, article: Article, reference: Reference, message: str, hint: str) -> None:
        place = (article.path, reference.line, reference.column)
        self.problems.append(Diagnostic(*place, message, hint, self.severity))

    def check_pages(self, planned: Callable[[str], bool]) -> None:
        """Warn of links to addresses below the base at which there will be nothing."""
        for article, reference, inside in self.pages:
            if not (planned(urls.file(inside)) or planned(urls.file(inside + "/"))):
                message = f"there is no page at '{reference.target}'"
                place = (article.path, reference.line, reference.column)
                self.problems.append(Diagnostic(*place, message, "link to the article's .md file", "warning"))


def _relative(path: str, folder: str) -> str:
    """A path as a link in a folder would write it."""
    return relpath(path, folder or ".")
