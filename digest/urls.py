"""Addresses: where everything stands below the base path. Archives are cut by date, so nothing ever moves.

Also what the addresses of others must look like.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

SAFE = "/-_.~!$&'()*+,;=:@"
"""What may stand unescaped in a path: RFC 3986 section 3.3."""

_plain = re.compile(r"[\w/.~-]*", re.ASCII).fullmatch


def escape(path: str) -> str:
    """A path as it stands in a URL."""
    return path if _plain(path) else quote(path, SAFE)


def article(date: str, slug: str) -> str:
    """`2024/05/17/slug/`, by the local day of an article's date."""
    return f"{date[:4]}/{date[5:7]}/{date[8:10]}/{slug}/"


def day(day: str) -> str:
    """`2024/05/17/`; a month's `2024-05` and a year's `2024` give theirs."""
    return day.replace("-", "/") + "/"


def group(kind: str, slug: str) -> str:
    return f"{kind}/{slug}/"


def group_month(kind: str, slug: str, month: str) -> str:
    return f"{kind}/{slug}/{month}/"


class Format(NamedTuple):
    """A format of feeds: what people call it, the name of its files, and their MIME type."""

    name: str
    file: str
    type: str


FORMATS = {
    "rss": Format("RSS", "feed.xml", "application/rss+xml"),
    "atom": Format("Atom", "atom.xml", "application/atom+xml"),
    "json": Format("JSON Feed", "feed.json", "application/feed+json"),
}
"""By the names that settings use."""

EDITIONS = "editions.xml"
"""The feed of editions, RSS."""


def media(path: str) -> str:
    return "media/" + path


def file(url: str) -> str:
    """The file that a path is served from."""
    return url + "index.html" if url == "" or url.endswith("/") else url


@lru_cache(4096)  # every card names its tags and its source
def slugify(text: str) -> str:
    """Text as part of an address: letters and digits of any script, lower case, NFC, joined by hyphens; maybe empty."""
    if text.isascii():
        return _ASCII_GAPS.sub("-", text.lower()).strip("-")
    import unicodedata  # not for an unchanged build, which only checks the settings' addresses

    lower = unicodedata.normalize("NFC", text).lower()
    kept = "".join(c if unicodedata.category(c)[0] in "LNM" else "-" for c in unicodedata.normalize("NFC", lower))
    return re.sub("-+", "-", kept).strip("-")


_ASCII_GAPS = re.compile("[^a-z0-9]+")


# Nearly every address is so plain that there is nothing in it to take apart.
_PLAIN_URL = re.compile(r"https?://[a-z0-9][a-z0-9.-]*(?:/[^\s<>\"\\]*)?").fullmatch


def check_url(url: str) -> str:
    """What is wrong with a URL that must be absolute http or https; empty when it is right."""
    if _PLAIN_URL(url):
        return ""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is none
        good = False
    if not good:
        return f"'{url}' is not a web address"
    return f"'{url}' has a space or a quote in it" if re.search(r"[\s<>\"\\]", url) else ""
