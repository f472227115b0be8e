"""Articles: what one source file says, frozen, with all that can be known from that file alone.

Editions' notes and standing pages are articles of another kind, with fewer rules. How a file becomes one is said in
`parse`; what the rest of the site needs to know of it in `entries`.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from digest.config import Markdown
from digest.errors import Diagnostic
from digest.references import Reference


class Settings(msgspec.Struct, frozen=True):
    """What parsing depends on besides the source."""

    timezone: str
    markdown: Markdown
    extra: tuple[str, ...] = ()
    """Names of fields that are the site's own, in lower case."""


class Source(msgspec.Struct, frozen=True, array_like=True):
    name: str
    url: str = ""
    author: str = ""
    published: str = ""
    feed: str = ""


class Image(msgspec.Struct, frozen=True, array_like=True):
    path: str
    """As written: relative to the article, or to the content folder with a slash in front."""
    alt: str


class Article(msgspec.Struct, frozen=True, array_like=True):
    """What one source file says. Times are ISO 8601 text with an offset, and seconds since 1970 for ordering."""

    path: str
    """Relative to the content folder."""
    kind: str
    """`article`, `note` or `page`."""
    title: str
    slug: str
    address: str = ""
    """Where an article or a page stands below the base path: `2024/05/17/slug/`, `about/`."""
    date: str = ""
    seconds: int = 0
    edition: str = ""
    weight: int = 0
    updated: str = ""
    expires: int | None = None
    draft: bool = False
    tickers: tuple[str, ...] = ()
    """Notations, normalised: `TSLA`, `NASDAQ:TSLA`."""
    unmentioned: tuple[str, ...] = ()
    """Those of them whose symbol the text does not name."""
    names: tuple[str, ...] = ()
    """Where there are such, the words with a capital in the text: it may name the company instead."""
    summary: str = ""
    source: Source | None = None
    via: Source | None = None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    id: str = ""
    aliases: tuple[str, ...] = ()
    image: Image | None = None
    disclosure: str = ""
    corrections: tuple[tuple[str, str], ...] = ()
    reprint: str = "excerpt"
    extra: dict[str, Any] = {}
    body: bytes = b""
    """Key of the body's HTML."""
    references: tuple[Reference, ...] = ()
    """The body's symbolic links; their lines are the file's."""
    positions: dict[str, tuple[int, int]] = {}
    """Line and column of the fields that only the whole site can check."""


CARD = ("title", "address", "date", "edition", "updated", "summary", "source", "authors", "tags", "corrections", "reprint")
"""What a card is made of, besides what the site adds: tickers, image, status."""

CONTENT = ("body", "corrections", "disclosure", "extra", "via")
"""What an article's page and its feed items are made of beyond the card, besides what the site adds: links and identity."""

NOTE = ("body", "summary", "title", "updated")
"""What a note or a standing page is made of, besides its links."""


class Parsed(msgspec.Struct, frozen=True, array_like=True):
    """What came of a source: an article, or the errors that stand in its way, or neither where it was skipped."""

    article: Article | None
    problems: tuple[Diagnostic, ...]


def capitalised(text: str) -> set[str]:
    """The words that have a capital letter in them."""
    return {word for word in re.findall(r"\w+", text) if word != word.lower()}
