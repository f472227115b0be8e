"""Feeds as readers see them: parsed back by feedparser, by an XML parser and against the JSON Feed schema."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from html import escape, unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import feedparser
import jsonschema
import pytest
from feed_views import BODIES, ORIGIN, bodies, card, feed, item, rich, site
from hypothesis import given, settings
from hypothesis import strategies as st

from digest import feeditems, views
from digest.characters import clean
from digest.config import Markdown
from digest.feeditems import identity, timestamp, uri
from digest.feeds import atom, editions_rss, rfc822, rss
from digest.jsonfeed import json_feed
from digest.markup import render as render_markdown
from digest.views import ArticleFeed, Edition, EditionFeed, EditionItem, FeedItem, Image, Link, Note, Source, Ticker

DATA = Path(__file__).parent / "data"
SCHEMA = jsonschema.Draft202012Validator(json.loads((DATA / "jsonfeed-1.1.schema.json").read_text("utf-8")))
NAMES = {
    "a": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
}


def parse(document: bytes) -> Any:
    """What feedparser reads, unchanged by its own cleaning."""
    parsed = feedparser.parse(document, sanitize_html=False, resolve_relative_uris=False)
    assert not parsed.bozo, parsed.bozo_exception
    return parsed


def tree(document: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(document)


def json_of(view: ArticleFeed) -> Any:
    document = json.loads(json_feed(view, bodies))
    SCHEMA.validate(document)
    return document


def rss_items(view: ArticleFeed) -> list[ElementTree.Element]:
    return tree(rss(view, bodies)).findall("channel/item")


def atom_entries(view: ArticleFeed) -> list[ElementTree.Element]:
    return tree(atom(view, bodies)).findall("a:entry", NAMES)


def text(element: ElementTree.Element, path: str) -> str:
    found = element.find(path, NAMES)
    assert found is not None, path
    return found.text or ""


def test_rss_gives_a_reader_every_field() -> None:
    """A reader finds in RSS all that the view of a feed and of its items says."""
    parsed = parse(rss(feed(rich(), site=site(hub="https://hub.example.org/")), bodies))
    channel, entry = parsed.feed, parsed.entries[0]
    assert parsed.version == "rss20"
    assert (channel.title, channel.link) == ("Example Digest: TSLA", "https://example.org/tickers/tsla/")
    assert (channel.description, channel.language, channel.ttl) == ("Every story on Tesla", "en", "60")
    assert (channel.generator, channel.rights) == ("digest", "© Example")
    assert channel.updated == "Sat, 18 May 2024 09:00:00 -0400"
    links = {link.rel: link.href for link in channel.links}
    assert links["self"] == "https://example.org/tickers/tsla/feed.xml"
    assert links["hub"] == "https://hub.example.org/"
    assert (entry.title, entry.id, entry.link) == (
        "Story rich",
        ORIGIN + "/2024/05/17/rich/",
        ORIGIN + "/2024/05/17/rich/",
    )
    assert entry.published == "Fri, 17 May 2024 08:30:00 -0400"
    assert entry.updated == "2024-05-18T09:00:00-04:00"
    assert unescape(entry.summary) == "Deliveries rose & margins fell."
    assert [author.name for author in entry.authors] == ["Ada Editor"]
    assert [(tag.scheme, tag.term) for tag in entry.tags] == [
        ("https://example.org/tickers/", "NASDAQ:TSLA"),
        ("https://example.org/tickers/", "LON:VOD"),
        ("https://example.org/tickers/", "ZZZQ"),
        (None, "ai"),
    ]
    [enclosure] = entry.enclosures
    assert (enclosure.href, enclosure.type, enclosure.length) == (
        ORIGIN + "/media/chart.png",
        "image/png",
        "12345",
    )
    assert (entry.source.title, entry.source.href) == ("Newswire", "https://news.example.com/rss.xml")
    via = {link.rel: (link.href, link.title) for link in entry.links if "title" in link}
    assert via["via"] == ("https://news.example.com/a?b=1&c=2", "Newswire")
    assert via["related"] == ("https://blog.example.net/x", "A Blog")
    assert ".xml" not in text(tree(rss(feed(rich()), bodies)), "channel/link")


def test_atom_gives_a_reader_every_field() -> None:
    """A reader finds in Atom all that the view of a feed and of its items says."""
    view = feed(rich(), url="/atom.xml", page="/", site=site(hub="https://hub.example.org/"))
    parsed = parse(atom(view, bodies))
    head, entry = parsed.feed, parsed.entries[0]
    assert parsed.version == "atom10"
    assert (head.id, head.title, head.subtitle) == (
        ORIGIN + "/atom.xml",
        "Example Digest: TSLA",
        "Every story on Tesla",
    )
    assert {link.rel: link.href for link in head.links} == {
        "self": ORIGIN + "/atom.xml",
        "alternate": ORIGIN + "/",
        "hub": "https://hub.example.org/",
    }
    assert (head.author, head.rights, head.generator) == ("The Editors", "© Example", "digest")
    assert (entry.id, entry.title, entry.link) == (
        ORIGIN + "/2024/05/17/rich/",
        "Story rich",
        ORIGIN + "/2024/05/17/rich/",
    )
    assert (entry.published, entry.updated) == ("2024-05-17T08:30:00-04:00", "2024-05-18T09:00:00-04:00")
    assert entry.summary == "Deliveries rose & margins fell."
    assert entry.content[0].type == "text/html"
    assert [author.name for author in entry.authors] == ["Ada Editor"]
    assert entry.source.title == "Newswire"
    assert entry.source.id == "https://news.example.com/rss.xml"


def test_json_feed_gives_a_reader_every_field() -> None:
    """A JSON Feed holds to the schema of version 1.1 and says all that the view says."""
    document = json_of(feed(rich(), site=site(hub="https://hub.example.org/")))
    entry = document["items"][0]
    assert document["home_page_url"] == ORIGIN + "/tickers/tsla/"
    assert document["feed_url"] == ORIGIN + "/tickers/tsla/feed.xml"
    assert document["hubs"] == [{"type": "WebSub", "url": "https://hub.example.org/"}]
    assert (document["language"], document["authors"]) == ("en", [{"name": "The Editors"}])
    assert entry["external_url"] == "https://news.example.com/a?b=1&c=2"
    assert entry["attachments"] == [{"url": ORIGIN + "/media/chart.png", "mime_type": "image/png", "size_in_bytes": 12345}]
    assert entry["image"] == ORIGIN + "/media/chart.png"
    assert entry["tags"] == ["NASDAQ:TSLA", "LON:VOD", "ZZZQ", "ai"]


def test_schema_can_fail() -> None:
    """The schema that the JSON Feeds are held to refuses a document that breaks the format."""
    document = json_of(feed(rich()))
    for broken in (
        document | {"version": "1"},
        document | {"items": [{"url": ORIGIN}]},
        document | {"homepage": "x"},
    ):
        assert not SCHEMA.is_valid(broken)


def facts_of_rss(element: ElementTree.Element) -> dict[str, Any]:
    published = datetime.strptime(text(element, "pubDate"), "%a, %d %b %Y %H:%M:%S %z")
    updated = element.find("a:updated", NAMES)
    return {
        "id": text(element, "guid"),
        "url": text(element, "link"),
        "title": text(element, "title"),
        "summary": unescape(text(element, "description")),
        "html": text(element, "content:encoded"),
        "published": published,
        "updated": datetime.fromisoformat(updated.text or "") if updated is not None else published,
        "authors": [creator.text for creator in element.findall("dc:creator", NAMES)],
        "tags": [category.text for category in element.findall("category")],
        "origin": [link.get("href") for link in element.findall("a:link", NAMES) if link.get("rel") == "via"],
        "image": [tuple(map(found.get, ("url", "type", "length"))) for found in element.findall("enclosure")],
    }


def facts_of_atom(element: ElementTree.Element) -> dict[str, Any]:
    links = element.findall("a:link", NAMES)
    [url] = [link.get("href") for link in links if link.get("rel", "alternate") == "alternate"]
    return {
        "id": text(element, "a:id"),
        "url": url,
        "title": text(element, "a:title"),
        "summary": text(element, "a:summary"),
        "html": text(element, "a:content"),
        "published": datetime.fromisoformat(text(element, "a:published")),
        "updated": datetime.fromisoformat(text(element, "a:updated")),
        "authors": [name.text for name in element.findall("a:author/a:name", NAMES)],
        "tags": [category.get("term") for category in element.findall("a:category", NAMES)],
        "origin": [link.get("href") for link in links if link.get("rel") == "via"],
        "image": [tuple(map(link.get, ("href", "type", "length"))) for link in links if link.get("rel") == "enclosure"],
    }


def facts_of_json(entry: dict[str, Any]) -> dict[str, Any]:
    attached = entry.get("attachments", ())
    return {
        "id": entry["id"],
        "url": entry["url"],
        "title": entry["title"],
        "summary": entry["summary"],
        "html": entry["content_html"],
        "published": datetime.fromisoformat(entry["date_published"]),
        "updated": datetime.fromisoformat(entry.get("date_modified", entry["date_published"])),
        "authors": [author["name"] for author in entry.get("authors", ())],
        "tags": entry.get("tags", []),
        "origin": [entry["external_url"]] if "external_url" in entry else [],
        "image": [(found["url"], found["mime_type"], str(found["size_in_bytes"])) for found in attached],
    }


def test_three_formats_say_the_same() -> None:
    """RSS, Atom and JSON Feed carry the same items in the same order with the same facts."""
    view = feed(
        rich(),
        item("two"),
        item("three", guid="my id", image=None, source=None, tickers=(), tags=(), authors=()),
        item("four", guid="tag:example.org,2005:4", date="1969-07-20T20:17:40+00:00"),
    )
    from_rss = [facts_of_rss(element) for element in rss_items(view)]
    from_atom = [facts_of_atom(element) for element in atom_entries(view)]
    from_json = [facts_of_json(entry) for entry in json_of(view)["items"]]
    assert from_rss == from_atom == from_json
    assert [facts["title"] for facts in from_rss] == ["Story rich", "Story two", "Story three", "Story four"]


def test_summaries_only_still_credit_the_source() -> None:
    """A feed without full texts holds the summary, a link to read on, the credits, and nothing of the body."""
    view = feed(item(body="<p>The whole of it.</p>"), full_text=False)
    for html in (
        text(rss_items(view)[0], "content:encoded"),
        text(atom_entries(view)[0], "a:content"),
        json_of(view)["items"][0]["content_html"],
    ):
        assert "whole" not in html
        assert html.startswith("<p>Deliveries rose &amp; margins fell.</p>")
        assert f'<a href="{ORIGIN}/2024/05/17/one/">Read on' in html
        assert ">Newswire</a>" in html


def test_full_and_short_feeds_of_one_article_differ() -> None:
    """An article that stands in a full feed and in a short one shows each its own text."""
    story = item(body="<p>The whole of it.</p>")
    assert b"whole" in rss(feed(story), bodies)
    assert b"whole" not in rss(feed(story, full_text=False), bodies)
    assert b"whole" in rss(feed(story), bodies)


def test_body_stands_between_its_corrections_and_its_credits() -> None:
    """What was wrong comes first, then picture and body, then source, finder, disclosure and disclaimer, all escaped."""
    story = item(
        body="<p>Body.</p>",
        source=Source("A & B", "https://a.example/?x=1&y=2", author="Jo <x>", published="2024-05-16T20:00:00+00:00"),
        via=Link("<Blog>", "https://b.example/"),
        image=Image("/media/a&b.png", 'Bars, "up"', "image/png", 12345),
        corrections=(views.Correction("2024-05-18", "5 < 6"),),
        disclosure="Owns & holds.",
    )
    assert json_of(feed(story))["items"][0]["content_html"] == (
        "<p><strong>Correction, 2024-05-18:</strong> 5 &lt; 6</p>\n"
        f'<figure><img src="{ORIGIN}/media/a&amp;b.png" alt="Bars, &quot;up&quot;"></figure>\n'
        "<p>Body.</p>"
        '<p>Source: <a href="https://a.example/?x=1&amp;y=2">A &amp; B</a>, Jo &lt;x&gt;, 2024-05-16</p>\n'
        '<p>Via <a href="https://b.example/">&lt;Blog&gt;</a></p>\n'
        "<p><small>Owns &amp; holds.</small></p>\n"
        "<p><small>Nothing here is advice.</small></p>\n"
    )


def test_reprint_names_its_first_publisher() -> None:
    """A full reprint says who first published it."""
    html = json_of(feed(item(reprint="full")))["items"][0]["content_html"]
    assert 'Originally published by <a href="https://news.example.com/a?b=1&amp;c=2">Newswire</a>' in html


def test_urls_in_bodies_are_absolute() -> None:
    """A body's links, images, footnotes and ticker mentions lead somewhere from inside a reader, in every format."""
    words = "[A](b.md#c), ![D](d.png), [E](/about/), [F](#f) and (NASDAQ:TSLA).[^1]\n\n[^1]: Note.\n"
    parsed = render_markdown([words], Markdown())[0]
    links = tuple(f"/link/{number}/" for number in range(len(parsed.references)))
    assert len(links) == 4
    view = feed(item(body=parsed.html, links=links))
    for html in (
        text(rss_items(view)[0], "content:encoded"),
        text(atom_entries(view)[0], "a:content"),
        json_of(view)["items"][0]["content_html"],
    ):
        found = re.findall(r'(?:href|src)="([^"]*)"', html)
        assert all(url.startswith("https://") for url in found), found
        assert {f"{ORIGIN}{link}" for link in links} <= set(found)
        assert sum(url.startswith(f"{ORIGIN}/2024/05/17/one/#") for url in found) == 3  # [F], the footnote and the way back


def test_changed_body_is_never_served_from_memory() -> None:
    """The same card over another body, or under another disclaimer, gives another item."""
    first, second = item(body="<p>Before.</p>"), item(body="<p>After.</p>")
    assert b"Before." in rss(feed(first), bodies)
    assert b"After." in rss(feed(second), bodies)
    assert b"New words." in rss(feed(second, site=site(disclaimer="New words.")), bodies)


def test_same_instant_in_another_zone_is_written_anew() -> None:
    """A date that is written with another offset, though the same instant, comes out as it is written now."""
    for render in (rss, atom, json_feed):
        before = render(feed(item(date="2024-05-17T08:30:00-04:00")), bodies)
        after = render(feed(item(date="2024-05-17T12:30:00+00:00")), bodies)
        assert before != after


def test_memory_is_bounded() -> None:
    """What is remembered of items stays under its limit, the oldest forgotten first, and never changes a feed."""
    memory = feeditems._Memory(limit=1000)
    made = feeditems.of_article(item(), site(), True, bodies)
    for number in range(100):
        memory.put((bytes([number]), b"", b"", True), made)
    assert 0 < memory.size <= 1000
    assert memory.size == sum(len(kept.html) for kept in memory.items.values())
    assert (bytes([99]), b"", b"", True) in memory.items
    assert (bytes([0]), b"", b"", True) not in memory.items


# What feedgen does unless told otherwise.


def test_newest_item_stays_first() -> None:
    """Items keep the order of the view, newest first."""
    titles = [f"Story {number}" for number in range(30)]
    view = feed(*[item(str(number)) for number in range(30)])
    assert [entry.title for entry in parse(rss(view, bodies)).entries] == titles
    assert [entry.title for entry in parse(atom(view, bodies)).entries] == titles


def test_channel_links_to_its_page() -> None:
    """The channel's link is the page of the feed, neither the feed itself nor the hub."""
    view = feed(item(), site=site(hub="https://hub.example.org/"))
    assert text(tree(rss(view, bodies)), "channel/link") == ORIGIN + "/tickers/tsla/"


def test_permalink_is_a_permalink() -> None:
    """A guid that is the article's URL says so; any other guid says that it is none."""
    flags = [
        [guid.get("isPermaLink") for guid in element.findall("guid")]
        for element in rss_items(feed(item(), item("b", guid="https://old.example/?p=1"), item("c", guid="word")))
    ]
    assert flags == [["true"], ["false"], ["false"]]


def test_guid_is_the_same_in_every_feed() -> None:
    """An article keeps its identity in another feed, in another format and after a change of title or date."""
    before = item("a", guid="my id")
    after = item("a", guid="my id", title="Another", date="2025-01-01T00:00:00+00:00")
    ids = {
        facts["id"]
        for view in (feed(before), feed(after, url="/feed.xml", page="/", full_text=False))
        for facts in (
            facts_of_rss(rss_items(view)[0]),
            facts_of_atom(atom_entries(view)[0]),
            facts_of_json(json_of(view)["items"][0]),
        )
    }
    assert ids == {"urn:uuid:de1131b7-1aa5-5112-a060-4b6e845f88f1"}  # for good: readers know it by this


@pytest.mark.parametrize("guid", ["tag:example.org,2005:1", "urn:isbn:1", "https://old.example/?p=1", "doi:10.1/ü"])
def test_an_iri_stays_the_identity(guid: str) -> None:
    """An identity that is an IRI already is used as it stands."""
    assert identity(guid, site()) == guid


@pytest.mark.parametrize("guid", ["42", "two words", "a:b c", "Ünïcode", "a\x00b", ":", 'x:"', "JavaScript:alert(1)"])
def test_any_other_word_becomes_an_iri(guid: str) -> None:
    """An identity that is no IRI becomes a name-based UUID of its own, which another site does not share."""
    found = identity(guid, site())
    assert found.startswith("urn:uuid:")
    assert found != identity(guid + "x", site())
    assert found != identity(guid, site(base="/news/"))


def test_permalink_in_any_script_stays_a_permalink() -> None:
    """A permalink under a script of its own is percent-encoded in the guid as in the link, and stays a permalink."""
    [element] = rss_items(feed(item("日本", guid=f"{ORIGIN}/2024/05/17/日本/")))
    assert text(element, "guid") == text(element, "link") == f"{ORIGIN}/2024/05/17/%E6%97%A5%E6%9C%AC/"
    assert [guid.get("isPermaLink") for guid in element.findall("guid")] == ["true"]


def test_author_without_an_address_is_named() -> None:
    """Every author stands in RSS by name, though RSS's own element asks for an e-mail address."""
    view = feed(item(authors=("Ada", "Bob")))
    assert facts_of_rss(rss_items(view)[0])["authors"] == ["Ada", "Bob"]
    assert [author.name for author in parse(rss(view, bodies)).entries[0].authors] == ["Ada", "Bob"]


def test_atom_content_is_html_and_never_cdata() -> None:
    """Content is of a type that Atom knows, and `]]>` in it survives in both XML formats."""
    view = feed(item(body="<pre>a]]>b</pre>", title="]]>", summary="]]>"))
    assert b"CDATA" not in rss(view, bodies) + atom(view, bodies)
    [element] = tree(atom(view, bodies)).findall("a:entry/a:content", NAMES)
    assert element.get("type") == "html"
    for facts in (facts_of_rss(rss_items(view)[0]), facts_of_atom(atom_entries(view)[0])):
        assert (facts["title"], facts["summary"]) == ("]]>", "]]>")
        assert facts["html"].startswith("<pre>a]]>b</pre>")


def test_atom_links_say_what_they_are() -> None:
    """An entry has one link to its page; links to image, original and finder carry their relation, type and length."""
    [entry] = atom_entries(feed(rich()))
    found = {link.get("rel", "alternate"): dict(link.attrib) for link in entry.findall("a:link", NAMES)}
    assert len(found) == len(entry.findall("a:link", NAMES)) == 4
    assert found["enclosure"] == {
        "rel": "enclosure",
        "href": ORIGIN + "/media/chart.png",
        "type": "image/png",
        "length": "12345",
    }
    assert found["via"]["href"] == "https://news.example.com/a?b=1&c=2"
    assert found["related"]["href"] == "https://blog.example.net/x"
    assert found["alternate"]["href"] == ORIGIN + "/2024/05/17/rich/"


def test_source_is_named_only_when_its_feed_is_known() -> None:
    """`source` asks for the URL of a feed: without one the original is linked, but no source is claimed."""
    known, unknown = feed(rich()), feed(item())
    assert [len(view_items[0].findall("source")) for view_items in (rss_items(known), rss_items(unknown))] == [1, 0]
    counts = [len(entries[0].findall("a:source", NAMES)) for entries in (atom_entries(known), atom_entries(unknown))]
    assert counts == [1, 0]


def test_time_without_an_offset_is_refused() -> None:
    """A time without an offset never reaches a reader as if it were in UTC: it is a ValueError that names it."""
    view = feed(item(date="2024-05-17T08:30:00"))
    for render in (rss, atom, json_feed):
        with pytest.raises(ValueError, match=r"2024-05-17T08:30:00.* has no offset"):
            render(view, bodies)


def test_feed_is_as_new_as_its_newest_change() -> None:
    """A feed was updated when the last of its items was, whatever the order and the offsets; the clock has no say."""
    view = feed(
        item("a", date="2024-05-17T23:00:00-04:00"),
        item("b", date="2024-05-18T02:00:00+00:00"),
        item("c", date="2024-05-10T02:00:00+00:00", updated="2024-05-18T05:30:00+02:00"),
    )
    assert text(tree(rss(view, bodies)), "channel/lastBuildDate") == "Sat, 18 May 2024 05:30:00 +0200"
    assert text(tree(atom(view, bodies)), "a:updated") == "2024-05-18T05:30:00+02:00"


def test_empty_feed_is_valid_and_still() -> None:
    """A feed without items parses; RSS leaves its date out, Atom, which must have one, says 2000."""
    view = feed()
    assert tree(rss(view, bodies)).find("channel/lastBuildDate") is None
    assert text(tree(atom(view, bodies)), "a:updated") == "2000-01-01T00:00:00+00:00"
    assert [len(parse(render(view, bodies)).entries) for render in (rss, atom)] == [0, 0]
    assert json_of(view)["items"] == []


def test_empty_texts_have_something_in_their_place() -> None:
    """A feed without a description is described by its title; an item whose title is nothing is named by its URL."""
    view = feed(
        item(title="\x00"),
        description="",
        title="",
        site=site(description="", author="", copyright="", ttl=0),
    )
    channel = tree(rss(view, bodies))
    assert text(channel, "channel/title") == text(channel, "channel/description") == "Example Digest"
    assert channel.find("channel/ttl") is None
    assert text(tree(atom(view, bodies)), "a:author/a:name") == "Example Digest"
    assert facts_of_rss(rss_items(view)[0])["title"] == ORIGIN + "/2024/05/17/one/"
    assert json_of(view)["title"] == "Example Digest"


def test_generator_names_the_program_alone() -> None:
    """No version stands in a feed, so that an upgrade alone rewrites none."""
    assert text(tree(rss(feed(), bodies)), "channel/generator") == "digest"
    [generator] = tree(atom(feed(), bodies)).findall("a:generator", NAMES)
    assert (generator.text, generator.attrib) == ("digest", {})
    assert tree(rss(feed(), bodies)).find("channel/docs") is None


def test_characters_that_xml_forbids_are_dropped() -> None:
    """One control character or half a surrogate pair does not cost readers the whole feed."""
    bad = "a\x00b\x0bc\x1fd\ufffeef"
    hostile = item(
        body=f"<p>{bad}</p>",
        title=bad,
        summary=bad,
        authors=(bad,),
        tags=(Link(bad, "/tags/x/"),),
        tickers=(Ticker(bad, "", bad, "/tickers/x/"),),
        source=Source(bad, f"https://x.example/{bad}", author=bad, feed=f"https://x.example/{bad}"),
        via=Link(bad, f"https://x.example/{bad}"),
        disclosure=bad,
        corrections=(views.Correction("2024-05-18", bad),),
    )
    view = feed(
        hostile,
        title=f"\ud800{bad}",
        description=f"{bad}\udfff",
        site=site(disclaimer=bad, title=bad, author=bad, copyright=bad),
    )
    assert parse(rss(view, bodies)).entries[0].title == "abcdef"
    assert parse(atom(view, bodies)).entries[0].title == "abcdef"
    document = json_of(view)
    assert (document["title"], document["items"][0]["title"]) == ("abcdef", "abcdef")


ODD = {
    "ampersand": "AT&T &amp; S&P &#38;",
    "tags": "<b>bold</b> <script>alert(1)</script> a < b > c",
    "quotes": "\"double\" 'single' “curly”",
    "cdata": "]]> <![CDATA[x]]>",
    "emoji": "📈 up 👩🏽‍💻",
    "right to left": "أخبار السوق שוק",
    "line separators": "a\u2028b\u2029c",
    "combining": "e\u0301 \u200d \ufeff",
    "astral": "\U0001d4af \U0010fffd",
    "spaces": "a  b\tc",
}


@pytest.mark.parametrize("words", ODD.values(), ids=ODD.keys())
def test_odd_text_survives_in_every_format(words: str) -> None:
    """Odd and hostile text comes back from every format exactly as it went in."""
    view = feed(item(title=words, summary=words, authors=(words,), body=f"<p>{escape(words)}</p>"), title=words)
    for facts in (
        facts_of_rss(rss_items(view)[0]),
        facts_of_atom(atom_entries(view)[0]),
        facts_of_json(json_of(view)["items"][0]),
    ):
        assert (facts["title"], facts["summary"], facts["authors"]) == (words, words, [words])
        assert facts["html"].startswith(f"<p>{escape(words)}</p>")
    assert text(tree(rss(view, bodies)), "channel/title") == words
    assert parse(rss(view, bodies)).entries[0].title == words
    assert parse(atom(view, bodies)).entries[0].title == words


def test_title_of_one_space_costs_nothing_else() -> None:
    """An item titled with a single space keeps its place and its neighbours."""
    view = feed(item("a", title=" "), item("b"))
    assert [entry.id for entry in parse(rss(view, bodies)).entries] == [entry.id for entry in parse(atom(view, bodies)).entries]
    assert len(parse(rss(view, bodies)).entries) == 2


def test_titles_are_written_for_the_most_readers() -> None:
    """RSS titles carry `&` and `<` as hexadecimal references, which readers misread least; bodies are left alone."""
    document = rss(feed(item(title="AT&T <up>", body="<title>&amp;</title>")), bodies)
    assert b"<title>AT&#x26;T &#x3C;up&#x3E;</title>" in document
    assert b"&lt;title&gt;&amp;amp;&lt;/title&gt;" in document


def test_long_body_is_carried_whole() -> None:
    """A body of 200 KB arrives whole in every format."""
    long = "<p>" + "Ünïcode & more. ".replace("&", "&amp;") * 12_000 + "</p>"
    assert len(long.encode()) > 200_000
    view = feed(item(body=long))
    for facts in (
        facts_of_rss(rss_items(view)[0]),
        facts_of_atom(atom_entries(view)[0]),
        facts_of_json(json_of(view)["items"][0]),
    ):
        assert facts["html"].startswith(long)


def test_item_with_neither_body_nor_summary_is_valid() -> None:
    """A headline alone, without body, summary, source or disclaimer, is an item that says where to read on."""
    view = feed(item(body="", summary="", source=None), site=site(disclaimer=""))
    assert parse(rss(view, bodies)).entries[0].title == "Story one"
    assert parse(atom(view, bodies)).entries[0].title == "Story one"
    link = f'<a href="{ORIGIN}/2024/05/17/one/">Read on at Example Digest</a>'
    assert json_of(view)["items"][0]["content_html"] == f"<p>{link}</p>\n"


TIMES = {
    "1969-07-20T16:17:40-04:00": "Sun, 20 Jul 1969 16:17:40 -0400",
    "1066-10-14T09:00:00+00:00": "Sun, 14 Oct 1066 09:00:00 +0000",
    "0987-01-02T03:04:05+00:00": "Tue, 02 Jan 0987 03:04:05 +0000",
    "1890-01-01T00:00:00-04:56:02": "Wed, 01 Jan 1890 04:56:02 +0000",
    "2024-05-17T08:30:00.123456-03:30": "Fri, 17 May 2024 08:30:00 -0330",
    "2024-03-10T03:00:00-04:00": "Sun, 10 Mar 2024 03:00:00 -0400",
    "2024-11-03T01:30:00-05:00": "Sun, 03 Nov 2024 01:30:00 -0500",
    "2024-05-17T08:30:00Z": "Fri, 17 May 2024 08:30:00 +0000",
}


@pytest.mark.parametrize(("iso", "expected"), TIMES.items())
def test_times_keep_their_instant_and_offset(iso: str, expected: str) -> None:
    """RSS dates have four-digit years and the offset that was written, before 1970 and across a change of the clocks."""
    view = feed(item(date=iso))
    assert text(rss_items(view)[0], "pubDate") == expected
    assert text(tree(rss(view, bodies)), "channel/lastBuildDate") == expected
    instant = datetime.fromisoformat(iso).replace(microsecond=0)
    for facts in (facts_of_atom(atom_entries(view)[0]), facts_of_json(json_of(view)["items"][0])):
        assert facts["published"] == instant


@given(st.datetimes(timezones=st.timezones(), allow_imaginary=False))
def test_rss_date_agrees_with_the_standard_library(moment: datetime) -> None:
    """An RSS date is what the standard library's own RFC 2822 writer would say."""
    try:
        written = datetime.fromisoformat(timestamp(moment.isoformat()))
    except OverflowError:  # an hour before the year 1 or after the year 9999
        return
    assert rfc822(written) == format_datetime(written)
    assert abs(written - moment) < timedelta(seconds=1)


texts = st.text(st.characters(codec="utf-8"), max_size=40)
lines = texts.map(lambda value: value.replace("\r", ""))


@st.composite
def stories(draw: st.DrawFn) -> FeedItem:
    zone = st.integers(-14 * 60, 14 * 60).map(
        lambda minutes: f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    )
    day = draw(st.dates(date(2, 1, 1), date(9998, 12, 31)))
    return item(
        draw(st.from_regex(r"[a-zé日]{1,8}", fullmatch=True)),
        f"<p>{escape(clean(draw(lines)))}</p>",
        draw(st.sampled_from(["", "word"])),
        title=draw(lines.filter(lambda value: clean(value) != "")),
        summary=draw(lines.filter(lambda value: clean(value) != "")),
        authors=tuple(draw(st.lists(lines.filter(lambda value: clean(value) != ""), max_size=3))),
        date=f"{day.isoformat()}T{draw(st.times()).isoformat('seconds')}{draw(zone)}",
        tags=tuple(
            Link(name, "/tags/x/")
            for name in draw(st.lists(st.from_regex(r"[a-z]{1,9}", fullmatch=True), unique=True, max_size=4))
        ),
        tickers=(),
        source=draw(st.none() | lines.map(lambda name: Source(name or "x", "https://news.example.com/" + name))),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(stories(), max_size=4, unique_by=lambda story: story.card.url))
def test_parsing_a_feed_gives_back_what_was_put_in(items: list[FeedItem]) -> None:
    """For any articles, what each format's parser reads is what was written, less only what XML cannot hold."""
    view = feed(*items)
    expected = [
        {
            "id": identity(story.content.guid, view.site),
            "url": uri(ORIGIN + story.card.url),
            "title": clean(story.card.title),
            "summary": clean(story.card.summary),
            "published": datetime.fromisoformat(story.card.date),
            "authors": [clean(author) for author in story.card.authors],
            "tags": [tag.name for tag in story.card.tags],
            "origin": [uri(story.card.source.url)] if story.card.source else [],
            "body": BODIES[story.content.body],
        }
        for story in items
    ]
    parse(rss(view, bodies))
    parse(atom(view, bodies))
    for found in (
        [facts_of_rss(element) for element in rss_items(view)],
        [facts_of_atom(element) for element in atom_entries(view)],
        [facts_of_json(entry) for entry in json_of(view)["items"]],
    ):
        for facts, wanted in zip(found, expected, strict=True):
            assert facts["html"].startswith(wanted["body"])
            assert {name: facts[name] for name in wanted if name != "body"} == {
                name: value for name, value in wanted.items() if name != "body"
            }


@pytest.mark.parametrize("write", [rss, atom])
def test_an_article_stands_in_every_feed_that_carries_it(write: Callable[..., bytes]) -> None:
    """Though what feedgen writes of it is written once: no feed takes it from another, whichever comes first."""
    first, second, third = item("a"), item("b"), item("c")
    views = feed(first, second), feed(second, third), feed(second)
    before = [write(view, bodies) for view in views]
    assert [write(view, bodies) for view in reversed(views)] == before[::-1]
    assert [len(rss_items(view)) for view in views] == [len(atom_entries(view)) for view in views] == [2, 2, 1]


@given(st.text())
def test_uri_is_ascii_and_settled(words: str) -> None:
    """A URL made safe is ASCII without spaces or quotes, and making it safe again changes nothing."""
    safe = uri("https://example.org/" + words)
    assert safe.isascii()
    assert not set(safe) & set(' "<>\\^`{|}\n')
    assert uri(safe) == safe


# Editions.


def edition_feed() -> EditionFeed:
    BODIES[b"note"] = "<p>A quiet day.</p>"
    note = Note(b"note", b"note", (), "A quiet day.", "Calm & clear", "2024-05-18T10:00:00-04:00")
    cards = (card("one"), card("two", date="2024-05-17T16:00:00-04:00", title="Two <2>"))
    noted = EditionItem(Edition("2024-05-17", "/2024/05/17/", "Calm & clear", cards), note)
    plain = EditionItem(Edition("2024-05-06", "/2024/05/06/", "", (card("old", date="2024-05-06T09:00:00-04:00"),)), None)
    return EditionFeed(site(), "Editions", "One item a day", "/editions.xml", "/archive/", (noted, plain))


def test_editions_feed_has_one_item_a_day() -> None:
    """A day's item holds the editor's note and every card with its link, summary, source and tickers."""
    parsed = parse(editions_rss(edition_feed(), bodies))
    first, second = parsed.entries
    assert (first.title, first.link, first.id) == (
        "Calm & clear",
        ORIGIN + "/2024/05/17/",
        ORIGIN + "/2024/05/17/",
    )
    assert second.title == "Example Digest, 6 May 2024"
    html = first.content[0].value
    assert html.startswith("<p>A quiet day.</p>")
    assert f'<h3><a href="{ORIGIN}/2024/05/17/two/">Two &lt;2&gt;</a></h3>' in html
    assert f'<a href="{ORIGIN}/tickers/tsla/">TSLA</a>' in html
    assert html.index("Story one") < html.index("Two &lt;2&gt;") < html.index("Nothing here is advice.")
    assert first.summary == "A quiet day."
    assert second.summary == "Story old"


def test_growing_day_keeps_its_place() -> None:
    """A day is published with its first article and updated with its last change."""
    element = tree(editions_rss(edition_feed(), bodies)).findall("channel/item")[0]
    assert text(element, "pubDate") == "Fri, 17 May 2024 08:30:00 -0400"
    assert text(element, "a:updated") == "2024-05-18T10:00:00-04:00"


def test_day_without_cards_is_dated_by_its_name() -> None:
    """A day of which only the note is left is still an item, dated by its own midnight."""
    view = edition_feed()
    item = EditionItem(Edition("2024-05-17", "/2024/05/17/", "", ()), None)
    alone = EditionFeed(view.site, view.title, view.description, view.url, view.page, (item,))
    assert parse(editions_rss(alone, bodies)).entries[0].published == "Fri, 17 May 2024 00:00:00 +0000"


# The same bytes everywhere.

RENDER = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from test_feeds import edition_feed
from feed_views import bodies, feed, item, rich, site
from digest.feeds import atom, editions_rss, rss
from digest.jsonfeed import json_feed
view = feed(rich(), item("two", tags=()), item("three", guid="word"))
outputs = rss(view, bodies), atom(view, bodies), json_feed(view, bodies), editions_rss(edition_feed(), bodies)
print(hashlib.sha256(b"".join(outputs)).hexdigest())
"""


def run(code: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_same_bytes_on_any_machine() -> None:
    """Time zone, locale and hash seed of the machine leave no trace in a feed."""
    here = str(Path(__file__).parent)
    first = run(RENDER, here, TZ="UTC", LC_ALL="C", PYTHONHASHSEED="0")
    other = run(RENDER, here, TZ="Asia/Kolkata", LC_ALL="C.UTF-8", LANG="de_DE.UTF-8", PYTHONHASHSEED="4711")
    assert first == other
    assert len(first) == 64


def test_dates_are_english_whatever_strftime_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """RSS dates do not go through the process-wide locale, in which feedgen writes them."""
    monkeypatch.setattr("feedgen.feed.formatRFC2822", lambda _: "Fr, 17 Mai 2024")
    monkeypatch.setattr("feedgen.entry.formatRFC2822", lambda _: "Fr, 17 Mai 2024")
    document = rss(feed(item("locale")), bodies)
    assert b"Mai" not in document
    assert document.count(b"Fri, 17 May 2024 08:30:00 -0400") == 2


def test_feedgen_is_loaded_for_feeds_alone() -> None:
    """JSON Feed, sitemaps and OPML are rendered without loading feedgen and lxml, which cost more than they do."""
    code = "import sys, digest.jsonfeed, digest.sitemaps; print({'lxml', 'feedgen'} & set(sys.modules))"
    assert run(code) == "set()"
