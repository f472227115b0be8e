"""Views for the tests of feeds and sitemaps: small, true to life, each field open to change."""

from __future__ import annotations

from typing import Any

from digest.fingerprint import fingerprint
from digest.views import ArticleFeed, Card, Content, Correction, FeedItem, Image, Link, Site, Source, Ticker

ORIGIN = "https://example.org"
BODIES: dict[bytes, str] = {}
"""Bodies by key, filled by `item`."""

bodies = BODIES.__getitem__


def site(**changes: Any) -> Site:
    """A site's view, with some fields changed."""
    fields: dict[str, Any] = {
        "author": "The Editors",
        "base": "/",
        "copyright": "© Example",
        "description": "The day's market news",
        "disclaimer": "Nothing here is advice.",
        "feeds": (),
        "hub": "",
        "image": "",
        "language": "en",
        "menu": (),
        "notice": "",
        "origin": ORIGIN,
        "params": {},
        "sections": (),
        "title": "Example Digest",
        "ttl": 60,
    }
    fields.update(changes)
    return Site.of(*(fields[name] for name in Site.__annotations__))


def card(slug: str = "one", **changes: Any) -> Card:
    """A card's view, with some fields changed."""
    fields: dict[str, Any] = {
        "authors": ("Ada Editor",),
        "corrected": False,
        "date": "2024-05-17T08:30:00-04:00",
        "day": "2024-05-17",
        "edition_url": "/2024/05/17/",
        "image": None,
        "reprint": "excerpt",
        "source": Source("Newswire", "https://news.example.com/a?b=1&c=2", "/sources/newswire/", "R. Porter"),
        "status": "",
        "summary": "Deliveries rose & margins fell.",
        "tags": (Link("ai", "/tags/ai/"),),
        "tickers": (
            Ticker("TSLA", "Tesla", "NASDAQ", "/tickers/tsla/"),
            Ticker("LON:VOD", "Vodafone", "LON", "/tickers/lon-vod/"),
            Ticker("ZZZQ", "", "", "/tickers/zzzq/"),
        ),
        "title": f"Story {slug}",
        "updated": "",
        "url": f"/2024/05/17/{slug}/",
    }
    fields.update(changes)
    values = [fields[name] for name in Card.__annotations__]
    return Card(fingerprint(values), *values)


def content(guid: str, body: str, **changes: Any) -> Content:
    """What a feed's item shows beyond the card, with some fields changed."""
    key = fingerprint(body)
    BODIES[key] = body
    fields: dict[str, Any] = {
        "body": key,
        "corrections": (),
        "disclosure": "",
        "extra": {},
        "guid": guid,
        "links": (),
        "via": None,
    }
    fields.update(changes)
    values = [fields[name] for name in Content.__annotations__]
    return Content(fingerprint(values), *values)


def item(slug: str = "one", body: str = "<p>Body.</p>", guid: str = "", **changes: Any) -> FeedItem:
    """An item whose card, and whose content, have some fields changed."""
    inner = {name: changes.pop(name) for name in Content.__annotations__ if name in changes}
    shown = card(slug, **changes)
    return FeedItem(shown, content(guid or ORIGIN + shown.url, body, **inner))


def rich(slug: str = "rich") -> FeedItem:
    """An item that fills every field."""
    return item(
        slug,
        '<p>See <a href="https://www.example.net/a?b=1&amp;c=2">the filing</a>.</p>',
        updated="2024-05-18T09:00:00-04:00",
        image=Image("/media/chart.png", "A chart", "image/png", 12345),
        source=Source(
            "Newswire",
            "https://news.example.com/a?b=1&c=2",
            "/sources/newswire/",
            "R. Porter",
            "2024-05-16T20:00:00+00:00",
            "https://news.example.com/rss.xml",
        ),
        via=Link("A Blog", "https://blog.example.net/x"),
        corrections=(Correction("2024-05-18", "It was 5, not 6."),),
        disclosure="The editor owns TSLA.",
    )


def feed(*items: FeedItem, **changes: Any) -> ArticleFeed:
    """A feed of these items, with some fields changed."""
    fields: dict[str, Any] = {
        "site": site(),
        "title": "Example Digest: TSLA",
        "description": "Every story on Tesla",
        "url": "/tickers/tsla/feed.xml",
        "page": "/tickers/tsla/",
        "full_text": True,
        "items": items,
    }
    fields.update(changes)
    return ArticleFeed(**fields)
