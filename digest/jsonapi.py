"""JSON for programs: a ticker and its newest articles, and the list of all tickers. Views in, bytes out.

The schemas stand beside the theme's assets, as `assets/schema/ticker-1.json` and `assets/schema/tickers-1.json`. A
field may be added under the same version; whatever else changes needs a new version and a schema of its own.
"""

from __future__ import annotations

import msgspec

from digest.feeditems import timestamp, uri
from digest.views import Card, GroupListPage, GroupPage, Site

VERSION = 1


class Month(msgspec.Struct, frozen=True):
    """A month in which there were articles on a ticker, and the page that lists them."""

    month: str
    """`2024-05`."""
    articles: int
    url: str


class Feed(msgspec.Struct, frozen=True):
    title: str
    type: str
    url: str


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    url: str = ""
    """The original article."""


class Article(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an index says of an article."""

    url: str
    """The permalink."""
    title: str
    published: str
    tickers: tuple[str, ...]
    """Written even where there are none, as are the tags."""
    tags: tuple[str, ...]
    updated: str = ""
    summary: str = ""
    authors: tuple[str, ...] = ()
    source: Source | None = None
    image: str = ""


class Ticker(msgspec.Struct, frozen=True, omit_defaults=True):
    """The document at a ticker's `index.json`."""

    schema: str = msgspec.field(name="$schema")
    version: int
    symbol: str
    url: str
    """Its page."""
    articles: int
    """How many there are in all."""
    months: tuple[Month, ...]
    """Newest first."""
    newest: tuple[Article, ...]
    """Newest first."""
    name: str = ""
    exchange: str = ""
    description: str = ""
    aliases: tuple[str, ...] = ()
    feeds: tuple[Feed, ...] = ()


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ticker as the list names it."""

    symbol: str
    url: str
    data: str
    """Its own `index.json`."""
    articles: int
    name: str = ""
    exchange: str = ""
    newest: str = ""
    """The day of its newest article, `2024-05-17`."""
    feed: str = ""


class Tickers(msgspec.Struct, frozen=True):
    """The document at `tickers/index.json`."""

    schema: str = msgspec.field(name="$schema")
    version: int
    url: str
    """The page of all tickers."""
    tickers: tuple[Entry, ...]


def group_json(view: GroupPage) -> bytes:
    """A ticker's facts, its articles by month and its newest articles as JSON in UTF-8, with a newline at the end."""
    site, group = view.site, view.group
    ticker = Ticker(
        schema=_schema(site, "ticker"),
        version=VERSION,
        symbol=group.name,
        url=_absolute(site, group.url),
        articles=view.total,
        months=tuple(Month(month.name, month.articles, _absolute(site, month.url)) for month in view.months),
        newest=tuple(_article(card, site) for card in view.cards),
        name=group.label,
        exchange=group.exchange,
        description=group.description,
        aliases=group.aliases,
        feeds=tuple(Feed(feed.title, feed.type, _absolute(site, feed.url)) for feed in group.feeds),
    )
    return msgspec.json.encode(ticker) + b"\n"


def groups_json(view: GroupListPage) -> bytes:
    """Every ticker and where its own data stand, as JSON in UTF-8, with a newline at the end."""
    site = view.site
    entries = (
        Entry(
            symbol=entry.name,
            url=_absolute(site, entry.url),
            data=_absolute(site, entry.url + "index.json"),
            articles=entry.articles,
            name=entry.label,
            exchange=entry.exchange,
            newest=entry.newest,
            feed=_absolute(site, entry.feed) if entry.feed else "",
        )
        for entry in view.entries
    )
    return msgspec.json.encode(Tickers(_schema(site, "tickers"), VERSION, _absolute(site, view.url), tuple(entries))) + b"\n"


def _article(card: Card, site: Site) -> Article:
    source = card.source
    return Article(
        url=_absolute(site, card.url),
        title=card.title,
        published=timestamp(card.date),
        tickers=tuple(ticker.symbol for ticker in card.tickers),
        tags=tuple(tag.name for tag in card.tags),
        updated=timestamp(card.updated) if card.updated else "",
        summary=card.summary,
        authors=card.authors,
        source=Source(source.name, uri(source.url) if source.url else "") if source else None,
        image=_absolute(site, card.image.url) if card.image else "",
    )


def _absolute(site: Site, url: str) -> str:
    return uri(site.origin + url)


def _schema(site: Site, name: str) -> str:
    return _absolute(site, f"{site.base}assets/schema/{name}-{VERSION}.json")
