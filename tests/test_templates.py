"""Templates: what they render, what they depend on, and what they say when they are wrong."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import html5lib
import msgspec
import pytest

from digest import filters, templates, views
from digest.errors import ContentError
from digest.fingerprint import Keyed, digest, fingerprint
from digest.templates import Templates
from digest.views import Count, Feed, Image, Link

THEME = Path(__file__).parents[1] / "templates"
HOSTILE = "</script><b onload=x>\"'&amp; \u2028 {{ 7*7 }} \U0001f41f \u05e9\u05dc\u05d5\u05dd"
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


def made(kind: type[Any], **values: Any) -> Any:
    """One of the views that carry a key, from its fields by name."""
    return kind(fingerprint(values), *(values[name] for name in kind.__annotations__))


def site(text: str = "The Ledger", base: str = "/", **changes: Any) -> views.Site:
    feeds = (Feed(f"{text} (RSS)", f"{base}feed.xml"), Feed(f"{text} (Atom)", f"{base}atom.xml", "application/atom+xml"))
    values: dict[str, Any] = {
        **dict.fromkeys(("author", "copyright", "description", "disclaimer", "notice", "title"), text),
        **{"base": base, "feeds": feeds, "hub": "", "image": "", "language": "en", "params": {}, "ttl": 60},
        "menu": (Link(text, f"{base}about/"),),
        "origin": "https://ledger.example",
        "sections": (Link("Tickers", f"{base}tickers/"), Link("Archive", f"{base}archive/")),
    }
    return made(views.Site, **values | changes)


def card(text: str = "A title", base: str = "/", **changes: Any) -> views.Card:
    values: dict[str, Any] = {
        "authors": (text,),
        "corrected": True,
        "date": "2024-05-17T11:41:00-04:00",
        "day": "2024-05-17",
        "edition_url": f"{base}2024/05/17/",
        "image": Image(f"{base}media/a.png", text, "image/png", 1),
        "reprint": "excerpt",
        "source": views.Source(text, "https://source.example/a", f"{base}sources/a/", text, "2024-05-16T00:00:00+00:00"),
        "status": "",
        "summary": text,
        "tags": (Link(text, f"{base}tags/a/"),),
        "tickers": (views.Ticker("TSLA", text, "NASDAQ", f"{base}tickers/tsla/"),),
        "title": text,
        "updated": "2024-05-18T09:00:00-04:00",
        "url": f"{base}2024/05/17/a/",
    }
    return made(views.Card, **values | changes)


def content(text: str = "words", **changes: Any) -> views.Content:
    values: dict[str, Any] = {
        "body": b"body",
        "corrections": (views.Correction("2024-05-18", text),),
        "disclosure": text,
        "extra": {},
        "guid": "https://ledger.example/2024/05/17/a/",
        "links": (),
        "via": Link(text, "https://via.example/"),
    }
    return made(views.Content, **values | changes)


def pages(text: str = "A title", base: str = "/") -> dict[str, msgspec.Struct]:
    """A view for every template of the theme; every text in it is `text`."""
    home, one = site(text, base), card(text, base)
    plain = card(text, base, source=None, image=None, tickers=(), tags=(), updated="", summary="", authors=())
    day = views.Edition("2024-05-17", f"{base}2024/05/17/", text, (one, plain))
    note = made(views.Note, body=b"body", links=(), summary=text, title=text, updated="2024-05-17T00:00:00Z")
    months = (Count("2024-05", f"{base}2024/05/", 1), Count("2024-04", f"{base}2024/04/", 1204))
    year = views.Year("2024", f"{base}2024/", 1205, months)
    feed = f"{base}tickers/tsla/feed.xml"
    atom = Feed(f"{text}: Tesla (Atom)", f"{base}tickers/tsla/atom.xml", "application/atom+xml")
    feeds = (Feed(f"{text}: Tesla", feed), atom)
    address = f"{base}tickers/tsla/"
    group = views.Group(text, text, "NASDAQ", text, address, aliases=(text,), tickers=one.tickers, feeds=feeds)
    names = ("A", "B", text, "0700", "^GSPC", "\u00c9")
    entries = tuple(
        views.GroupEntry(name, text, "NYSE", f"{base}tickers/x/", feed, 2, "2024-05-17") for name in (*names, *"C" * 40)
    )
    link = views.EditionLink("2024-05-16", f"{base}2024/05/16/", text)
    return {
        "404.html": views.NotFoundPage(home),
        "archive.html": views.ArchivePage(home, f"{base}archive/", (year,)),
        "article.html": views.ArticlePage(home, one, content(text), one, one),
        "edition.html": views.EditionPage(home, day, note, link, link),
        "feeds.html": views.FeedsPage(home, f"{base}feeds/", f"{base}feeds.opml", ((text, home.feeds),)),
        "group.html": views.GroupPage(
            home, "tickers", f"{base}tickers/", group, 1205, (one, plain), months, f"{base}tickers/tsla/index.json"
        ),
        "group_month.html": views.GroupMonthPage(
            home, "tickers", f"{base}tickers/", group, "2024-05", f"{base}tickers/tsla/2024-05/", (one,)
        ),
        "groups.html": views.GroupListPage(home, "tickers", f"{base}tickers/", entries, f"{base}tickers/index.json"),
        "home.html": views.HomePage(home, base, (day, day)),
        "month.html": views.MonthPage(home, "2024-05", f"{base}2024/05/", (day,)),
        "page.html": views.StandingPage(home, f"{base}about/", note),
        "redirect.html": views.RedirectPage(home, text, f"{base}2024/05/17/a/"),
        "year.html": views.YearPage(home, year),
    }


NAMES = sorted(pages())


class Outline(HTMLParser):
    """What a page consists of; its errors are unbalanced tags, repeated ids and repeated attributes."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.errors: list[str] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(page.decode())
        self.close()
        self.errors += [f"<{tag}> is never closed" for tag in self.open]
        ids = [values["id"] for _, values in self.tags if "id" in values]
        self.errors += [f"id {name} twice" for name in set(ids) if ids.count(name) > 1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.errors.append(f"an attribute twice in {self.get_starttag_text()}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.errors.append(f"</{tag}> closes nothing at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        else:
            self.text += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [have for name, have in self.tags if name == tag and wanted.items() <= have.items()]

    def graph(self) -> dict[str, Any]:
        return {node["@type"]: node for node in json.loads(self.scripts[0])["@graph"]}


def rendered(name: str, view: msgspec.Struct, body: str = "<p>The body.</p>") -> Outline:
    return Outline(Templates(THEME, THEME).render(name, view, lambda _: body))


def folder(path: Path, **files: str) -> Path:
    """A folder with these templates: `folder(path, base="...")` writes base.html."""
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / f"{name}.html").write_text(text, "utf-8")
    return path


class Page(msgspec.Struct, frozen=True):
    value: Any = None


def complaint(site_folder: Path, name: str = "page.html", view: msgspec.Struct | None = None, theme: Path = THEME) -> str:
    """What is said about a template that cannot be rendered."""
    with pytest.raises(ContentError) as caught:
        Templates(site_folder, theme).render(name, view or Page(), lambda _: "")
    return str(caught.value)


# The theme


@pytest.mark.parametrize("name", NAMES)
def test_pages_are_well_formed(name: str) -> None:
    """Every template gives balanced HTML with one h1, headings in order, a title, a language and a main landmark."""
    page = rendered(name, pages()[name])
    assert page.errors == []
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip([0, *levels], levels, strict=False))
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("main")) == len(page.all("title")) == 1
    assert all("alt" in image for image in page.all("img"))


@pytest.mark.parametrize("name", NAMES)
def test_all_stands_in_landmarks(name: str) -> None:
    """Who goes through a page by its landmarks misses nothing: only the link that skips to one stands outside."""
    page = Templates(THEME, THEME).render(name, pages()[name], lambda _: "")
    body = html5lib.parse(page, namespaceHTMLElements=False).find("body")
    assert {child.tag for child in body if child.get("class") != "skip"} <= {"aside", "footer", "header", "main", "nav"}


@pytest.mark.parametrize("name", NAMES)
def test_hostile_text_stays_text(name: str) -> None:
    """Markup in any field of any view adds no element, no attribute and no script to a page, and is shown as it is."""
    page = rendered(name, pages(HOSTILE)[name])
    assert page.errors == []
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in rendered(name, pages("<plain")[name]).tags]
    assert not any(attribute.startswith("on") for _, values in page.tags for attribute in values)
    assert HOSTILE in page.text
    for script in page.scripts:
        assert HOSTILE in json.dumps(json.loads(script), ensure_ascii=False).replace('\\"', '"')


@pytest.mark.parametrize("name", NAMES)
def test_links_carry_the_base_path(name: str) -> None:
    """On a site below a path, every link and picture of every page stays below it."""
    page = rendered(name, pages(base="/news/")[name])
    addresses = [values[key] or "" for _, values in page.tags for key in ("href", "src") if key in values]
    own = [address for address in addresses if "source.example" not in address and "via.example" not in address]
    assert own
    assert all(re.match(r"(https://ledger\.example)?/news/|#", address) for address in own)


@pytest.mark.parametrize("name", NAMES)
def test_pages_ask_nobody_else(name: str) -> None:
    """No page loads anything from another host or needs inline style or script beside its structured data."""
    page = rendered(name, pages()[name])
    assert all((values.get("src") or "/").startswith("/") for _, values in page.tags)
    assert all((values["href"] or "").startswith("/") for values in page.all("link") if values["rel"] != "canonical")
    assert not page.all("style") and not any("style" in values for _, values in page.tags)
    assert all(values.get("type") == "application/ld+json" or "src" in values for values in page.all("script"))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("404.html", "redirect.html")])
def test_pages_describe_themselves(name: str) -> None:
    """A page has a canonical address, a description, Open Graph and Twitter tags, breadcrumbs and the site's feeds."""
    page = rendered(name, pages()[name])
    address = page.all("link", rel="canonical")[0]["href"]
    assert address and address.startswith("https://ledger.example/")
    assert page.all("meta", property="og:url")[0]["content"] == address
    assert page.all("meta", name="description")[0]["content"]
    assert page.all("meta", property="og:title") and page.all("meta", name="twitter:card")
    assert page.graph()["BreadcrumbList"]["itemListElement"][-1]["item"] == address
    assert {link["href"] for link in page.all("link", rel="alternate")} >= {"/feed.xml", "/atom.xml"}


@pytest.mark.parametrize("name", ["group.html", "group_month.html"])
def test_a_group_names_its_own_feed_first(name: str) -> None:
    """A ticker's page announces its own feeds before the site's, each under a title of its own, in all formats."""
    page = rendered(name, pages("Tesla")[name])
    links = [link for link in page.all("link", rel="alternate") if link["type"] != "application/json"]
    assert [link["href"] for link in links] == ["/tickers/tsla/feed.xml", "/tickers/tsla/atom.xml", "/feed.xml", "/atom.xml"]
    assert links[0]["title"] == "Tesla: Tesla"
    assert len({link["title"] for link in links}) == len(links)


def test_a_group_shows_its_feeds() -> None:
    """A ticker's page has a visible link to each of its feeds, named by its format."""
    page = rendered("group.html", pages("Tesla")["group.html"])
    assert page.all("a", href="/tickers/tsla/feed.xml", **{"aria-label": "RSS feed of Tesla"})
    assert page.all("a", href="/tickers/tsla/atom.xml", **{"aria-label": "Atom feed of Tesla"})


@pytest.mark.parametrize(("name", "data"), [("group.html", "/tickers/tsla/index.json"), ("groups.html", "/tickers/index.json")])
def test_tickers_announce_their_data(name: str, data: str) -> None:
    """A ticker's page and the list of tickers name the same as JSON, after every feed, where there is any."""
    view = pages()[name]
    assert rendered(name, view).all("link", rel="alternate")[-1] == {
        "rel": "alternate",
        "type": "application/json",
        "title": rendered(name, view).all("meta", property="og:title")[0]["content"] + " (data)",
        "href": data,
    }
    other = msgspec.structs.replace(view, data="")
    assert not rendered(name, other).all("link", type="application/json")


def test_feeds_are_a_step_away() -> None:
    """The menu leads to the page of feeds, also on a site that has nothing else to put there."""
    page = rendered("404.html", views.NotFoundPage(site(feeds=(), sections=(), menu=())))
    assert page.all("a", href="/feeds/")


def test_open_graph_types() -> None:
    """An article is an article to Open Graph, and every other page a website."""
    types = {name: rendered(name, view).all("meta", property="og:type") for name, view in pages().items()}
    assert {name for name, [*found] in types.items() if found and found[0]["content"] == "article"} == {"article.html"}
    assert {found[0]["content"] for found in types.values() if found} == {"article", "website"}


def test_a_drawing_is_no_social_card() -> None:
    """An article whose picture is an SVG, which social networks do not show, has the site's picture there, or none."""
    drawn = card(image=Image("/media/a.svg", "A drawing", "image/svg+xml", 1))
    for picture, addresses in (("/media/site.png", ["https://ledger.example/media/site.png"]), ("", [])):
        page = rendered("article.html", views.ArticlePage(site(image=picture), drawn, content(), None, None))
        assert [tag["content"] for tag in page.all("meta", property="og:image")] == addresses
        assert not page.all("meta", property="og:image:alt")
        assert page.all("img", src="/media/a.svg", alt="A drawing")


def test_an_article_says_who_was_first() -> None:
    """An article credits its source with name, author, date and a link, and names who pointed to it."""
    page = rendered("article.html", pages("Quiver")["article.html"])
    said = " ".join(page.text.split())
    assert "Originally published by Quiver (Quiver) on 16 May 2024. Read the original Found via Quiver." in said
    assert page.all("a", href="https://source.example/a", rel="external")


def test_structured_data_of_an_article() -> None:
    """An article's NewsArticle has its dates, people, source and companies, and no empty value."""
    view = msgspec.structs.replace(pages("Tesla, Inc.")["article.html"], site=site())
    node = rendered("article.html", view).graph()["NewsArticle"]
    assert node["datePublished"] == "2024-05-17T11:41:00-04:00"
    assert node["dateModified"] == "2024-05-18T09:00:00-04:00"
    assert node["author"] == [{"@type": "Person", "name": "Tesla, Inc."}]
    assert node["image"] == "https://ledger.example/media/a.png"
    assert node["isBasedOn"] == node["citation"]["url"] == "https://source.example/a"
    assert node["about"] == [{"@type": "Corporation", "name": "Tesla, Inc.", "tickerSymbol": "XNAS TSLA"}]
    bare = card(source=None, image=None, tickers=(), tags=(), summary="", authors=())
    less = rendered("article.html", views.ArticlePage(site(author=""), bare, content(), None, None)).graph()
    assert not {"citation", "isBasedOn", "about", "image", "description"} & less["NewsArticle"].keys()
    assert less["NewsArticle"]["author"] == [less["NewsArticle"]["publisher"]]


def test_what_no_exchange_lists_is_no_company() -> None:
    """An index is a Thing without a ticker symbol; a qualified symbol loses its prefix after the exchange's code."""
    tickers = (views.Ticker("^GSPC", "", "", "/x/"), views.Ticker("NASDAQ:ON", "Onsemi", "NASDAQ", "/y/"))
    index, company = filters.corporations(tickers)
    assert index == {"@type": "Thing", "name": "^GSPC"}
    assert company == {"@type": "Corporation", "name": "Onsemi", "tickerSymbol": "XNAS ON"}


@pytest.mark.parametrize("name", ["edition.html", "group.html"])
def test_structured_data_of_lists(name: str) -> None:
    """Editions and groups are CollectionPages; a ticker's is about its company, a tag's about nothing in particular."""
    view = pages()[name]
    node = rendered(name, view).graph()["CollectionPage"]
    assert node["url"].startswith("https://ledger.example/")
    if name == "group.html":
        assert node["about"] == {"@type": "Corporation", "name": "A title", "tickerSymbol": "XNAS A title"}
        assert "about" not in rendered(name, msgspec.structs.replace(view, kind="tags")).graph()["CollectionPage"]


def test_a_full_reprint_is_not_indexed() -> None:
    """A full reprint, a draft and a scheduled article ask search engines to stay away; others do not."""
    for changes, robots in (({"reprint": "full"}, 1), ({"status": "draft"}, 1), ({"status": "scheduled"}, 1), ({}, 0)):
        page = rendered("article.html", views.ArticlePage(site(), card(**changes), content(), None, None))
        assert len(page.all("meta", name="robots", content="noindex")) == robots


def test_an_article_says_when() -> None:
    """Its page names the zone of each time, and no time where only the day was given; its neighbours are told apart by days."""
    older, newer = card("Daily", date="2024-05-16T00:00:00-04:00"), card("Daily", date="2024-05-18T00:00:00-04:00")
    text = rendered("article.html", views.ArticlePage(site(), card(), content(), newer, older)).text
    assert "Friday, 17 May 2024, 11:41 UTC-4" in text and "Updated 18 May 2024, 09:00 UTC-4" in text
    assert "Older, 16 May 2024 Daily" in text and "Newer, 18 May 2024 Daily" in text
    day = card(updated="2024-05-18T00:00:00-04:00")
    assert "Updated 18 May 2024\n" in rendered("article.html", views.ArticlePage(site(), day, content(), None, None)).text


@pytest.mark.parametrize("time", ["00:00", "22:00"])
def test_an_edition_names_other_days(time: str) -> None:
    """On an edition's page the day of an article can only be left out where it is the edition's."""
    cards = tuple(card(date=f"{day}T{time}:00-04:00") for day in ("2024-05-17", "2024-05-16"))
    edition = views.Edition("2024-05-17", "/2024/05/17/", "", cards)
    page = rendered("edition.html", views.EditionPage(site(), edition, None, None, None))
    assert len([tag for tag, values in page.tags if values.get("class") == "day"]) == 1
    assert page.text.count("16 May 2024") == 1


def test_corrections_stand_before_the_body() -> None:
    """A correction, and that an article has expired, is told before its text."""
    view = views.ArticlePage(site(), card(status="expired"), content("It was Shanghai."), None, None)
    text = rendered("article.html", view).text
    assert text.index("has expired") < text.index("It was Shanghai.") < text.index("The body.")
    assert "Correction, 18 May 2024." in text


def test_a_body_is_clean_html_with_its_links_filled_in() -> None:
    """A body stands in its page as it is, its symbolic links leading where the view says."""
    view = views.ArticlePage(site(), card(), content(links=("/tickers/on/", "")), None, None)
    page = rendered("article.html", view, "<p><b>\x020\x03ON\x02/0\x03</b> and \x021\x03OFF\x02/1\x03.</p>")
    assert page.all("a", href="/tickers/on/") and "ON and OFF." in page.text


def test_a_right_to_left_site() -> None:
    """A site in Hebrew says so and runs from right to left, also where it leads on from an old address."""
    for name, view in (("404.html", views.NotFoundPage), ("redirect.html", lambda home: views.RedirectPage(home, "", "/a/"))):
        assert rendered(name, view(site(language="he-IL"))).all("html", lang="he-IL", dir="rtl")


@pytest.mark.parametrize(
    ("languages", "direction"),
    [
        ("he-IL AR ckb pa-Arab az-arab-IR ku-Arab yi ur-PK", "rtl"),
        ("en arn ug-Latn he-Latn-IL fax pa fr-CA de-1996", "ltr"),
    ],
)
def test_where_a_language_runs(languages: str, direction: str) -> None:
    """A language runs where its script does, where a tag names one, and is known by its whole name."""
    assert {filters.direction(language) for language in languages.split()} == {direction}


def test_a_redirect_leads_on() -> None:
    """A redirect refreshes at once to its target, names it canonical and links to it, as what has moved for good."""
    page = rendered("redirect.html", pages()["redirect.html"])
    assert page.all("meta", **{"http-equiv": "refresh", "content": "0; url=/2024/05/17/a/"})
    assert page.all("link", rel="canonical", href="https://ledger.example/2024/05/17/a/")
    assert page.all("a", href="/2024/05/17/a/") and not page.all("meta", name="robots")


def test_the_letters_lead_to_the_rows() -> None:
    """A long list has a letter for each group of rows, digits and symbols last."""
    page = rendered("groups.html", pages()["groups.html"])
    targets = [link["href"] for link in page.all("a") if (link["href"] or "").startswith("#") and link["href"] != "#main"]
    assert targets == [f"#{rows['id']}" for rows in page.all("tbody")] == ["#A", "#B", "#C", "#\u00c9", "#0-9"]


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_can_be_read() -> None:
    """In light and in dark, text has a contrast of at least 4.5 on every ground (WCAG 2.2, 1.4.3)."""
    sheet = (THEME / "assets/style.css").read_text("utf-8")
    schemes = [dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", sheet, re.S)]
    seen = 0
    for scheme in (scheme for scheme in schemes if scheme):
        for ground in ("paper", "shade"):
            for ink in ("ink", "soft", "link", "accent"):
                dark, light = sorted((luminance(scheme[ground]), luminance(scheme[ink])))
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (scheme, ground, ink)
                seen += 1
    assert seen == 16


def test_an_article_page_is_lean() -> None:
    """What surrounds an article of some paragraphs, without structured data, is at most 4 KB."""
    view = views.ArticlePage(site(), card(source=None, image=None), content(corrections=(), via=None), card(), card())
    page = Templates(THEME, THEME).render("article.html", view, lambda _: "")
    assert len(re.sub(rb"(?s)<script.*?</script>", b"", page)) <= 4096


# Filters


def test_dates_are_english_text() -> None:
    """Dates are written out in English from ISO 8601 text, with the offset it carries."""
    moment = "1969-07-20T20:17:40-04:00"
    assert filters.date(moment) == "20 July 1969"
    assert filters.long_date(moment) == "Sunday, 20 July 1969"
    assert filters.month_name("2024-05") == "May 2024"
    assert (filters.time(moment), filters.time("2024-05-17T00:00:00Z"), filters.time("2024-05-17")) == ("20:17", "", "")
    zones = ("-04:00", "+05:30", "-00:30", "+00:00", "Z", "+14:00")
    said = [filters.zone(f"2024-05-17T11:41:00{zone}") for zone in zones]
    assert said == ["UTC-4", "UTC+5:30", "UTC-0:30", "UTC", "UTC", "UTC+14"]


def test_counts_know_their_plural() -> None:
    """One is singular, all else plural, thousands are grouped."""
    assert filters.count(1, "article") == "1 article"
    assert filters.count(1204, "article") == "1,204 articles"
    assert filters.count(0, "company", "companies") == "0 companies"


# Lookup


def test_a_site_overrides_the_theme(tmp_path: Path) -> None:
    """A site's template comes before the theme's, also where the theme's own pages name it."""
    own = folder(tmp_path, card="{% macro card(c) %}<i>mine</i>{% endmacro %}{% macro headline(c) %}{% endmacro %}")
    page = Templates(own, THEME).render("home.html", pages()["home.html"], lambda _: "")
    assert page.count(b"<i>mine</i>") == 2


def test_a_site_extends_the_theme_by_name(tmp_path: Path) -> None:
    """`theme/base.html` is the theme's own copy, although the site has a base.html."""
    folder(tmp_path, base='{% extends "theme/base.html" %}{% block head %}<meta name="mine">{% endblock %}')
    page = Templates(tmp_path, THEME).render("404.html", pages()["404.html"], lambda _: "")
    assert Outline(page).all("meta", name="mine") and b"Page not found" in page


def test_site_and_theme_may_be_one_folder() -> None:
    """With no folder of the site's, or with the theme as the site's, pages are the same."""
    view = pages()["home.html"]
    assert Templates(None, THEME).render("home.html", view, str) == Templates(THEME, THEME).render("home.html", view, str)


def test_the_names_of_all_templates(tmp_path: Path) -> None:
    """All templates of site and theme are listed once."""
    names = Templates(folder(tmp_path, base="", mine=""), THEME).names()
    assert {"mine.html", *NAMES} < set(names) and len(set(names)) == len(names) and list(names) == sorted(names)


# Closures


@pytest.mark.parametrize("name", NAMES)
def test_the_theme_has_closures(name: str) -> None:
    """Every template of the theme has a key of 16 bytes, the same for everybody who asks."""
    key = Templates(THEME, THEME).closure(name)
    assert len(key) == 16 and key == Templates(None, THEME).closure(name)


def test_a_closure_follows_what_it_uses(tmp_path: Path) -> None:
    """A template's key changes with all that it extends, includes or imports, however far, and with nothing else."""
    texts = {
        "page": '{% extends "base.html" %}{% block main %}{% include "part.html" %}{% endblock %}',
        "base": '{% from "macros.html" import m %}{{ m() }}{% block main %}{% endblock %}',
        "macros": '{% import "deep.html" as deep %}{% macro m() %}{{ deep }}{% endmacro %}',
        "part": "part",
        "deep": "deep",
        "other": "other",
    }
    before = Templates(folder(tmp_path, **texts), THEME).closure("page.html")
    for name, text in texts.items():
        folder(tmp_path, **texts | {name: text + " "})
        assert (Templates(tmp_path, THEME).closure("page.html") == before) == (name == "other"), name
        folder(tmp_path, **texts)
    assert Templates(tmp_path, THEME).closure("page.html") == before


def test_a_closure_sees_an_optional_template_appear(tmp_path: Path) -> None:
    """A template that may be missing is part of the key from the day it exists, first choices as well as fallbacks."""
    folder(tmp_path, page='{% include "extra.html" ignore missing %}{% include ["a.html", "b.html"] %}', b="b")
    keys = {Templates(tmp_path, THEME).closure("page.html")}
    for name in ("extra", "a"):
        folder(tmp_path, **{name: ""})
        keys.add(Templates(tmp_path, THEME).closure("page.html"))
    assert len(keys) == 3


def test_a_closure_names_all_that_is_wrong(tmp_path: Path) -> None:
    """Syntax errors, missing templates and computed names are told at once, each with its line."""
    folder(
        tmp_path,
        page='{% include "broken.html" %}\n{% include "brokn.html" %}\n\n{% include value %}\n{% include "x" ~ ".html" %}',
        broken="fine\n{% if %}",
    )
    with pytest.raises(ContentError) as caught:
        Templates(tmp_path, THEME).closure("page.html")
    computed = "the name of a template is computed at run time (write it as plain text, and choose with {% if %})"
    assert str(caught.value).splitlines() == [
        "templates/broken.html:2: error: Expected an expression, got 'end of statement block'",
        "templates/page.html:2: error: no template 'brokn.html' (did you mean 'broken.html'?)",
        f"templates/page.html:4: error: {computed}",
        f"templates/page.html:5: error: {computed}",
    ]


def test_a_missing_template(tmp_path: Path) -> None:
    """A page's template that does not exist is an error that names the nearest."""
    with pytest.raises(ContentError, match=r"^templates/artcle\.html: error: no template 'artcle\.html' .*'article\.html'"):
        Templates(tmp_path, THEME).closure("artcle.html")


def test_a_template_outside_is_out_of_reach(tmp_path: Path) -> None:
    """A name with `..` finds nothing."""
    (tmp_path / "secret.html").write_text("secret")
    said = complaint(folder(tmp_path / "in", page='{% include "../secret.html" %}'))
    assert "templates/page.html:1: error: no template '../secret.html'" in said


@pytest.mark.parametrize(("name", "hint"), [("assets/logo.svg", "beside them"), (".part.html", "")])
def test_what_is_not_watched_is_no_template(tmp_path: Path, name: str, hint: str) -> None:
    """What is published as it is, or left by an editor, may change without a page being rendered: it is out of reach."""
    own = folder(tmp_path / "in", page=f'{{% include "{name}" %}}')
    (own / "assets").mkdir()
    (own / name).write_text("text")
    said = complaint(own)
    assert f"templates/page.html:1: error: no template '{name}'" in said
    assert hint in said


def test_a_template_that_is_not_utf8(tmp_path: Path) -> None:
    """A template in another encoding is an error at the line of its first bad byte."""
    (tmp_path / "page.html").write_bytes(b"one\n\xff")
    assert complaint(tmp_path) == "templates/page.html:2: error: not UTF-8 (save the file as UTF-8)"


# Errors while rendering


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n{{ valeu }}", "2: error: 'valeu' is undefined (did you mean 'value'?)"),
        ("{{ value.titel }}", "1: error: Card has no field 'titel' (did you mean 'title'?)"),
        ("{{ value.tickers[0].symbl }}", "1: error: Ticker has no field 'symbl' (did you mean 'symbol'?)"),
        ("{{ value | datee }}", "1: error: No filter named 'datee'. (did you mean 'date'?)"),
        ("{{ value.title + 1 }}", '1: error: TypeError: can only concatenate str (not "int") to str'),
        ("{{ value.tags | join }}", "1: error: TypeError: Link is no text: print one of its fields"),
        ("{{ value ~ '' }}", "1: error: TypeError: Card is no text: print one of its fields"),
        ("{{ value.image }}", "1: error: only text and numbers can be printed, not Image"),
        ("{{ value.title.upper }}", "1: error: only text and numbers can be printed, not builtin_function_or_method"),
        ("{{ value | random }}", "1: error: No filter named 'random'."),
        ("{{ cycler(1) }}", "1: error: 'cycler' is undefined"),
        ("{{ none | date }}", "1: error: the filter 'date' cannot take none (test it first, with {% if … %})"),
        ("\n{{ 'today' | long_date }}", "2: error: the filter 'long_date' cannot take 'today'"),
        ("{{ (value, ) | names }}", "1: error: the filter 'names' cannot take this tuple: "),
        ("{{ {'a': 1}.b }}", "1: error: there is no 'b' in this table (test for it first, with 'is defined')"),
        ("{% include 'page.html' %}", "1: error: it extends, includes or calls itself without end"),
        ("{% extends 'nowhere.html' %}", "1: error: no template 'nowhere.html'"),
    ],
)
def test_errors_say_where(tmp_path: Path, text: str, message: str) -> None:
    """Whatever goes wrong in a template is told with its file, its line and the nearest right name."""
    assert complaint(folder(tmp_path, page=text), view=Page(card())).startswith(f"templates/page.html:{message}")


def test_lists_of_views_print_nothing_of_the_process(tmp_path: Path) -> None:
    """A list that a template turns into text holds no address in memory, which the next build would have elsewhere."""
    own = folder(tmp_path, page="{{ '' ~ value }}")
    pages = [Templates(own, THEME).render("page.html", Page((card(), site(), content())), str) for _ in range(2)]
    assert pages[0] == pages[1] and b"0x" not in pages[0]


def test_errors_name_the_deepest_template(tmp_path: Path) -> None:
    """An error in an imported macro of the theme is told where it is, not where the macro is called."""
    theme = folder(tmp_path / "theme", part="{% macro m(v) %}\n\n{{ v.nothing }}{% endmacro %}")
    own = folder(tmp_path / "own", page='{% from "part.html" import m %}\n{{ m(value) }}')
    assert complaint(own, view=Page(card()), theme=theme) == "theme/part.html:3: error: Card has no field 'nothing'"


def test_a_template_that_extends_itself(tmp_path: Path) -> None:
    """Where site and theme are one folder, a base that extends `theme/base.html` is an error, not an endless loop."""
    folder(tmp_path, base='{% extends "theme/base.html" %}')
    said = complaint(tmp_path, "base.html", theme=tmp_path)
    assert said == "templates/base.html:1: error: it extends, includes or calls itself without end"


def test_an_override_that_extends_itself(tmp_path: Path) -> None:
    """A template that means the theme's, but names itself, is told how to name the theme's."""
    own = folder(tmp_path, home='{% extends "home.html" %}')
    said = complaint(own, "home.html", view=pages()["home.html"])
    assert said.startswith("templates/home.html:1: error: it extends") and "(write 'theme/home.html' for the theme's own)" in said


def test_a_table_without_an_entry(tmp_path: Path) -> None:
    """An entry of `site.params` or `content.extra` that is not there is told with the nearest one that is."""
    view = views.ArticlePage(site(params={"colour": "red"}), card(), content(extra={"mood": "calm"}), None, None)
    for text, near in (("site.params.color", "colour"), ("content.extra.mode", "mood")):
        said = complaint(folder(tmp_path, page=f"{{{{ {text} }}}}"), view=view)
        word = text.rpartition(".")[2]
        assert said == f"templates/page.html:1: error: there is no '{word}' in this table (did you mean '{near}'?)"


# Fragments made once


class Counted(Keyed):
    """A keyed value that counts how often a template looks at it."""

    __slots__ = ("looks",)

    def __init__(self, name: str) -> None:
        self.key = digest(name.encode())
        self.looks = 0

    @property
    def look(self) -> int:
        self.looks += 1
        return self.looks


ONCE = '{% from "part.html" import m %}{{ value | once(m) }},{{ value | once(m, "x") }}'
PART = '{% macro m(v, more="") %}<i>{{ v.look }}{{ more }}</i>{% endmacro %}'


def test_once_makes_a_fragment_once(tmp_path: Path) -> None:
    """A fragment is made once for each key and argument, also across pages, and stands unescaped in all of them."""
    own = Templates(folder(tmp_path, page=ONCE, also=ONCE, part=PART), THEME)
    first, second = Counted("a"), Counted("b")
    for name in ("page.html", "also.html", "page.html"):
        assert own.render(name, Page(first), str) == b"<i>1</i>,<i>2x</i>"
        assert own.render(name, Page(second), str) == b"<i>1</i>,<i>2x</i>"
    assert (first.looks, second.looks) == (2, 2)


def test_once_does_not_grow_without_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its bound, `once` forgets and makes fragments anew."""
    monkeypatch.setattr(templates, "REMEMBERED", 2)
    own = Templates(folder(tmp_path, page=ONCE, part=PART), THEME)
    values = [Counted("a"), Counted("b")]
    for value in values * 2:
        own.render("page.html", Page(value), str)
    assert [value.looks for value in values] == [4, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{% macro m(v) %}{{ value }}{% endmacro %}{{ value | once(m) }}", "'once' takes a macro imported"),
        ('{% from "part.html" import m with context %}{{ value | once(m) }}', "'once' takes a macro imported"),
        ('{% from "part.html" import m %}{{ "text" | once(m) }}', "'once' takes a value with a key, not a str"),
    ],
)
def test_once_refuses_what_could_go_stale(tmp_path: Path, text: str, message: str) -> None:
    """A macro that can see the page, and a value without a key, are errors and not wrong pages."""
    assert message in complaint(folder(tmp_path, page=text, part=PART), view=Page(Counted("a")))


def test_a_macro_has_no_bodies(tmp_path: Path) -> None:
    """An imported macro cannot fetch a body, for a fragment's key would not cover it."""
    folder(tmp_path, page='{% from "part.html" import m %}{{ m(value) }}', part="{% macro m(v) %}{{ v | body }}{% endmacro %}")
    assert "templates/part.html:1: error: 'body' is for pages" in complaint(tmp_path, view=Page(content()))


# Compiled templates


def test_compiled_templates_are_kept(tmp_path: Path) -> None:
    """Compiled templates serve the next run; damaged ones are compiled again, to the same page."""
    view = pages()["home.html"]
    first = Templates(THEME, THEME, tmp_path / "a/b").render("home.html", view, str)
    files = sorted((tmp_path / "a/b").iterdir())
    assert len(files) == 4
    sizes = [file.stat().st_size for file in files]
    for file, damaged in zip(files, (b"", b"x" * 100, files[0].read_bytes(), files[3].read_bytes()[:-1]), strict=True):
        file.write_bytes(damaged)
    assert Templates(THEME, THEME, tmp_path / "a/b").render("home.html", view, str) == first
    assert [file.stat().st_size for file in files] == sizes


@pytest.mark.parametrize("writable", [True, False])
def test_what_is_compiled_of_the_theme_serves_every_site(tmp_path: Path, writable: bool) -> None:
    """The theme's own templates are kept in one place for all sites, where that can be written, and a site's beside the site."""
    own, shared = folder(tmp_path / "own", **{"404": '{% extends "theme/404.html" %}'}), tmp_path / "shared/theme"
    if not writable:
        (tmp_path / "shared").write_text("")
    for site in ("one", "two"):
        Templates(own, THEME, tmp_path / site, "templates", shared).render("404.html", pages()["404.html"], str)
    names = [file.name for site in ("one", "two") for file in (tmp_path / site).iterdir()]
    assert any(name.startswith("theme-") for name in names) is not writable
    assert len([name for name in names if not name.startswith("theme-")]) == 2
    if writable:
        assert all(file.name.startswith("theme-") for file in shared.iterdir())


def test_closures_do_not_depend_on_what_is_kept(tmp_path: Path) -> None:
    """What is kept between runs changes no closure, and hides neither a change nor a template that is gone."""
    own, kept = tmp_path / "own", tmp_path / "kept"
    folder(own, page='{% include "part.html" %}{% include "maybe.html" ignore missing %}', part="one")
    keys = [Templates(own, THEME, kept).closure("page.html") for _ in range(2)]
    assert set(keys) == {Templates(own, THEME).closure("page.html")}
    folder(own, part='{% include "card.html" %}')
    assert Templates(own, THEME, kept).closure("page.html") == Templates(own, THEME).closure("page.html") != keys[0]
    (own / "part.html").unlink()
    with pytest.raises(ContentError, match=r"^templates/page\.html:1: error: no template 'part\.html'"):
        Templates(own, THEME, kept).closure("page.html")


def test_a_changed_template_is_compiled_again(tmp_path: Path) -> None:
    """A compiled template never outlives its source."""
    for text in ("one", "two"):
        assert Templates(folder(tmp_path, page=text), THEME, tmp_path / "cache").render("page.html", Page(), str) == text.encode()


def test_templates_loaded_ahead(tmp_path: Path) -> None:
    """Once loaded, a template is neither read nor compiled again; what is wrong with another is said where it is used."""
    loaded = Templates(folder(tmp_path, page="{% include 'deep.html' %}", deep="{{ value }}", wrong="{% if %}"), THEME)
    loaded.load()
    closure = Templates(tmp_path, THEME).closure("page.html")
    for name in ("page.html", "deep.html"):
        (tmp_path / name).unlink()
    assert loaded.render("page.html", Page("A"), str) == b"A"
    assert loaded.closure("page.html") == closure
    with pytest.raises(ContentError) as found:
        loaded.closure("wrong.html")
    assert [problem.path for problem in found.value.diagnostics] == ["templates/wrong.html"]


def test_no_room_for_compiled_templates(tmp_path: Path) -> None:
    """Where compiled templates cannot be kept, pages are rendered all the same."""
    (tmp_path / "file").write_text("")
    page = Templates(THEME, THEME, tmp_path / "file/cache").render("404.html", pages()["404.html"], str)
    assert b"Page not found" in page
