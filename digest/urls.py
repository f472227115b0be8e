"""Addresses: where everything stands below the base path. Archives are cut by date, so nothing ever moves."""

from __future__ import annotations

import re
from urllib.parse import quote

from digest.articles import Article

SAFE = "/-_.~!$&'()*+,;=:@"
"""What may stand unescaped in a path: RFC 3986 section 3.3."""

_plain = re.compile(r"[\w/.~-]*", re.ASCII).fullmatch


def escape(path: str) -> str:
    """A path as it stands in a URL."""
    return path if _plain(path) else quote(path, SAFE)


def article(article: Article) -> str:
    """`2024/05/17/slug/`, by the local day of the article's date."""
    date = article.date
    return f"{date[:4]}/{date[5:7]}/{date[8:10]}/{article.slug}/"


def day(day: str) -> str:
    """`2024/05/17/`; a month's `2024-05` and a year's `2024` give theirs."""
    return day.replace("-", "/") + "/"


def group(kind: str, slug: str) -> str:
    return f"{kind}/{slug}/"


def group_month(kind: str, slug: str, month: str) -> str:
    return f"{kind}/{slug}/{month}/"


def feed(folder: str, format: str = "rss") -> str:
    """A feed's path in the folder that it is the feed of."""
    return folder + {"rss": "feed.xml", "atom": "atom.xml", "json": "feed.json"}[format]


def media(path: str) -> str:
    return "media/" + path


def file(url: str) -> str:
    """The file that a path is served from."""
    return url + "index.html" if url == "" or url.endswith("/") else url
