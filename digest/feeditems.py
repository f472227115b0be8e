"""An item of a feed, as every format tells it: RSS, Atom and JSON Feed are written from the same `Item`.

Made here: absolute URLs, permanent identities, the body with its credits. Left to others: the formats (`feeds`,
`jsonfeed`), and which articles a feed carries (`pages`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote

import msgspec

from digest.characters import clean
from digest.filters import date
from digest.fingerprint import fingerprint
from digest.references import resolve_absolute
from digest.views import Card, Content, Edition, FeedItem, Image, Link, Note, Site, Source, Ticker

Bodies = Callable[[bytes], str]
"""Fetches a body's clean HTML, its links still symbolic, by its key."""


class Category(msgspec.Struct, frozen=True):
    """What an item is about."""

    term: str
    """`NASDAQ:TSLA` or a tag."""
    scheme: str = ""
    """Absolute URL of the list that the term is from; empty for a tag."""


class Item(msgspec.Struct, frozen=True):
    """One item, ready for every format: absolute URLs, no character that XML forbids.

    Times are ISO 8601 text, as `timestamp` gives it: text, because two times of one instant are equal, however they are written.
    """

    id: str
    """Permanent, an IRI: the same in every feed and every format."""
    url: str
    """The permalink."""
    title: str
    summary: str
    """Plain text, maybe empty."""
    html: str
    """The body and its credits; a link to read on when there is neither."""
    published: str
    updated: str = ""
    """Empty when never updated."""
    authors: tuple[str, ...] = ()
    categories: tuple[Category, ...] = ()
    image: Image | None = None
    origin: Link | None = None
    """The original article; None when its URL is not known."""
    feed: Link | None = None
    """The feed of the original's publisher; None when not known."""
    via: Link | None = None
    """Where the editor found it."""

    @property
    def modified(self) -> str:
        """When the item last changed."""
        return self.updated or self.published


_PLAIN = r"[A-Za-z0-9/:?#\[\]@!$&'()*+,;=._~-]*"
_URI = re.compile(f"{_PLAIN}(?:%[0-9A-Fa-f]{{2}}{_PLAIN})*")
_STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


@lru_cache(4096)  # tickers and sources come again and again
def uri(url: str) -> str:
    """The URL with all that RFC 3986 forbids in it percent-encoded as UTF-8; what is encoded already stays so."""
    if _URI.fullmatch(url):
        return url
    return quote(_STRAY_PERCENT.sub("%25", clean(url)), safe="%/:?#[]@!$&'()*+,;=~")


_IRI = re.compile(r"""(?!(?:javascript|vbscript|data):)[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"{}|\\^`\x00-\x20]+""", re.IGNORECASE)


def identity(guid: str, site: Site) -> str:
    """The guid as an IRI, which Atom demands (RFC 4287, section 4.2.6) and all formats share.

    A permalink is percent-encoded, any other IRI stays as it is, and a plain word becomes a `urn:uuid:` of version 5
    (RFC 9562) that depends on that word and on the site's address alone.
    """
    guid = clean(guid)
    if guid.startswith(f"{site.origin}/"):
        return uri(guid)
    if _IRI.fullmatch(guid):
        return guid
    from uuid import NAMESPACE_URL, uuid5

    return uuid5(NAMESPACE_URL, f"{site.origin}{site.base}#{guid}").urn


@lru_cache(4096)  # an article's time stands in feeds, in its day's item and in a sitemap
def timestamp(text: str) -> str:
    """ISO 8601 text as RFC 3339 wants it: whole seconds and an offset of whole minutes, which is kept.

    Offsets with seconds, as zones had before 1900, fit neither RFC 822 nor RFC 3339: such a time is given in UTC.
    A text without an offset is a ValueError.
    """
    moment = datetime.fromisoformat(text).replace(microsecond=0)
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return (moment.astimezone(UTC) if offset % timedelta(minutes=1) else moment).isoformat()


def of_article(view: FeedItem, site: Site, full_text: bool, bodies: Bodies) -> Item:
    """The item of an article; its HTML holds the whole body, or only the summary, and in both cases the credits.

    Remembered, since one article stands in many feeds.
    """
    card, content = view.card, view.content
    key = (content.key, card.key, site.key, full_text)
    return _memory.get(key) or _memory.put(key, _article(card, content, site, full_text, bodies))


def _article(card: Card, content: Content, site: Site, full_text: bool, bodies: Bodies) -> Item:
    source, image = card.source, card.image
    url = uri(site.origin + card.url)
    more = f'<p><a href="{escape(url)}">Read on at {escape(site.title)}</a></p>\n'
    if full_text:
        body = _figure(image, site) + resolve_absolute(bodies(content.body), content.links, site.origin, url)
    else:
        body = _paragraph(card.summary) + more
    text = _corrections(content) + body + _credits(card, content, site)
    return Item(
        id=identity(content.guid, site),
        url=url,
        title=clean(card.title) or url,
        summary=clean(card.summary),
        html=clean(text or more),
        published=timestamp(card.date),
        updated=timestamp(card.updated) if card.updated else "",
        authors=tuple(map(clean, card.authors)),
        categories=tuple([_ticker(ticker, site) for ticker in card.tickers] + [Category(clean(tag.name)) for tag in card.tags]),
        image=msgspec.structs.replace(image, url=uri(site.origin + image.url)) if image else None,
        origin=Link(clean(source.name), uri(source.url)) if source and source.url else None,
        feed=Link(clean(source.name), uri(source.feed)) if source and source.feed else None,
        via=Link(clean(content.via.name), uri(content.via.url)) if content.via and content.via.url else None,
    )


def _ticker(ticker: Ticker, site: Site) -> Category:
    """`EXCHANGE:SYMBOL` in the list of tickers, which is the folder that the ticker's own page stands in."""
    qualified = ":" in ticker.symbol or not ticker.exchange
    term = ticker.symbol if qualified else f"{ticker.exchange}:{ticker.symbol}"
    return Category(clean(term), uri(site.origin + ticker.url.rstrip("/").rpartition("/")[0] + "/"))


def of_edition(edition: Edition, note: Note | None, site: Site, bodies: Bodies) -> Item:
    """The item of a day: the editor's note, then each card's title, summary, source and tickers.

    Published with its first card and updated with its last, so that a growing day stays one item in its place. Remembered
    for the next build of a preview.
    """
    key = (fingerprint((edition, note)), site.key)
    return _memory.get(key) or _memory.put(key, _edition(edition, note, site, bodies))


def _edition(edition: Edition, note: Note | None, site: Site, bodies: Bodies) -> Item:
    times = [timestamp(card.date) for card in edition.cards] or [f"{edition.day}T00:00:00+00:00"]
    changes = [timestamp(card.updated) for card in edition.cards if card.updated]
    url = uri(site.origin + edition.url)
    body = ""
    summary = "; ".join(card.title for card in edition.cards)
    if note:
        body = resolve_absolute(bodies(note.body), note.links, site.origin, url)
        summary = note.summary or summary
        changes += [timestamp(note.updated)] if note.updated else []
    first, last = min(times, key=datetime.fromisoformat), max(times + changes, key=datetime.fromisoformat)
    return Item(
        id=url,
        url=url,
        title=clean(edition.title) or clean(f"{site.title}, {date(edition.day)}"),
        summary=clean(summary),
        html=clean(body + "".join(_entry(card, site) for card in edition.cards) + _small(site.disclaimer)),
        published=first,
        updated=last if last != first else "",
    )


def _entry(card: Card, site: Site) -> str:
    """A card within a day's item."""
    title = f'<h3><a href="{escape(uri(site.origin + card.url))}">{escape(card.title)}</a></h3>\n'
    facts = [_cite(card.source)] if card.source else []
    facts += [_anchor(ticker.symbol, uri(site.origin + ticker.url)) for ticker in card.tickers]
    return title + _paragraph(card.summary) + (f"<p>{' · '.join(facts)}</p>\n" if facts else "")


def _credits(card: Card, content: Content, site: Site) -> str:
    """What must travel behind a text: source, finder, disclosure, disclaimer."""
    lines = []
    if card.source:
        lead = "Originally published by" if card.reprint == "full" else "Source:"
        facts = [
            _cite(card.source),
            *map(escape, filter(None, (card.source.author, card.source.published[:10]))),
        ]
        lines.append(f"<p>{lead} {', '.join(facts)}</p>\n")
    if content.via:
        lines.append(f"<p>Via {_anchor(content.via.name, uri(content.via.url))}</p>\n")
    return "".join(lines) + _small(content.disclosure) + _small(site.disclaimer)


def _corrections(content: Content) -> str:
    """What must travel before a text: what was wrong in it."""
    return "".join(
        f"<p><strong>Correction, {escape(correction.date)}:</strong> {escape(correction.text)}</p>\n"
        for correction in content.corrections
    )


def _figure(image: Image | None, site: Site) -> str:
    """The article's picture, for readers of feeds that show no enclosures."""
    if image is None:
        return ""
    return f'<figure><img src="{escape(uri(site.origin + image.url))}" alt="{escape(image.alt)}"></figure>\n'


def _cite(source: Source) -> str:
    return _anchor(source.name, uri(source.url))


def _anchor(name: str, url: str) -> str:
    return f'<a href="{escape(url)}">{escape(name or url)}</a>' if url else escape(name)


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>\n" if text else ""


def _small(text: str) -> str:
    return f"<p><small>{escape(text)}</small></p>\n" if text else ""


class _Memory:
    """Items by key, the oldest forgotten first when their HTML outgrows `limit` characters."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.items: dict[tuple[Any, ...], Item] = {}
        self.get = self.items.get

    def put(self, key: tuple[Any, ...], item: Item) -> Item:
        self.items[key] = item
        self.size += len(item.html)
        while self.size > self.limit:
            self.size -= len(self.items.pop(next(iter(self.items))).html)
        return item


_memory = _Memory(limit=16 * 2**20)
