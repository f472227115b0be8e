"""What pages say to search engines, on really built sites: JSON-LD held to a schema, addresses held to the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import html5lib
import jsonschema
import pytest
from sites import article, make, write

ROOT = Path(__file__).parents[1]
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parent / "data/structured-data.schema.json").read_text("utf-8"))
)
BASE = "https://example.org/news/"
DEMONSTRATION = "https://example.org/digest/"

FILES: dict[str, str | bytes] = {
    "digest.toml": 'title = "Test & digest"\nbase_url = "https://example.org/news/"\ntimezone = "America/New_York"\n'
    'author = "The desk"\nimage = "card.png"\ndescription = "News"\n',
    "content/card.png": b"\x89PNG",
    "content/chart.png": b"\x89PNG",
    "content/tickers.yaml": "TSLA: {name: 'Tesla, Inc.', exchange: NASDAQ}\nLON:VOD: {name: Vodafone, exchange: LON}\n",
    "content/full.md": article(
        "Cars & carts",
        "2024-05-17T11:41",
        "On TSLA, LON:VOD and ^GSPC. <!-- more --> And more.",
        tickers="[TSLA, LON:VOD, ^GSPC]",
        tags="[evs]",
        authors="[Ada, Ben]",
        updated="2024-05-18T09:00",
        image="{path: chart.png, alt: A chart}",
        source="{name: Wire, url: 'https://wire.example/a?b=1&c=2', author: R. Porter, published: 2024-05-16T20:00+00:00}",
    ),
    "content/bare.md": article("Bare", "2024-05-17", ""),
    "content/named.md": article("Named", "2024-01-02", source="Wire", tags="[evs]"),
    "content/reprint.md": article("Reprint", "2024-05-16", reprint="full", source="{name: Wire, url: 'https://wire.example/r'}"),
    "content/editions/2024-05-17.md": "---\ntitle: A busy day\n---\nThe editor's note.\n",
    "content/pages/about.md": "---\ntitle: About\n---\nWho we are.\n",
}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small site that has every kind of page."""
    folder = write(tmp_path_factory.mktemp("site"), FILES)
    make(folder)
    return folder / "output"


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's own site."""
    folder = tmp_path_factory.mktemp("demonstration")
    make(ROOT, output=folder / "output", cache=folder / "cache.db")
    return folder / "output"


def parse(file: Path) -> Any:
    return html5lib.parse(file.read_bytes(), namespaceHTMLElements=False)


def attributes(page: Any, path: str, name: str) -> list[str]:
    return [element.get(name) for element in page.iterfind(path)]


def structured(page: Any) -> dict[str, Any]:
    """A page's nodes by their type, once they hold to the schema."""
    [script] = page.iterfind(".//script[@type='application/ld+json']")
    document = json.loads(script.text)
    SCHEMA.validate(document)
    nodes = document["@graph"]
    assert len({node["@type"] for node in nodes}) == len(nodes)
    return {node["@type"]: node for node in nodes}


def card(page: Any) -> dict[str, str]:
    """What a page's `meta` elements say, by property or name."""
    return {element.get("property") or element.get("name"): element.get("content") for element in page.iterfind(".//meta")}


def described(output: Path) -> list[Path]:
    """Every page that has an address of its own: neither the page for errors nor a redirection."""
    found = [path for path in output.rglob("*.html") if path.name != "404.html" and b"http-equiv" not in path.read_bytes()]
    assert found
    return found


def file_of(output: Path, url: str, base: str = BASE) -> Path:
    assert url.startswith(base), url
    path = output / url.removeprefix(base)
    return path / "index.html" if url.endswith("/") else path


def test_every_page_says_what_it_is(output: Path) -> None:
    """The structured data of every page hold to the schema, and its trail leads through pages that exist to itself."""
    for path in described(output):
        page = parse(path)
        steps = structured(page)["BreadcrumbList"]["itemListElement"]
        assert [step["position"] for step in steps] == list(range(1, len(steps) + 1))
        assert steps[0]["item"] == BASE and [steps[-1]["item"]] == attributes(page, ".//link[@rel='canonical']", "href")
        assert all(file_of(output, step["item"]).is_file() for step in steps)
        assert file_of(output, steps[-1]["item"]) == path


def test_the_demonstration_site_says_what_it_is(demonstration: Path) -> None:
    """The structured data of every page of the demonstration site hold to the schema."""
    for path in described(demonstration):
        structured(parse(path))


def test_no_link_of_the_demonstration_site_is_dead(demonstration: Path) -> None:
    """Whatever a page links to within the site is there, also what its trail leads through and the place within a page."""
    pages, named = {path: parse(path) for path in demonstration.rglob("*.html")}, described(demonstration)
    seen = 0
    for path, page in pages.items():
        here = DEMONSTRATION + path.relative_to(demonstration).as_posix().removesuffix("index.html")
        found = {link for element in page.iter() for link in (element.get("href"), element.get("src")) if link is not None}
        if path in named:
            found |= {step["item"] for step in structured(page)["BreadcrumbList"]["itemListElement"]}
        for link in found:
            url, fragment = urldefrag(urljoin(here, link))
            if url.startswith(DEMONSTRATION):
                file = file_of(demonstration, url, DEMONSTRATION)
                assert file.is_file(), (here, link)
                assert not fragment or any(element.get("id") == unquote(fragment) for element in pages[file].iter()), (here, link)
                seen += 1
    assert seen > 1000


def test_an_expired_article_leads_to_what_is_there(tmp_path: Path) -> None:
    """An edition, a tag and a source that only an expired article has, have no page: it names them without a link."""
    fields = {"source": "Wire", "tags": "[evs, ai]", "tickers": "[TSLA]"}
    old = article("Old", "2024-05-16", expires="2024-05-18", **fields)
    folder = write(tmp_path, {"content/old.md": old, "content/new.md": article("New", "2024-05-18", tags="[ai]")})
    make(folder)
    text = (folder / "output/2024/05/16/old/index.html").read_text("utf-8")
    page = parse(folder / "output/2024/05/16/old/index.html")
    assert [step["name"] for step in structured(page)["BreadcrumbList"]["itemListElement"]] == ["Test digest", "Old"]
    assert all(file_of(folder / "output", url, "/news/").exists() for url in attributes(page, ".//body//a[@href]", "href")[1:])
    assert "/tags/ai/" in text and "evs" in text and "Wire" in text
    write(folder, {"content/new.md": article("New", "2024-05-16", tags="[evs]", source="wire")})
    make(folder)
    text = (folder / "output/2024/05/16/old/index.html").read_text("utf-8")
    assert [f'href="/news/{path}/"' in text for path in ("tags/evs", "tags/ai", "sources/wire", "2024/05/16")] == [1, 0, 1, 1]


def test_the_schema_can_fail(output: Path) -> None:
    """The schema refuses a date without an offset, a symbol without its exchange, and a property that it does not know."""
    node = structured(parse(output / "2024/05/17/full/index.html"))["NewsArticle"]
    trail = structured(parse(output / "index.html"))["BreadcrumbList"]
    for change in (
        {"datePublished": "2024-05-17T11:41:00"},
        {"about": [{"@type": "Corporation", "name": "Tesla", "tickerSymbol": "TSLA"}]},
        {"autor": "Ada"},
        {"author": []},
    ):
        with pytest.raises(jsonschema.ValidationError):
            SCHEMA.validate({"@context": "https://schema.org", "@graph": [node | change, trail]})


def test_an_article_is_a_news_article(output: Path) -> None:
    """Headline, dates, people, publisher, picture, companies and source of an article come through whole."""
    publisher = {"@type": "Organization", "name": "Test & digest", "url": BASE}
    assert structured(parse(output / "2024/05/17/full/index.html"))["NewsArticle"] == {
        "@type": "NewsArticle",
        "headline": "Cars & carts",
        "description": "On TSLA, LON:VOD and ^GSPC.",
        "url": f"{BASE}2024/05/17/full/",
        "image": f"{BASE}media/chart.png",
        "datePublished": "2024-05-17T11:41:00-04:00",
        "dateModified": "2024-05-18T09:00:00-04:00",
        "inLanguage": "en",
        "author": [{"@type": "Person", "name": "Ada"}, {"@type": "Person", "name": "Ben"}],
        "publisher": publisher,
        "about": [
            {"@type": "Corporation", "name": "Tesla, Inc.", "tickerSymbol": "XNAS TSLA"},
            {"@type": "Corporation", "name": "Vodafone", "tickerSymbol": "XLON VOD"},
            {"@type": "Thing", "name": "^GSPC"},
        ],
        "keywords": ["evs"],
        "isBasedOn": "https://wire.example/a?b=1&c=2",
        "citation": {
            "@type": "CreativeWork",
            "url": "https://wire.example/a?b=1&c=2",
            "datePublished": "2024-05-16T16:00:00-04:00",
            "author": [{"@type": "Person", "name": "R. Porter"}],
            "publisher": {"@type": "Organization", "name": "Wire"},
        },
    }
    bare = structured(parse(output / "2024/05/17/bare/index.html"))["NewsArticle"]
    assert bare["image"] == f"{BASE}media/card.png"
    assert bare["datePublished"] == bare["dateModified"] == "2024-05-17T00:00:00-04:00"
    assert bare["author"] == [publisher]  # for the desk is no person
    assert not {"about", "isBasedOn", "citation", "keywords", "description"} & bare.keys()


def test_a_source_without_an_address_is_cited_by_name(output: Path) -> None:
    """A source of which only the name is known is cited, but nothing is claimed to be based on an address."""
    node = structured(parse(output / "2024/01/02/named/index.html"))["NewsArticle"]
    assert node["citation"] == {"@type": "CreativeWork", "publisher": {"@type": "Organization", "name": "Wire"}}
    assert "isBasedOn" not in node


def test_a_full_reprint_is_its_sources(tmp_path: Path) -> None:
    """A full reprint that names no author of its own is by its source's author, or by the source, and not by the site's."""
    source = "{name: Wire, url: 'https://wire.example/r'}"
    files = {
        "digest.toml": FILES["digest.toml"],
        "content/card.png": b"\x89PNG",
        "content/a.md": article(source=source, reprint="full"),
        "content/b.md": article(source=source.replace("}", ", author: R. Porter}"), reprint="full"),
        "content/c.md": article(source=source, reprint="full", authors="Ada"),
    }
    make(write(tmp_path, files))
    pages = {name: tmp_path / f"output/2024/05/17/{name}/index.html" for name in "abc"}
    assert {name: structured(parse(path))["NewsArticle"]["author"] for name, path in pages.items()} == {
        "a": [{"@type": "Organization", "name": "Wire"}],
        "b": [{"@type": "Person", "name": "R. Porter"}],
        "c": [{"@type": "Person", "name": "Ada"}],
    }
    assert ["By " in path.read_text("utf-8") for path in pages.values()] == [False, False, True]
    items = json.loads((tmp_path / "output/feed.json").read_text("utf-8"))["items"]
    assert [item.get("authors") for item in items] == [None, None, [{"name": "Ada"}]]


def test_an_article_without_any_author_is_its_publishers(tmp_path: Path) -> None:
    """Where neither the article nor the site names an author, the publisher is the author."""
    make(write(tmp_path, {"content/a.md": article()}))
    node = structured(parse(tmp_path / "output/2024/05/17/a/index.html"))["NewsArticle"]
    assert node["author"] == [node["publisher"]] == [{"@type": "Organization", "name": "Test digest", "url": BASE}]


def test_editions_and_groups_are_collections(output: Path) -> None:
    """An edition is a collection of its day's articles; a ticker's page one about its company."""
    edition = structured(parse(output / "2024/05/17/index.html"))["CollectionPage"]
    assert edition["name"] == "A busy day, 17 May 2024"
    assert edition["datePublished"] == "2024-05-17"
    assert [part["url"] for part in edition["hasPart"]] == [f"{BASE}2024/05/17/full/", f"{BASE}2024/05/17/bare/"]
    ticker = structured(parse(output / "tickers/tsla/index.html"))["CollectionPage"]
    assert ticker["about"] == {"@type": "Corporation", "name": "Tesla, Inc.", "tickerSymbol": "XNAS TSLA"}
    assert "about" not in structured(parse(output / "tags/evs/index.html"))["CollectionPage"]


def test_social_cards(output: Path) -> None:
    """Every page has the title, type, address and picture that a social card is made of, the picture's with its text."""
    for path in described(output):
        page = parse(path)
        tags = card(page)
        assert tags["og:title"] and tags["og:site_name"] == "Test & digest"
        assert tags["og:type"] == ("article" if "NewsArticle" in structured(page) else "website")
        assert [tags["og:url"]] == attributes(page, ".//link[@rel='canonical']", "href")
        assert tags["twitter:card"] == "summary_large_image"
        assert file_of(output, tags["og:image"]).is_file()
    tags = card(parse(output / "2024/05/17/full/index.html"))
    assert tags["og:description"] == "On TSLA, LON:VOD and ^GSPC."
    assert tags["og:image:alt"] == "A chart"
    assert tags["article:published_time"] == "2024-05-17T11:41:00-04:00"
    assert tags["article:modified_time"] == "2024-05-18T09:00:00-04:00"


def test_only_full_reprints_stay_out_of_search(output: Path) -> None:
    """A full reprint asks not to be indexed and stands in no sitemap, and no other page does."""
    closed = {path for path in described(output) if attributes(parse(path), ".//meta[@name='robots']", "content") == ["noindex"]}
    assert closed == {output / "2024/05/16/reprint/index.html"}
    listed = "".join(path.read_text("utf-8") for path in output.glob("*sitemap*.xml"))
    assert f"{BASE}2024/05/17/full/" in listed and f"{BASE}2024/05/16/reprint/" not in listed


def test_every_page_announces_distinct_feeds(output: Path) -> None:
    """Every page links to the site's feeds under distinct titles; a group's page to its own before them."""
    for path in described(output):
        links = list(parse(path).iterfind(".//link[@rel='alternate']"))
        feeds = [link for link in links if link.get("type") != "application/json"]
        titles = [link.get("title") for link in feeds]
        assert len(set(titles)) == len(titles) >= 4
        assert all(file_of(output, "https://example.org" + link.get("href")).is_file() for link in links)
        own = path.relative_to(output).parts
        if own[0] in ("tickers", "tags", "sources") and len(own) > 2:
            assert feeds[0].get("href") == f"/news/{own[0]}/{own[1]}/feed.xml"
