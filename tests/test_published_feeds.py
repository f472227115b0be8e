"""Feeds of really built sites: what authors wrote, through the whole program, to what readers parse."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import feedparser
import html5lib
import pytest
from sites import article, make, options, page, write

from digest.build import build

ROOT = Path(__file__).parents[1]
BASE = "https://example.org/news/"
ODD = "AT&T <b onclick=x>\"q\" 'r' ]]> \U0001f4c8 שלום \u2028 </script><script>alert(1)</script>"
"""Stands in every field that takes text."""
QUOTED = json.dumps(ODD, ensure_ascii=False)

SETTINGS = f"""
title = {QUOTED}
description = {QUOTED}
author = {QUOTED}
copyright = {QUOTED}
notice = {QUOTED}
disclaimer = {QUOTED}
base_url = "{BASE}"
timezone = "America/New_York"
broken_links = "warning"
[feeds]
group_formats = ["rss", "atom", "json"]
hub = "https://hub.example/?a=1&b=2"
[watchlists.odd]
title = {QUOTED}
description = {QUOTED}
tickers = ["TSLA"]
"""

CONTENT: dict[str, str | bytes] = {
    "digest.toml": SETTINGS,
    "content/a&b.png": b"\x89PNG\r\n",
    "content/tickers.yaml": f"TSLA: {{name: {QUOTED}, exchange: NASDAQ, description: {QUOTED}}}\n",
    "content/editions/2024-05-17.md": f"---\ntitle: {QUOTED}\n---\nNote: ]]> & \U0001f4c8\n",
    "content/pages/about.md": f"---\ntitle: {QUOTED}\n---\nAbout ]]>\n",
    "content/odd.md": article(
        QUOTED,
        "2024-05-17T10:00",
        f"On TSLA: {ODD}\n\n[nowhere](gone.txt) and [nothing]()",
        tickers="TSLA",
        tags=f"[{QUOTED}]",
        authors=f"[{QUOTED}]",
        summary=QUOTED,
        source=f"{{name: {QUOTED}, url: 'https://s.example/a?b=1&c=é', author: {QUOTED}, feed: 'https://s.example/?x=1&y=2'}}",
        via=f"{{name: {QUOTED}, url: 'https://v.example/?a&b'}}",
        disclosure=QUOTED,
        correction=f"[{{date: 2024-05-18, text: {QUOTED}}}]",
        image=f"{{path: a&b.png, alt: {QUOTED}}}",
        aliases="['/alt/']",
    ),
    "content/control.md": article('"Bell \\x07, tab \\v"', "2024-05-16", "Body\x01 text", summary='"a\\x08b"'),
    "content/long.md": article("Long", "2024-05-15", "Größe & <code>x</code> stay. " * 7500),
    "content/empty.md": article("Empty", "2024-05-14", ""),
    "content/moon.md": article("Moon", "1969-07-20T20:17:40-04:00"),
    "content/old.md": article("Old", "1850-06-01T12:00"),
    "content/far.md": article("Far west", "2024-05-12T10:00:00-11:30"),
    "content/spring.md": article("Spring", "2024-03-10T03:30"),
    "content/before.md": article("Before", "2023-11-05T00:59"),
    "content/after.md": article("After", "2023-11-05T02:01"),
}

DATES = {
    "Moon": "1969-07-20T20:17:40-04:00",
    "Old": "1850-06-01T16:56:02+00:00",
    "Far west": "2024-05-12T17:30:00-04:00",
    "Spring": "2024-03-10T03:30:00-04:00",
    "Before": "2023-11-05T00:59:00-04:00",
    "After": "2023-11-05T02:01:00-05:00",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with odd and hostile text in every field."""
    folder = write(tmp_path_factory.mktemp("odd"), CONTENT)
    make(folder)
    return folder / "output"


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration site."""
    folder = tmp_path_factory.mktemp("demonstration")
    make(ROOT, output=folder / "output", cache=folder / "cache.db")
    return folder / "output"


def feeds(output: Path) -> list[Path]:
    """Every feed of a site."""
    names = ("feed.xml", "atom.xml", "feed.json", "editions.xml")
    found = [path for path in sorted(output.rglob("*")) if path.name in names and path.parent.name != "media"]
    assert len(found) > 8
    return found


def parse(file: Path) -> Any:
    """What feedparser reads, unchanged by its own cleaning."""
    parsed = feedparser.parse(file.read_bytes(), sanitize_html=False, resolve_relative_uris=False)
    assert not parsed.bozo, (file, parsed.bozo_exception)
    return parsed


def title_of(file: Path) -> str:
    return str(json.loads(file.read_text("utf-8"))["title"] if file.suffix == ".json" else parse(file).feed.title)


def bodies(file: Path) -> list[str]:
    """The HTML of each item of a feed."""
    if file.suffix == ".json":
        return [item["content_html"] for item in json.loads(file.read_text("utf-8"))["items"]]
    return [entry.content[0].value if "content" in entry else entry.summary for entry in parse(file).entries]


def test_every_output_parses(site: Path) -> None:
    """Every page is valid HTML and every feed and list well formed, and none holds a character that it may not."""
    forbidden = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
    for path in sorted(site.rglob("*")):
        if path.suffix not in (".html", ".xml", ".json", ".opml", ".txt") or "assets" in path.parts:
            continue
        assert not forbidden.search(path.read_text("utf-8")), path
        if path.suffix == ".html":
            page = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(path.read_bytes())
            assert not [each for each in page.iter() if any(name.startswith("on") for name in each.attrib)], path
            assert "alert(1)" not in "".join(script.text or "" for script in page.iter("script") if not script.get("type")), path
        elif path.suffix == ".json":
            json.loads(path.read_text("utf-8"))
        elif path.suffix != ".txt":
            ElementTree.fromstring(path.read_bytes())


def test_odd_text_arrives_as_it_was_written(site: Path) -> None:
    """Title, summary, author, source and site reach the reader of any format letter by letter."""
    for name in ("feed.xml", "atom.xml"):
        parsed = parse(site / name)
        entry = parsed.entries[0]
        assert (parsed.feed.title.removesuffix(" (Atom)"), parsed.feed.rights) == (ODD, ODD)
        assert (entry.title, entry.author, entry.source.title) == (ODD, ODD, ODD)
        assert {link.rel: link.href for link in entry.links if link.rel in ("via", "related")} == {
            "via": "https://s.example/a?b=1&c=%C3%A9",
            "related": "https://v.example/?a&b",
        }
    document = json.loads((site / "feed.json").read_text("utf-8"))
    item = document["items"][0]
    assert (document["title"], document["description"]) == (f"{ODD} (JSON Feed)", ODD)
    assert (item["title"], item["authors"], item["summary"]) == (ODD, [{"name": ODD}], ODD)
    data = json.loads((site / "tickers/tsla/index.json").read_text("utf-8"))
    newest = data["newest"][0]
    assert (newest["title"], newest["summary"], newest["source"]["name"]) == (ODD, ODD, ODD)
    assert data["name"] == data["description"] == " ".join(ODD.split())  # the registry keeps names on one line
    page = html5lib.parse((site / "2024/05/17/odd/index.html").read_bytes(), namespaceHTMLElements=False)
    assert page.findtext(".//h1") == ODD


def test_control_characters_are_dropped_with_a_warning(tmp_path: Path) -> None:
    """What no reader may be sent is dropped, and the author told in which file and line it stood."""
    report = make(write(tmp_path, {"content/control.md": CONTENT["content/control.md"]}))
    assert [(problem.path, problem.line) for problem in report.warnings] == [
        ("content/control.md", 2), ("content/control.md", 4), ("content/control.md", 6),
    ]  # fmt: skip
    assert all("control character" in problem.message for problem in report.warnings)
    entry = parse(tmp_path / "output/feed.xml").entries[0]
    assert (entry.title, entry.summary) == ("Bell , tab", "ab")
    assert "<p>Body text</p>" in entry.content[0].value


def test_long_and_empty_bodies(site: Path) -> None:
    """A body of 200 KB arrives whole, and an article without a body is an item all the same."""
    for name in ("feed.xml", "atom.xml"):
        items = {entry.title: entry for entry in parse(site / name).entries}
        assert items["Long"].content[0].value.count("<code>x</code>") == 7500
        assert "Empty" in items
    items = {item["title"]: item["content_html"] for item in json.loads((site / "feed.json").read_text("utf-8"))["items"]}
    assert items["Long"].count("<code>x</code>") == 7500
    assert "Empty" in items


def test_dates_are_in_the_sites_zone(site: Path) -> None:
    """A date before 1970, one with a negative offset, and those around changes of the clocks keep their instants."""
    items = {item["title"]: item["date_published"] for item in json.loads((site / "feed.json").read_text("utf-8"))["items"]}
    assert {title: items[title] for title in DATES} == DATES
    atom = {entry.title: entry.published for entry in parse(site / "atom.xml").entries}
    assert {title: atom[title] for title in DATES} == DATES
    rss = {entry.title: entry.published for entry in parse(site / "feed.xml").entries}
    assert (rss["Moon"], rss["After"]) == ("Sun, 20 Jul 1969 20:17:40 -0400", "Sun, 05 Nov 2023 02:01:00 -0500")


def test_every_address_in_a_body_is_absolute(site: Path, demonstration: Path) -> None:
    """From inside a reader every link and picture of every feed leads somewhere, one that leads nowhere on the site too."""
    for path in feeds(site) + feeds(demonstration):
        for body in bodies(path):
            for address in re.findall(r'(?:href|src)="([^"]*)"', body):
                assert re.match("https?://[^/]|mailto:|tel:", address), (path, address)
    odd = bodies(site / "feed.xml")[0]
    assert f'<a href="{BASE}2024/05/17/odd/gone.txt">nowhere</a> and <a href="{BASE}2024/05/17/odd/">nothing</a>' in odd


def test_no_scheme_is_smuggled_in(tmp_path: Path) -> None:
    """An address that is only a scheme once it is decoded becomes none, where broken links are tolerated."""
    body = "[a](javascript%3Aalert(1)) ![b](data%3Atext/html,x) [c](%2F%2Fevil.example/x) [d](JavaScript&#58;alert(1))"
    settings = f'base_url = "{BASE}"\nbroken_links = "warning"\n'
    make(write(tmp_path, {"digest.toml": settings, "content/a.md": article(body=body)}))
    pages = [(tmp_path / "output/2024/05/17/a/index.html").read_text("utf-8")]
    for text in pages + [body for name in ("feed.xml", "atom.xml", "feed.json") for body in bodies(tmp_path / "output" / name)]:
        assert not re.findall(r'(?:href|src)="(?!https://example\.org/|/news/|#)[^"]*"', text)


@pytest.mark.parametrize("name", ["site", "demonstration"])
def test_a_feed_has_one_title_everywhere(name: str, request: pytest.FixtureRequest) -> None:
    """The title that a feed bears is the one under which pages announce it, and `/feeds/` and the OPML file list it."""
    output: Path = request.getfixturevalue(name)
    base = "/news/" if name == "site" else "/digest/"
    titles = {base + path.relative_to(output).as_posix(): title_of(path) for path in feeds(output)}

    def agree(links: Any, attribute: str) -> int:
        found = {unquote(link.get("href")): link.get("title") if attribute else link.text for link in links}
        known = found.keys() & titles.keys()
        assert {url: found[url] for url in known} == {url: titles[url] for url in known}
        return len(known)

    page = html5lib.parse((output / "feeds/index.html").read_bytes(), namespaceHTMLElements=False)
    assert agree(page.iterfind(".//main//li/a"), "") == len(titles)
    for path in sorted(output.rglob("index.html")):
        page = html5lib.parse(path.read_bytes(), namespaceHTMLElements=False)
        if not page.findall(".//meta[@http-equiv='refresh']"):
            assert agree(page.iterfind(".//link[@rel='alternate']"), "title") >= 4, path
    listed = ElementTree.parse(output / "feeds.opml").findall(".//outline[@xmlUrl]")
    found = {unquote(urlsplit(outline.get("xmlUrl")).path): (outline.get("title"), outline.get("text")) for outline in listed}
    assert found == {url: (title, title) for url, title in titles.items() if url.endswith(("/feed.xml", "/editions.xml"))}


def test_groups_have_the_formats_that_were_asked_for(tmp_path: Path) -> None:
    """Pages, lists and data name the feeds that there are, and no RSS where only Atom was asked for."""
    settings = f'title = "T"\nbase_url = "{BASE}"\n[feeds]\ngroup_formats = ["atom"]\n'
    make(write(tmp_path, {"digest.toml": settings, "content/a.md": article(body="TSLA", tickers="TSLA")}))
    output = tmp_path / "output"
    assert (output / "tickers/tsla/atom.xml").is_file() and not (output / "tickers/tsla/feed.xml").exists()
    for path in ("tickers/tsla/index.html", "tickers/index.json", "tickers/tsla/index.json", "feeds/index.html", "feeds.opml"):
        text = (output / path).read_text("utf-8")
        assert "tickers/tsla/feed.xml" not in text and "tickers/tsla/atom.xml" in text, path


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"correction": "{date: 2024-05-19, text: Six.}"}, "2024-05-19T00:00:00-04:00"),
        ({"correction": "[{date: 2024-05-20, text: A.}, {date: 2024-05-18, text: B.}]"}, "2024-05-20T00:00:00-04:00"),
        ({"correction": "{date: 2024-05-19, text: Six.}", "updated": "2024-05-19 09:00"}, "2024-05-19T09:00:00-04:00"),
        ({"correction": "{date: 2024-05-17, text: Six.}"}, None),
        ({"correction": "Six."}, None),
    ],
)
def test_a_correction_is_a_change(tmp_path: Path, fields: dict[str, str], expected: str | None) -> None:
    """Readers that ask for what has changed are told of a correction on a later day, also where `updated` was forgotten."""
    make(write(tmp_path, {"content/a.md": article(date="2024-05-17 11:41", **fields)}))
    [item] = json.loads(page(tmp_path, "feed.json"))["items"]
    assert item.get("date_modified") == expected


def test_a_withdrawn_article_leaves_its_feeds(tmp_path: Path) -> None:
    """An article that expired keeps its page and leaves every feed; one that is deleted leaves all."""
    kept, gone = article("Kept", body="TSLA", tickers="TSLA"), article("Gone", body="TSLA", tickers="TSLA")
    expired = article("Expired", body="TSLA", tickers="TSLA", expires="2024-05-20")
    write(tmp_path, {"content/kept.md": kept, "content/expired.md": expired, "content/gone.md": gone})
    build(options(tmp_path, as_of=1_716_000_000))
    assert {entry.title for entry in parse(tmp_path / "output/tickers/tsla/feed.xml").entries} == {"Kept", "Expired", "Gone"}
    (tmp_path / "content/gone.md").unlink()
    make(tmp_path)
    for name in ("feed.xml", "atom.xml", "tickers/tsla/feed.xml"):
        assert [entry.title for entry in parse(tmp_path / "output" / name).entries] == ["Kept"]
    assert (tmp_path / "output/2024/05/17/expired/index.html").is_file()
    assert not (tmp_path / "output/2024/05/17/gone").exists()
