"""Lists of URLs for machines: sitemaps, the news sitemap and OPML. Views in, bytes out."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from zoneinfo import ZoneInfo

from digest.characters import clean
from digest.feeditems import timestamp, uri
from digest.moments import moment_text
from digest.urls import EDITIONS, FORMATS
from digest.views import Feed, FeedsPage, NewsSitemap, Sitemap, SitemapIndex

LIMIT = 50_000
"""URLs in one sitemap, and sitemaps in one index, at most (https://www.sitemaps.org/protocol.html)."""

NEWS_LIMIT = 1_000
"""URLs in one news sitemap, at most (https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap)."""

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
NEWS = "http://www.google.com/schemas/sitemap-news/0.9"


def sitemap(view: Sitemap) -> bytes:
    """The sitemap (https://www.sitemaps.org/protocol.html) in UTF-8; more than `LIMIT` entries are a ValueError."""
    _check(view.entries, LIMIT)
    zone = ZoneInfo(view.timezone)
    urls = (
        f"<url><loc>{_location(view.origin, entry.url)}</loc>"
        + ("" if entry.modified is None else f"<lastmod>{moment_text(entry.modified, zone)}</lastmod>")
        + "</url>"
        for entry in view.entries
    )
    return _document(f'<urlset xmlns="{SITEMAP}">', urls, "</urlset>")


def sitemap_index(view: SitemapIndex) -> bytes:
    """The index of sitemaps in UTF-8; more than `LIMIT` are a ValueError."""
    _check(view.urls, LIMIT)
    sitemaps = (f"<sitemap><loc>{_location(view.origin, url)}</loc></sitemap>" for url in view.urls)
    return _document(f'<sitemapindex xmlns="{SITEMAP}">', sitemaps, "</sitemapindex>")


def news_sitemap(view: NewsSitemap) -> bytes:
    """The news sitemap in UTF-8, for Google News and those who follow its format; more than `NEWS_LIMIT` entries are
    a ValueError.
    """
    _check(view.entries, NEWS_LIMIT)
    name, language = _text(view.name), news_language(view.language)
    publication = f"<news:publication><news:name>{name}</news:name><news:language>{language}</news:language>"
    urls = (
        f"<url><loc>{_location(view.origin, entry.url)}</loc><news:news>{publication}</news:publication>"
        f"<news:publication_date>{timestamp(entry.date)}</news:publication_date>"
        f"<news:title>{_text(entry.title)}</news:title></news:news></url>"
        for entry in view.entries
    )
    return _document(f'<urlset xmlns="{SITEMAP}" xmlns:news="{NEWS}">', urls, "</urlset>")


def news_language(tag: str) -> str:
    """The language as news sitemaps name it: ISO 639 without a region, but `zh-cn` and `zh-tw`."""
    language, *rest = tag.lower().replace("_", "-").split("-")
    if language == "zh":
        return "zh-tw" if {"hant", "tw", "hk", "mo"} & set(rest) else "zh-cn"
    return language


def opml(view: FeedsPage) -> bytes:
    """All feeds as an OPML 2.0 subscription list (http://opml.org/spec2.opml), grouped under their headings.

    A group's feeds are listed in one format, RSS if it has any: whoever imports the list wants each feed once.
    """
    groups = [(heading, _once(feeds)) for heading, feeds in view.groups]
    outlines = (
        line
        for heading, feeds in groups
        if feeds
        for line in (
            f'<outline text="{_text(heading)}">',
            *(
                f'<outline type="rss" text="{_text(feed.title)}" title="{_text(feed.title)}" '
                f'xmlUrl="{_location(view.site.origin, feed.url)}" htmlUrl="{_location(view.site.origin, _page(feed))}"/>'
                for feed in feeds
            ),
            "</outline>",
        )
    )
    head = f"<head><title>{_text(view.site.title)}</title></head>"
    return _document('<opml version="2.0">', (head, "<body>", *outlines, "</body>"), "</opml>")


def _once(feeds: tuple[Feed, ...]) -> list[Feed]:
    """Each of these feeds in one format: the first that there is. That of editions has but one."""
    in_formats = {feed.type for feed in feeds if not feed.url.endswith(f"/{EDITIONS}")}
    first = next((each.type for each in FORMATS.values() if each.type in in_formats), "")
    return [feed for feed in feeds if feed.type == first or feed.url.endswith(f"/{EDITIONS}")]


def _page(feed: Feed) -> str:
    """The page that a feed is the feed of: it stands in the same folder."""
    return feed.url.rpartition("/")[0] + "/"


def _document(start: str, lines: Iterable[str], end: str) -> bytes:
    return "\n".join((DECLARATION, start, *lines, end, "")).encode()


def _location(origin: str, url: str) -> str:
    return escape(uri(origin + url))


def _text(text: str) -> str:
    return escape(clean(text))


def _check(entries: tuple[object, ...], limit: int) -> None:
    if len(entries) > limit:
        raise ValueError(f"{len(entries)} entries, where the format allows {limit}")
