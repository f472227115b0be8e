"""Sitemaps, the news sitemap and OPML, held to their formats' own rules."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from feed_views import ORIGIN, site
from lxml import etree
from sites import article, make, write

from digest.sitemaps import (
    LIMIT,
    NEWS_LIMIT,
    news_language,
    news_sitemap,
    opml,
    sitemap,
    sitemap_index,
)
from digest.views import Feed, FeedsPage, NewsEntry, NewsSitemap, Sitemap, SitemapEntry, SitemapIndex

DATA = Path(__file__).parent / "data"
NAMES = {
    "m": "http://www.sitemaps.org/schemas/sitemap/0.9",
    "n": "http://www.google.com/schemas/sitemap-news/0.9",
}


def valid(document: bytes, schema: str) -> ElementTree.Element:
    """The document's tree, once it holds to the schema."""
    etree.XMLSchema(etree.parse(str(DATA / schema))).assertValid(etree.fromstring(document))
    return ElementTree.fromstring(document)


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def texts(tree: ElementTree.Element, path: str) -> list[str | None]:
    return [found.text for found in tree.findall(path, NAMES)]


def test_sitemap_lists_absolute_urls_with_their_dates() -> None:
    """A sitemap gives each URL, escaped and encoded, with the time of its last change when that is known."""
    view = Sitemap(
        ORIGIN,
        "America/New_York",
        (
            SitemapEntry("/news/2024/05/17/a&b/", seconds("2024-05-17T12:30:00+00:00")),
            SitemapEntry("/news/日本/"),
            SitemapEntry("/news/o'clock/", seconds("1880-01-01T00:00:00-04:56:02")),
        ),
    )
    tree = valid(sitemap(view), "sitemap.xsd")
    assert texts(tree, "m:url/m:loc") == [
        f"{ORIGIN}/news/2024/05/17/a&b/",
        f"{ORIGIN}/news/%E6%97%A5%E6%9C%AC/",
        f"{ORIGIN}/news/o'clock/",
    ]
    assert texts(tree, "m:url/m:lastmod") == ["2024-05-17T08:30:00-04:00", "1880-01-01T04:56:02+00:00"]


@pytest.mark.parametrize(
    ("noted", "expected"),
    [
        (None, "2024-05-17T19:00:00-04:00"),
        ("title: Good morning", "2024-05-17T19:00:00-04:00"),
        ("updated: 2024-05-19", "2024-05-19T00:00:00-04:00"),
    ],
)
def test_a_day_is_modified_with_what_stands_on_it(tmp_path: Path, noted: str | None, expected: str) -> None:
    """An edition changed last when one of its articles or its note did, by the clock and not by the text."""
    site = {
        "digest.toml": 'title = "Bulls"\nbase_url = "https://example.com/"\ntimezone = "America/New_York"\n',
        "content/a.md": article("First", "2024-05-17 17:59:59"),
        "content/b.md": article("Second", "2024-05-17 08:00", updated="2024-05-18T01:00:00+02:00"),
    }
    if noted:
        site["content/editions/2024-05-17.md"] = f"---\n{noted}\n---\nText.\n"
    make(write(tmp_path, site))
    tree = ElementTree.fromstring((tmp_path / "output/sitemap-2024-05.xml").read_bytes())
    found = dict(zip(texts(tree, "m:url/m:loc"), (url.findtext("m:lastmod", None, NAMES) for url in tree), strict=True))
    assert found["https://example.com/2024/05/17/"] == expected
    assert found["https://example.com/2024/05/17/a/"] == "2024-05-17T17:59:59-04:00"
    assert found["https://example.com/2024/05/17/b/"] == "2024-05-17T19:00:00-04:00"


def test_sitemap_may_be_full_but_not_fuller() -> None:
    """50,000 URLs are a valid sitemap; one more is refused, not silently cut."""
    entries = tuple(SitemapEntry(f"/{number}/") for number in range(LIMIT))
    assert len(valid(sitemap(Sitemap(ORIGIN, "UTC", entries)), "sitemap.xsd")) == LIMIT
    with pytest.raises(ValueError, match="50001 entries, where the format allows 50000"):
        sitemap(Sitemap(ORIGIN, "UTC", (*entries, SitemapEntry("/more/"))))


def test_empty_sitemap_is_well_formed() -> None:
    """A site without articles has a sitemap that parses."""
    assert len(valid(sitemap(Sitemap(ORIGIN, "UTC", ())), "sitemap.xsd")) == 0


def test_schema_can_fail() -> None:
    """The rules that sitemaps are held to refuse a relative URL, a URL listed twice and a date that is none."""
    good = sitemap(Sitemap(ORIGIN, "UTC", (SitemapEntry("/a/", seconds("2024-05-17T08:30:00+00:00")), SitemapEntry("/b/"))))
    for old, new in ((ORIGIN.encode(), b""), (b"/b/", b"/a/"), (b"2024-05-17T", b"17 May")):
        with pytest.raises(etree.DocumentInvalid):
            valid(good.replace(old, new), "sitemap.xsd")


def test_index_lists_sitemaps() -> None:
    """The index gives the absolute URL of each sitemap and nothing that a new article would change."""
    tree = valid(sitemap_index(SitemapIndex(ORIGIN, ("/sitemap-2024.xml", "/sitemap-2023.xml"))), "sitemap.xsd")
    assert texts(tree, "m:sitemap/m:loc") == [f"{ORIGIN}/sitemap-2024.xml", f"{ORIGIN}/sitemap-2023.xml"]
    assert texts(tree, "m:sitemap/m:lastmod") == []


def test_news_sitemap_names_publication_and_title() -> None:
    """The news sitemap gives publication, language, date with offset and title of each article, whatever stands in them."""
    view = NewsSitemap(
        ORIGIN,
        "Bulls & Bears",
        "en-GB",
        (NewsEntry("/2024/05/17/a/", 'A <b> "c" \x00& ]]>', "2024-05-17T08:30:00-04:00"),),
    )
    tree = valid(news_sitemap(view), "sitemap.xsd")
    assert texts(tree, "m:url/m:loc") == [f"{ORIGIN}/2024/05/17/a/"]
    assert texts(tree, ".//n:name") == ["Bulls & Bears"]
    assert texts(tree, ".//n:language") == ["en"]
    assert texts(tree, ".//n:publication_date") == ["2024-05-17T08:30:00-04:00"]
    assert texts(tree, ".//n:title") == ['A <b> "c" & ]]>']


def test_news_sitemap_has_a_limit() -> None:
    """A news sitemap of more than 1,000 articles is refused."""
    entries = tuple(NewsEntry(f"/{n}/", "T", "2024-05-17T00:00:00+00:00") for n in range(NEWS_LIMIT + 1))
    with pytest.raises(ValueError, match="1001 entries, where the format allows 1000"):
        news_sitemap(NewsSitemap(ORIGIN, "N", "en", entries))


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en", "en"),
        ("en-US", "en"),
        ("pt_BR", "pt"),
        ("zh", "zh-cn"),
        ("zh-Hant-HK", "zh-tw"),
        ("zh-TW", "zh-tw"),
        ("fil", "fil"),
    ],
)
def test_news_language_is_one_that_the_format_knows(tag: str, expected: str) -> None:
    """A language loses its region, except Chinese, which the format tells apart."""
    assert news_language(tag) == expected


def feeds_page(*groups: tuple[str, tuple[Feed, ...]]) -> FeedsPage:
    return FeedsPage(site(), "/feeds/", "/feeds.opml", groups)


def test_opml_lists_every_feed_once() -> None:
    """The subscription list has a group per heading and each feed in one format: RSS, else Atom, else JSON; and the editions."""
    view = feeds_page(
        ("Site", (Feed("All", "/feed.xml"), Feed("All, Atom", "/atom.xml", "application/atom+xml"))),
        (
            "Tickers",
            (Feed('"Tesla" & <co>', "/tickers/tsla/feed.xml"), Feed("日本", "/tickers/日本/feed.xml")),
        ),
        (
            "Tags",
            (
                Feed("ai", "/tags/ai/feed.json", "application/feed+json"),
                Feed("ai (Atom)", "/tags/ai/atom.xml", "application/atom+xml"),
            ),
        ),
        ("Other", (Feed("JSON", "/feed.json", "application/feed+json"), Feed("Days", "/editions.xml"))),
        ("None", ()),
    )
    tree = valid(opml(view), "opml.xsd")
    assert tree.findtext("head/title") == "Example Digest"
    assert [(group.get("text"), [feed.get("xmlUrl") for feed in group]) for group in tree.findall("body/outline")] == [
        ("Site", [f"{ORIGIN}/feed.xml"]),
        ("Tickers", [f"{ORIGIN}/tickers/tsla/feed.xml", f"{ORIGIN}/tickers/%E6%97%A5%E6%9C%AC/feed.xml"]),
        ("Tags", [f"{ORIGIN}/tags/ai/atom.xml"]),
        ("Other", [f"{ORIGIN}/feed.json", f"{ORIGIN}/editions.xml"]),
    ]
    assert [feed.get("htmlUrl") for feed in tree.findall("body/outline/outline")][:2] == [f"{ORIGIN}/", f"{ORIGIN}/tickers/tsla/"]
    assert [feed.get("text") for feed in tree.findall("body/outline/outline")] == [
        "All",
        '"Tesla" & <co>',
        "日本",
        "ai (Atom)",
        "JSON",
        "Days",
    ]


def test_a_changed_note_or_page_is_told(tmp_path: Path) -> None:
    """An edition's address and a standing page's say when their text was last changed."""
    write(
        tmp_path,
        {
            "content/a.md": article(date="2024-05-17T08:30:00+00:00"),
            "content/editions/2024-05-17.md": "---\nupdated: 2024-05-20T10:00:00+00:00\n---\nBusy.\n",
            "content/pages/about.md": "---\ntitle: About\nupdated: 2024-06-01T10:00:00+00:00\n---\nUs.\n",
        },
    )
    make(tmp_path)
    found = {}
    for path in (tmp_path / "output").glob("sitemap-*.xml"):
        for url in ElementTree.parse(path).iterfind("m:url", NAMES):
            found[url.findtext("m:loc", "", NAMES).partition("/news/")[2]] = url.findtext("m:lastmod", None, NAMES)
    assert found["2024/05/17/"] == "2024-05-20T06:00:00-04:00"
    assert found["2024/05/17/a/"] == "2024-05-17T04:30:00-04:00"
    assert found["about/"] == "2024-06-01T06:00:00-04:00"
