"""What stands where: the order of editions and lists, what belongs to a group, and what search engines are told."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from sites import AS_OF, SETTINGS, article, make, page, tree, write

from digest import pages, urls
from digest.errors import ContentError

ARTICLE = re.compile(r'"/news/\d{4}/\d\d/\d\d/([^/"]+)/"')
BASE = "https://example.org/news/"
NOTE = "---\ntitle: A quiet day\n---\nNothing [much](../a.md).\n"


def listed(folder: Path, path: str) -> list[str]:
    """The articles that a page leads to, by their slugs, in its order."""
    return list(dict.fromkeys(ARTICLE.findall(page(folder, path + "index.html"))))


def links(folder: Path, path: str) -> dict[str, str]:
    """Where a page says that its neighbours are."""
    return dict(re.findall(r'<a rel="(prev|next)" href="/news/([^"]*)"', page(folder, path + "index.html")))


def sitemap(folder: Path, name: str) -> dict[str, str]:
    """What a sitemap lists, below the base, and when it was changed."""
    found = [[each.text or "" for each in url] for url in ElementTree.parse(folder / "output" / name).getroot()]
    assert len({url[0] for url in found}) == len(found)
    return {location.removeprefix(BASE): "".join(changed) for location, *changed in found}


def test_an_edition_is_in_the_editor_s_order(tmp_path: Path) -> None:
    """Lower weights come first, then the newest; `edition` moves an article to another day, but not its address or its time."""
    write(
        tmp_path,
        {
            "content/last.md": article(date="2024-05-17T11:00", weight=1),
            "content/older.md": article(date="2024-05-17T09:00"),
            "content/newer.md": article(date="2024-05-17T10:00"),
            "content/first.md": article(date="2024-05-17T08:00", weight=-1),
            "content/b-eve.md": article(date="2024-05-16", edition="2024-05-17"),
            "content/a-eve.md": article(date="2024-05-16", edition="2024-05-17"),
        },
    )
    make(tmp_path)
    assert listed(tmp_path, "2024/05/17/") == ["first", "newer", "older", "a-eve", "b-eve", "last"]
    assert not (tmp_path / "output/2024/05/16/index.html").exists()
    items = json.loads(page(tmp_path, "feed.json"))["items"]
    newest_first = ["17/last", "17/newer", "17/older", "17/first", "16/a-eve", "16/b-eve"]
    assert [item["url"] for item in items] == [f"{BASE}2024/05/{path}/" for path in newest_first]


def test_neighbours_are_the_next_in_time(tmp_path: Path) -> None:
    """Articles and editions lead to those before and after them, over the ends of months; an expired article to none."""
    days = ("2024-04-30", "2024-05-09", "2024-05-10", "2024-05-17")
    write(tmp_path, {f"content/{day}-a.md": article(date=day) for day in days})
    write(tmp_path, {"content/gone.md": article(date="2024-05-11", expires="2024-05-12")})
    make(tmp_path)
    places = [day.replace("-", "/") for day in days]
    for below in ("/a/", "/"):
        for older, place, newer in zip(["", *places], places, [*places[1:], ""], strict=False):
            found = {"prev": older and older + below, "next": newer and newer + below}
            assert links(tmp_path, place + below) == {name: where for name, where in found.items() if where}
    assert links(tmp_path, "2024/05/11/gone/") == {}


def test_archives_are_cut_by_date(tmp_path: Path) -> None:
    """The home page has as many of the newest editions as the settings say; a month has all of its own, years count articles."""
    days = ("2023-12-31", "2024-04-30", "2024-05-09", "2024-05-16", "2024-05-17")
    write(tmp_path, {f"content/{day}-{day[-2:]}.md": article(date=day) for day in days})
    write(tmp_path, {"content/more.md": article(date="2024-05-09T12:00"), "digest.toml": SETTINGS + "home_editions = 2\n"})
    report = make(tmp_path)
    assert (report.articles, report.editions) == (6, 5)
    assert listed(tmp_path, "") == ["17", "16"]
    assert listed(tmp_path, "2024/05/") == ["17", "16", "more", "09"]
    counts = r'href="/news/(\d{4}/\d\d/)">[^<]*</a> <small>([^<]*)<'
    months = [("2024/05/", "4 articles"), ("2024/04/", "1 article"), ("2023/12/", "1 article")]
    assert re.findall(counts, page(tmp_path, "archive/index.html")) == months
    assert re.findall(counts, page(tmp_path, "2024/index.html")) == months[:2]


def test_a_month_has_what_stands_in_its_editions(tmp_path: Path) -> None:
    """A ticker's month goes by editions, newest article first, also where articles of another month were dated in between."""
    site = {
        "content/late.md": article("Late", "2024-05-03", edition="2024-04-30", tickers="TSLA"),
        "content/may.md": article("May", "2024-05-02", tickers="TSLA"),
        "content/april.md": article("April", "2024-04-29", tickers="TSLA"),
    }
    make(write(tmp_path, site))
    assert listed(tmp_path, "tickers/tsla/2024-04/") == ["late", "april"]
    assert listed(tmp_path, "tickers/tsla/2024-05/") == ["may"]
    assert listed(tmp_path, "tickers/tsla/") == ["late", "may", "april"]
    data = json.loads(page(tmp_path, "tickers/tsla/index.json"))
    assert [month["articles"] for month in data["months"]] == [1, 2]
    write(tmp_path, {"content/april.md": article("Later", "2024-04-29", tickers="TSLA")})
    make(tmp_path)
    assert "Later" in page(tmp_path, "tickers/tsla/2024-04/index.html")


def test_a_renamed_source_takes_its_place(tmp_path: Path) -> None:
    """Of articles of one moment the file's name says which comes first, also where they stand in editions of two months."""
    fields = {"tickers": "TSLA", "date": "2024-05-01"}
    first, second = article("One", slug="one", **fields), article("Two", slug="two", edition="2024-04-30", **fields)
    make(write(tmp_path, {"content/a.md": first, "content/b.md": second}))
    assert listed(tmp_path, "tickers/tsla/") == ["one", "two"]
    (tmp_path / "content/a.md").rename(tmp_path / "content/z.md")
    make(tmp_path)
    assert listed(tmp_path, "tickers/tsla/") == ["two", "one"]


def test_a_group_shows_its_newest_and_its_months(tmp_path: Path) -> None:
    """A ticker's page shows the newest 50 of its articles and counts all; its months have the rest, its feed the newest 20."""
    names = [f"a{number:02}" for number in range(52)]
    files = {f"content/{name}.md": article(date=f"2024-05-17T10:{name[1:]}", tickers="TSLA", body="TSLA") for name in names}
    files["content/a00.md"] = article(date="2024-04-01", tickers="TSLA", body="TSLA")
    write(tmp_path, files)
    make(tmp_path)
    newest = names[::-1]
    assert listed(tmp_path, "tickers/tsla/") == newest[:50]
    assert listed(tmp_path, "tickers/tsla/2024-05/") == newest[:51]
    assert listed(tmp_path, "tickers/tsla/2024-04/") == ["a00"]
    data = json.loads(page(tmp_path, "tickers/tsla/index.json"))
    assert (data["articles"], [month["articles"] for month in data["months"]]) == (52, [51, 1])
    assert json.loads(page(tmp_path, "tickers/index.json"))["tickers"][0]["newest"] == "2024-05-17"
    assert page(tmp_path, "tickers/tsla/feed.xml").count("<item>") == 20
    assert page(tmp_path, "feed.xml").count("<item>") == 50


def test_spellings_of_a_source_are_one(tmp_path: Path) -> None:
    """Sources whose names differ in case or marks share a page, under the name that came first; lists go by the letter."""
    names = {
        "2024-05-17": "REUTERS",
        "2024-05-16": "Reuters!",
        "2024-05-15": "Reuters",
        "2024-05-14": "acme",
        "2024-05-13": "Zeta",
    }
    write(tmp_path, {f"content/{day}-{day[-2:]}.md": article(date=day, source=f"'{name}'") for day, name in names.items()})
    make(tmp_path)
    assert listed(tmp_path, "sources/reuters/") == ["17", "16", "15"]
    assert "<h1>Reuters</h1>" in page(tmp_path, "sources/reuters/index.html")
    assert re.findall(r"/sources/([a-z]+)/feed\.xml", page(tmp_path, "feeds.opml")) == ["acme", "reuters", "zeta"]


def test_a_watchlist_gathers_its_tickers(tmp_path: Path) -> None:
    """It has the articles on any of its tickers, each once, under its title; a ticker that nobody wrote about has a page too."""
    chips = '[watchlists.chips]\ntitle = "Makers of chips"\ndescription = "Who makes them."\n'
    write(
        tmp_path,
        {
            "digest.toml": SETTINGS + chips + 'tickers = ["NVDA", "NASDAQ:AMD", "INTC"]\n[watchlists.cars]\ntickers = ["TSLA"]\n',
            "content/both.md": article(date="2024-05-16", tickers="[AMD, NVDA]", body="AMD NVDA"),
            "content/one.md": article(date="2024-05-17", tickers="[AMD]", body="AMD"),
            "content/other.md": article(date="2024-05-15", tickers="[NVDA]", body="NVDA"),
            "content/else.md": article(date="2024-04-14", tickers="[IBM]", body="IBM"),
        },
    )
    report = make(tmp_path)
    assert (report.tickers, report.feeds) == (5, 3 + 1 + 5 + 2)
    shown = page(tmp_path, "watchlists/chips/index.html")
    assert listed(tmp_path, "watchlists/chips/") == ["one", "both", "other"]
    assert "<h1>Makers of chips</h1>" in shown and "Who makes them." in shown
    assert re.findall(r'<li><a href="/news/tickers/(\w+)/"', shown)[:3] == ["nvda", "amd", "intc"]
    assert "No articles yet." in page(tmp_path, "tickers/intc/index.html")
    assert "<h1>cars</h1>" in page(tmp_path, "watchlists/cars/index.html")


def test_a_note_opens_its_edition(tmp_path: Path) -> None:
    """A note stands on its day and names it to its neighbours; one for a day without an article waits, with a warning."""
    write(
        tmp_path,
        {
            "content/a.md": article(),
            "content/b.md": article(date="2024-05-16"),
            "content/editions/2024-05-17.md": NOTE,
            "content/editions/2024-05-18.md": NOTE.replace("../a.md", "../nowhere.md"),
        },
    )
    report = make(tmp_path)
    shown = page(tmp_path, "2024/05/17/index.html")
    assert '<p class="subtitle">A quiet day</p>' in shown and 'Nothing <a href="/news/2024/05/17/a/">much</a>.' in shown
    assert page(tmp_path, "editions.xml").count("A quiet day") == 1
    assert not (tmp_path / "output/2024/05/18").exists()
    assert [str(warning) for warning in report.warnings] == [
        "content/editions/2024-05-18.md:1:1: warning: no article is published on 2024-05-18 (the note waits for one)"
    ]
    write(tmp_path, {"content/editions/more/2024-05-17.md": NOTE.replace("../a", "../../a")})
    with pytest.raises(ContentError, match=r"'editions/2024-05-17\.md' is a note for 2024-05-17 too \(keep one of them\)"):
        make(tmp_path)


RICH = {
    "digest.toml": SETTINGS + '[watchlists.w]\ntickers = ["NVDA", "LON:VOD"]\n[[menu]]\nname = "News"\nurl = "/archive/"\n',
    "content/a.md": article(
        date="2024-05-17T10:00", tickers="TSLA", tags="[ai, Größe]", source="Reuters", body="TSLA ![x](x.png)"
    ),
    "content/x.png": b"x",
    "content/b.md": article(date="2024-05-17T09:00", body="[a](a.md) on (LON:BARC) [c](/2024/04/01/c/), [d](größe.md)."),
    "content/größe.md": article(date="2024-04-01", body="![b](日本.png) [days](/news/archive/)"),
    "content/日本.png": b"x",
    "content/c.md": article(date="2024-04-01", source="Wire", updated="2024-05-20", aliases="[/old/]"),
    "content/full.md": article(date="2024-05-17T11:00", reprint="full", source="Wire", weight=1),
    "content/near.md": article(date="2024-05-15T11:00:01"),
    "content/far.md": article(date="2024-05-15T11:00"),
    "content/expired.md": article(date="2024-05-15", expires="2024-05-16", source="Gone", tags="[ai]", tickers="IBM", body="IBM"),
    "content/editions/2024-05-17.md": NOTE,
    "content/pages/about.md": "---\ntitle: About\n---\nOn $TSLA, (NASDAQ:AMD).\n",
    "content/tickers.yaml": "TSLA: Tesla\nAMD: AMD\nLON:BARC: Barclays\n",
}


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with something of everything."""
    folder = write(tmp_path_factory.mktemp("rich"), RICH)
    make(folder)
    return folder


LEAN = '[feeds]\nformats = ["rss"]\n[outputs]\ndata = false\nsitemaps = false\n'
"""Settings that leave out all that a site can do without."""


@pytest.mark.parametrize("more", ["", LEAN], ids=["whole", "lean"])
def test_no_link_is_dead(rich: Path, tmp_path: Path, more: str) -> None:
    """Whatever a page, a feed or a list leads to on the site is there, also when some of it is left out."""
    if more:
        rich = write(tmp_path, {**RICH, "digest.toml": RICH["digest.toml"] + more})
        make(rich)
    output = tree(rich / "output")
    for path, data in output.items():
        if path.endswith((".html", ".xml", ".json", ".opml")) and not path.startswith("assets/"):
            for link in re.findall(rb'(?:"|>|&quot;)(?:https://example\.org)?/news/([^"<>#?&\\]*)', data):
                assert urls.file(unquote(link.decode())) in output, (path, link)


def test_what_is_left_out_by_the_settings(rich: Path, tmp_path: Path) -> None:
    """Without data, sitemaps and formats just these files are not there, and nothing names them; they come and go."""
    write(tmp_path, {**RICH, "digest.toml": RICH["digest.toml"] + LEAN})
    make(tmp_path)
    whole, lean = tree(rich / "output"), tree(tmp_path / "output")
    left_out = whole.keys() - lean.keys()
    assert left_out == {
        *("atom.xml", "feed.json", "sitemap.xml", "news-sitemap.xml", "tickers/index.json"),
        *(path for path in whole if re.fullmatch(r"sitemap-.*\.xml|tickers/[^/]+/index\.json", path)),
    }
    assert not lean.keys() - whole.keys()
    own = {path: data for path, data in lean.items() if not path.startswith("assets/")}
    assert not [path for path, data in own.items() if re.search(rb"sitemap|atom\.xml|feed\.json|index\.json", data)]
    assert lean["robots.txt"] == b"User-agent: *\nAllow: /\n"
    write(tmp_path, RICH)
    make(tmp_path)
    assert tree(tmp_path / "output") == whole


def test_a_site_may_have_no_feed_but_that_of_its_editions(tmp_path: Path) -> None:
    """Without a format of its own, a site still names its feed of editions."""
    write(tmp_path, {"digest.toml": SETTINGS + "[feeds]\nformats = []\n", "content/a.md": article()})
    make(tmp_path)
    assert re.findall(r'<link rel="alternate" type="[^"]*" title="[^"]*" href="([^"]*)"', page(tmp_path, "index.html")) == [
        "/news/editions.xml"
    ]
    assert not (tmp_path / "output/feed.xml").exists()


def test_sitemaps_list_what_is_to_be_found(rich: Path) -> None:
    """Every page of a month, with the time of its last change, and every page of none; no full reprint, nothing that expired."""
    assert list(sitemap(rich, "sitemap.xml")) == ["sitemap-2024-04.xml", "sitemap-2024-05.xml", "sitemap-pages.xml"]
    assert sitemap(rich, "sitemap-2024-04.xml") == {
        "2024/04/01/gr%C3%B6%C3%9Fe/": "2024-04-01T00:00:00-04:00",
        "2024/04/01/c/": "2024-05-20T00:00:00-04:00",
        "2024/04/01/": "2024-05-20T00:00:00-04:00",
        "2024/04/": "",
        "sources/wire/2024-04/": "",
    }
    may = sitemap(rich, "sitemap-2024-05.xml")
    assert list(may)[:8] == [
        *("2024/05/15/far/", "2024/05/15/near/", "2024/05/17/b/", "2024/05/17/a/"),
        *("2024/05/15/", "2024/05/17/", "2024/05/", "tickers/tsla/2024-05/"),
    ]
    assert (may["2024/05/15/"], may["2024/05/17/"]) == ("2024-05-15T11:00:01-04:00", "2024-05-17T11:00:00-04:00")
    pages = sitemap(rich, "sitemap-pages.xml")
    groups = {path for path in tree(rich / "output") if re.match("(tickers|tags|sources|watchlists)/([^/]+/)?index.html", path)}
    others = {"", "archive/", "feeds/", "about/", "2024/"}
    assert {unquote(path) for path in pages} == others | {path.removesuffix("index.html") for path in groups}
    assert f"Sitemap: {BASE}sitemap.xml\nSitemap: {BASE}news-sitemap.xml\n" in page(rich, "robots.txt")


def test_news_are_two_days_old_at_most(rich: Path) -> None:
    """The news sitemap has the articles of the two days up to the newest, without full reprints, whatever the clock says."""
    assert list(sitemap(rich, "news-sitemap.xml")) == ["2024/05/17/a/", "2024/05/17/b/", "2024/05/15/near/"]


def test_a_full_sitemap_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A month with more addresses than a sitemap may have is spread over several, which the index names."""
    write(tmp_path, RICH)
    make(tmp_path, output=tmp_path / "whole/output", cache=None)
    monkeypatch.setattr(pages, "SITEMAP_SIZE", 4)
    make(tmp_path)
    names = [name for name in sitemap(tmp_path, "sitemap.xml") if "2024-05" in name]
    assert names == ["sitemap-2024-05.xml", *(f"sitemap-2024-05-{number}.xml" for number in range(2, len(names) + 1))]
    parts = [sitemap(tmp_path, name) for name in names]
    assert [len(part) for part in parts[:-1]] == [4] * (len(names) - 1)
    assert list({url: None for part in parts for url in part}) == list(sitemap(tmp_path / "whole", names[0]))


def test_what_is_hidden_is_counted_and_what_is_shown_is_marked(tmp_path: Path) -> None:
    """Each article is left out for one reason; the next to come and the next change are known, and a draft is due at no time."""
    moment = datetime.fromtimestamp(AS_OF, UTC).isoformat()
    write(
        tmp_path,
        {
            "content/now.md": article(date=moment),
            "content/soon.md": article(date="2024-06-01T00:00:00Z", expires="2024-06-02T00:00:00Z"),
            "content/later.md": article(date="2024-06-03T00:00:00Z"),
            "content/draft.md": article(date="2024-05-26T00:00:00Z", draft="true"),
            "content/past.md": article(date="2024-05-01", expires=moment),
            "content/ends.md": article(date="2024-05-01", expires="2024-05-30T00:00:00Z"),
        },
    )
    report = make(tmp_path)
    june, may = (int(datetime(2024, month, day, tzinfo=UTC).timestamp()) for month, day in ((6, 1), (5, 30)))
    skipped = report.skipped
    assert (skipped.drafts, skipped.scheduled, skipped.expired) == (1, 2, 1)
    assert (skipped.next_due, skipped.valid_until) == (june, may)
    assert listed(tmp_path, "archive/") == [] and report.articles == 3
    assert "This article has expired." in page(tmp_path, "2024/05/01/past/index.html")
    shown = make(tmp_path, drafts=True, future=True)
    assert (shown.skipped.drafts, shown.skipped.scheduled, shown.skipped.expired) == (0, 0, 1)
    places = ("2024/05/25/draft", "2024/05/31/soon", "2024/05/01/past", "2024/05/01/ends")
    badges = [re.findall(r'<span class="badge[^>]*>(\w+)<', page(tmp_path, f"{place}/index.html")) for place in places]
    assert badges == [["Draft"], ["Scheduled"], ["Expired"], []]
