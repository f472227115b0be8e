"""Views: the frozen values that outputs are rendered from, and all that a renderer can see.

Every string is text, not HTML, unless its name says so. URLs of pages are root-relative and carry the base path
(`/news/2024/05/17/slug/`); `Site.origin` in front makes them absolute. Times are ISO 8601 text with an offset, in the
site's zone. `pages` and `sharedviews` make views; `templates` and `feeds` render them; nobody changes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import msgspec

from digest.fingerprint import Keyed, fingerprint


class NoText:
    """Base of what has fields to be printed, and is no text: else `~` and `join` would publish Python's own words for it."""

    __slots__ = ()

    def __str__(self) -> str:
        raise TypeError(f"{type(self).__name__} is no text: print one of its fields")


class View(msgspec.Struct, NoText, frozen=True):
    """Base of the values that hold no key of their own."""


class Link(View, frozen=True):
    """A name and where it leads."""

    name: str
    url: str


class Feed(View, frozen=True):
    """A feed as a page announces it."""

    title: str
    url: str
    type: str = "application/rss+xml"


class Ticker(View, frozen=True):
    """A ticker as a card names it."""

    symbol: str
    """As shown: `TSLA`, `LON:VOD`."""
    name: str
    """The company's name from the registry, or empty."""
    exchange: str
    """`NASDAQ`, or empty when unknown."""
    url: str
    """The ticker's index page."""


class Source(View, frozen=True):
    """Who first published an article."""

    name: str
    url: str = ""
    """The original article, absolute; empty when not given."""
    page: str = ""
    """Our index page of this source, or empty."""
    author: str = ""
    published: str = ""
    feed: str = ""
    """The source's own feed, absolute; empty when not known."""


class Image(View, frozen=True):
    """An article's picture."""

    url: str
    """Root-relative."""
    alt: str
    type: str
    """MIME type."""
    size: int
    """Bytes."""


class Correction(View, frozen=True):
    date: str
    """`2024-05-18`."""
    text: str


class Parts(NoText, Keyed):
    """A frozen bundle of named values with one key: base of the values that stand on many pages.

    A subclass's annotations name the values, in their order. There are as many bundles as articles, and most builds look
    into few of them: `later` makes one whose values are only made when somebody looks.
    """

    _names: tuple[str, ...] = ()
    _make: tuple[Callable[..., tuple[Any, ...]], tuple[Any, ...]] | None = None

    def __init_subclass__(cls) -> None:
        cls._names = tuple(cls.__annotations__)

    def __init__(self, key: bytes, *values: Any) -> None:
        self.key = key
        self.__dict__.update(zip(self._names, values, strict=True))

    @classmethod
    def later(cls, key: bytes, make: Callable[..., tuple[Any, ...]], *arguments: Any) -> Self:
        """A bundle of `make(*arguments)`; the key stands for all that this depends on."""
        parts = cls.__new__(cls)
        parts.key = key
        parts._make = make, arguments
        return parts

    def __getattr__(self, name: str) -> Any:
        """Called only for what is not there yet."""
        if self._make is None or name not in self._names:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._complete()
        return getattr(self, name)

    def _complete(self) -> None:
        """Make the values, if they are not there yet."""
        if self._make:
            make, arguments = self._make
            self.__dict__.update(zip(self._names, make(*arguments), strict=True))
            self._make = None

    @property
    def values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self._names])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.key, *self.values)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key.hex()}>"  # not where it is in memory: a template may print a list of them


def complete(view: View) -> None:
    """Make the values of the bundles that a page is of, as it shows them in any case; not of those in its lists."""
    for name in view.__struct_fields__:
        value = getattr(view, name)
        if isinstance(value, Parts):
            value._complete()


class Card(Parts):
    """What an index shows of an article; never its body."""

    authors: tuple[str, ...]
    corrected: bool
    """Whether a correction is attached."""
    date: str
    day: str
    """The edition's day, `2024-05-17`."""
    edition_url: str
    """Empty when its edition has no page, as that of an expired article may not."""
    image: Image | None
    reprint: str
    """`none`, `excerpt` or `full`."""
    source: Source | None
    status: str
    """Empty when public, else `draft`, `scheduled` or `expired`."""
    summary: str
    """Plain text, maybe empty."""
    tags: tuple[Link, ...]
    """Without a URL where there is no page of it."""
    tickers: tuple[Ticker, ...]
    title: str
    updated: str
    """Empty when never updated."""
    url: str


class CardList(Keyed):
    """Cards in a row, with one key; they are only made when somebody looks. Templates get them as a tuple."""

    def __init__(self, key: bytes, make: Callable[[], Iterable[Card]]) -> None:
        self.key = key
        self._make = make

    def __iter__(self) -> Iterator[Card]:
        return iter(self._make())

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (tuple(self),)  # where it is sent, it is only rendered


class Content(Parts):
    """What an article's page and its feed items show beyond the card."""

    body: bytes
    """Key of the body's clean HTML; a renderer fetches it and fills `links` in (see `references.resolve`)."""
    corrections: tuple[Correction, ...]
    disclosure: str
    extra: dict[str, Any]
    """Front matter that digest does not know, as text, lists and maps."""
    guid: str
    """The permanent identity: the absolute permalink, or the article's own `id`."""
    links: tuple[str, ...]
    """Where the body's symbolic links lead, root-relative, in order; an empty one is shown as plain text."""
    via: Link | None


class Note(Parts):
    """An edition's note or a standing page's text."""

    body: bytes
    links: tuple[str, ...]
    summary: str
    title: str
    updated: str


class Site(Parts):
    """What every page knows of the site."""

    author: str
    base: str
    """The base path, `/` or `/news/`."""
    copyright: str
    description: str
    disclaimer: str
    feeds: tuple[Feed, ...]
    """The whole site's feeds."""
    hub: str
    """WebSub hub, absolute, or empty."""
    image: str
    """Default picture for social cards, root-relative, or empty."""
    language: str
    """BCP 47, `en`."""
    menu: tuple[Link, ...]
    """Extra links from the settings, and the standing pages."""
    notice: str
    """A line shown above every page, or empty."""
    origin: str
    """Scheme and host without a slash: `https://example.org`."""
    params: dict[str, Any]
    """The settings' own table for themes."""
    sections: tuple[Link, ...]
    """The lists that this site has: tickers, tags, sources, watchlists, archive."""
    title: str
    ttl: int
    """Minutes, for feeds."""

    @staticmethod
    def of(*values: Any) -> Site:
        """A site's view with the key of its values."""
        return Site(fingerprint(values), *values)


class Count(View, frozen=True):
    """A page of an archive and how many articles stand on it."""

    name: str
    """`2024-05`, `2024`, `2024-05-17`."""
    url: str
    articles: int


class Year(View, frozen=True):
    name: str
    url: str
    articles: int
    months: tuple[Count, ...]


class Edition(View, frozen=True):
    """A day and its cards, in the editor's order."""

    day: str
    url: str
    title: str
    """The note's title, or empty."""
    cards: tuple[Card, ...]


class EditionLink(View, frozen=True):
    day: str
    url: str
    title: str


class Group(View, frozen=True):
    """A ticker, tag, source or watchlist."""

    name: str
    """`TSLA`, `ai`, `Reuters`, `Megacaps`."""
    label: str
    """A ticker's company, else empty."""
    exchange: str
    description: str
    """A watchlist's or ticker's text from the settings or the registry, or empty."""
    url: str
    feed: str = ""
    """The first of its feeds, root-relative, or empty."""
    aliases: tuple[str, ...] = ()
    """Symbols that mean the same ticker."""
    tickers: tuple[Ticker, ...] = ()
    """A watchlist's members."""
    feeds: tuple[Feed, ...] = ()
    """Its feeds, one for each format that the settings ask for, under the titles that they bear themselves."""


class GroupEntry(View, frozen=True):
    """A group as its list shows it."""

    name: str
    label: str
    exchange: str
    url: str
    feed: str
    """The first of its feeds, root-relative, or empty."""
    articles: int
    newest: str
    """Day of the newest article, `2024-05-17`."""


# What pages are rendered from. A template's variables are its view's fields.


class ArticlePage(View, frozen=True):
    site: Site
    card: Card
    content: Content
    newer: Card | None
    older: Card | None


class HomePage(View, frozen=True):
    site: Site
    url: str
    editions: tuple[Edition, ...]
    """Newest first."""


class EditionPage(View, frozen=True):
    site: Site
    edition: Edition
    note: Note | None
    newer: EditionLink | None
    older: EditionLink | None


class MonthPage(View, frozen=True):
    site: Site
    month: str
    """`2024-05`."""
    url: str
    editions: tuple[Edition, ...]


class YearPage(View, frozen=True):
    site: Site
    year: Year


class ArchivePage(View, frozen=True):
    site: Site
    url: str
    years: tuple[Year, ...]


class GroupListPage(View, frozen=True):
    site: Site
    kind: str
    """`tickers`, `tags`, `sources` or `watchlists`."""
    url: str
    entries: tuple[GroupEntry, ...]
    """By name."""
    data: str = ""
    """The same as JSON, root-relative; empty where there is none."""


class GroupPage(View, frozen=True):
    site: Site
    kind: str
    list_url: str
    group: Group
    total: int
    cards: Iterable[Card]
    """The newest 50."""
    months: tuple[Count, ...]
    """Newest first."""
    data: str = ""
    """The same as JSON, root-relative; empty where there is none."""


class GroupMonthPage(View, frozen=True):
    site: Site
    kind: str
    list_url: str
    group: Group
    month: str
    url: str
    cards: Iterable[Card]


class StandingPage(View, frozen=True):
    site: Site
    url: str
    note: Note


class FeedsPage(View, frozen=True):
    site: Site
    url: str
    opml: str
    """The OPML file's URL, or empty."""
    groups: tuple[tuple[str, tuple[Feed, ...]], ...]
    """Heading and feeds: site, tickers, tags, sources, watchlists."""


class NotFoundPage(View, frozen=True):
    site: Site


class RedirectPage(View, frozen=True):
    site: Site
    title: str
    target: str
    """Root-relative."""


class FeedItem(View, frozen=True):
    card: Card
    content: Content


class ArticleFeed(View, frozen=True):
    """RSS, Atom and JSON Feed are all rendered from this."""

    site: Site
    title: str
    description: str
    url: str
    """The feed's own."""
    page: str
    """The page that it is the feed of."""
    full_text: bool
    items: tuple[FeedItem, ...]
    """Newest first."""


class EditionItem(View, frozen=True):
    """A day as its feed shows it."""

    edition: Edition
    note: Note | None


class EditionFeed(View, frozen=True):
    """The feed with one item a day; its fields are those of `ArticleFeed`."""

    site: Site
    title: str
    description: str
    url: str
    page: str
    items: tuple[EditionItem, ...]
    """Newest first."""


class SitemapEntry(View, frozen=True):
    url: str
    """Root-relative."""
    modified: int | None = None
    """When it was last changed, in seconds since 1970; None where that is not known."""


class Sitemap(View, frozen=True):
    origin: str
    timezone: str
    """An IANA name: the zone of the times in it."""
    entries: tuple[SitemapEntry, ...]


class SitemapIndex(View, frozen=True):
    origin: str
    urls: tuple[str, ...]


class NewsEntry(View, frozen=True):
    """An article as the news sitemap lists it."""

    url: str
    """Root-relative."""
    title: str
    date: str
    """ISO 8601 with an offset."""


class NewsSitemap(View, frozen=True):
    """The articles of the two days up to the newest."""

    origin: str
    name: str
    """The publication's, as it stands on its pages."""
    language: str
    """BCP 47."""
    entries: tuple[NewsEntry, ...]
    """Newest first, at most 1,000 (`sitemaps.NEWS_LIMIT`)."""


class Text(View, frozen=True):
    text: str


class Copy(View, frozen=True):
    """A file published as it is."""

    source: str
    """Its path on disk."""
    hash: bytes
