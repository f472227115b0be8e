"""RSS 2.0 and Atom 1.0: views in, bytes out, written by feedgen. The only door to feedgen.

What feedgen lacks or gets wrong goes in through its own extension API: the extensions below. Their order matters: an
entry must know its extension before it is rendered. Importing feedgen costs more than a build that changes nothing:
import this module only to render.

An item's text is made in `feeditems`; JSON Feed is in `jsonfeed`, OPML and sitemaps are in `sitemaps`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from typing import Any

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator

from digest.characters import clean
from digest.feeditems import Bodies, Item, of_article, of_edition, uri
from digest.filters import DAYS, MONTHS
from digest.views import ArticleFeed, EditionFeed

NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""When an Atom feed without entries was updated: the format demands a time, the clock would change it with every build,
and validators take what is before 1990 for a mistake."""

ATOM = "{http://www.w3.org/2005/Atom}"
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"


def rss(view: ArticleFeed, bodies: Bodies) -> bytes:
    """The feed as RSS 2.0 (https://www.rssboard.org/rss-specification) in UTF-8."""
    return _rss(view, [of_article(item, view.site, view.full_text, bodies) for item in view.items])


def editions_rss(view: EditionFeed, bodies: Bodies) -> bytes:
    """The feed of editions as RSS 2.0 in UTF-8: an item holds its day's note and cards."""
    return _rss(view, [of_edition(item.edition, item.note, view.site, bodies) for item in view.items])


def atom(view: ArticleFeed, bodies: Bodies) -> bytes:
    """The feed as Atom 1.0 (RFC 4287) in UTF-8."""
    items = [of_article(item, view.site, view.full_text, bodies) for item in view.items]
    feed = _feed(view, items, "application/atom+xml")
    feed.id(uri(view.site.origin + view.url))
    feed.author(name=clean(view.site.author or view.site.title))
    for item in items:
        feed.add_entry(_Written(_atom_element(item)), order="append")
    return bytes(feed.atom_str()) + b"\n"


def _rss(view: ArticleFeed | EditionFeed, items: list[Item]) -> bytes:
    feed = _feed(view, items, "application/rss+xml")
    changed = feed.updated() if items else None
    feed.register_extension("digest", lambda: _Channel(changed, uri(view.site.hub)))
    feed.ttl(view.site.ttl)
    feed.docs("")  # else a link to the specification
    for item in items:
        feed.add_entry(_Written(_rss_element(item)), order="append")
    return _TITLE.sub(_hexadecimal, feed.rss_str()) + b"\n"


def _feed(view: ArticleFeed | EditionFeed, items: list[Item], media_type: str) -> FeedGenerator:
    """What RSS and Atom say alike of a feed."""
    site = view.site
    title = clean(view.title) or clean(site.title) or site.origin
    feed = FeedGenerator()
    feed.title(title)
    feed.description(clean(view.description) or title)
    feed.language(site.language)
    feed.generator("digest")
    feed.updated(max((datetime.fromisoformat(item.modified) for item in items), default=NEVER))
    if site.copyright:
        feed.rights(clean(site.copyright))
    feed.link(href=uri(site.origin + view.url), rel="self", type=media_type)
    if site.hub:
        feed.link(href=uri(site.hub), rel="hub")
    # Last, because feedgen takes the last link of any relation for the channel's own.
    feed.link(href=uri(site.origin + view.page), rel="alternate", type="text/html")
    return feed


class _Written:
    """An entry that feedgen has written already, in no feed twice: its element moves on from the last feed, which is done."""

    def __init__(self, element: Any) -> None:
        self.element = element

    def register_extension(self, *_: object) -> None:
        """Nothing: the entry was written with its extension."""

    def rss_entry(self) -> Any:
        return self.element

    atom_entry = rss_entry


@lru_cache(maxsize=4096)
def _rss_element(item: Item) -> Any:
    entry = _entry(item, _RssItem(item))
    if item.summary:
        entry.summary(escape(item.summary, quote=False))  # an RSS description is HTML
    # Not `id()`, which says that the guid is no permalink.
    entry.guid(item.id, permalink=item.id == item.url)
    if item.image:
        entry.enclosure(item.image.url, item.image.size, item.image.type)
    if item.feed:
        entry.source(item.feed.url, item.feed.name)
    return entry.rss_entry()


@lru_cache(maxsize=1024)
def _atom_element(item: Item) -> Any:
    entry = _entry(item, _AtomItem(item))
    entry.id(item.id)
    entry.published(datetime.fromisoformat(item.published))
    entry.updated(datetime.fromisoformat(item.modified))
    if item.summary:
        entry.summary(item.summary)
    for author in item.authors:
        entry.author(name=author)
    return entry.atom_entry()


def _entry(item: Item, extension: Any) -> FeedEntry:
    """What RSS and Atom say alike of an item."""
    entry = FeedEntry()
    entry.register_extension("digest", lambda: extension)
    entry.title(item.title)
    entry.link(href=item.url)
    # Not `CDATA`, which is no type of Atom's and cannot hold `]]>`.
    entry.content(item.html, type="html")
    entry.category([_category(category.term, category.scheme) for category in item.categories])
    return entry


def _category(term: str, scheme: str) -> dict[str, str]:
    return {"term": term, "scheme": scheme} if scheme else {"term": term}


class _Channel:
    """What feedgen's RSS channel lacks: the hub, and dates that do not go through the process-wide locale."""

    def __init__(self, changed: datetime | None, hub: str) -> None:
        self.changed = changed
        self.hub = hub

    def extend_ns(self) -> dict[str, str]:
        return {"dc": DUBLIN_CORE}

    def extend_rss(self, rss: Any) -> None:
        channel = rss[0]
        built = channel.find("lastBuildDate")
        if self.changed:
            built.text = rfc822(self.changed)
        else:
            channel.remove(built)
        if self.hub:
            _add(channel, f"{ATOM}link", rel="hub", href=self.hub)


class _RssItem:
    """What feedgen's RSS item lacks: dates, authors without an e-mail address, where the story is from."""

    def __init__(self, item: Item) -> None:
        self.item = item

    def extend_rss(self, element: Any) -> None:
        item = self.item
        _add(element, "pubDate", rfc822(datetime.fromisoformat(item.published)))
        if item.updated:
            _add(element, f"{ATOM}updated", item.updated)
        for author in item.authors:
            _add(element, f"{{{DUBLIN_CORE}}}creator", author)
        for link in _links(item):
            _add(element, f"{ATOM}link", **link)


class _AtomItem:
    """What feedgen's Atom entry lacks: links with a relation (it writes bare ones), and the source's feed."""

    def __init__(self, item: Item) -> None:
        self.item = item

    def extend_atom(self, element: Any) -> None:
        # feedgen's Atom elements stand in no namespace: the root's xmlns reaches them when they are written.
        item = self.item
        for link in _links(item):
            _add(element, "link", **link)
        if item.image:
            image = item.image
            _add(element, "link", rel="enclosure", href=image.url, type=image.type, length=str(image.size))
        if item.feed:
            source = _add(element, "source")
            _add(source, "id", item.feed.url)
            _add(source, "title", item.feed.name)
            _add(source, "updated", item.published)
            _add(source, "link", rel="self", href=item.feed.url)


def _links(item: Item) -> list[dict[str, str]]:
    """The original as `via`; where the editor found it as `related`, so that nobody takes it for the original."""
    links = [("via", item.origin), ("related", item.via)]
    return [{"rel": rel, "href": link.url, "title": link.name} for rel, link in links if link]


def _add(parent: Any, tag: str, text: str | None = None, **attributes: str) -> Any:
    element = parent.makeelement(tag, attributes)
    element.text = text
    parent.append(element)
    return element


def rfc822(time: datetime) -> str:
    """The time as RFC 822 writes it, with a year of four digits (RFC 2822, section 3.3), in English everywhere."""
    day, month = DAYS[time.weekday()][:3], MONTHS[time.month - 1][:3]
    return f"{day}, {time.day:02} {month} {time.year:04} {time:%H:%M:%S %z}"


_TITLE = re.compile(rb"<title>[^<&]*&[^<]*</title>")  # those alone that have something to be replaced


def _hexadecimal(title: re.Match[bytes]) -> bytes:
    """A title whose `&` and `<` more readers show right: the RSS Advisory Board's profile, "Character Data"."""
    return title[0].replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;").replace(b"&gt;", b"&#x3E;")
