"""JSON for programs: held to the schemas that are published beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from feed_views import ORIGIN, card, site
from sites import article, make, write

from digest.jsonapi import group_json, groups_json
from digest.views import Card, Count, Feed, Group, GroupEntry, GroupListPage, GroupPage, Image, Source

SCHEMAS = Path(__file__).parents[1] / "templates/assets/schema"


def strict(node: Any) -> Any:
    """A schema that refuses what it does not describe: readers must not rely on it, but we must not forget it."""
    if isinstance(node, dict):
        node = {key: strict(value) for key, value in node.items()}
        if node.get("type") == "object":
            node["additionalProperties"] = False
    return [strict(value) for value in node] if isinstance(node, list) else node


def schema(name: str) -> jsonschema.Draft202012Validator:
    text = (SCHEMAS / f"{name}-1.json").read_text("utf-8")
    jsonschema.Draft202012Validator.check_schema(json.loads(text))
    return jsonschema.Draft202012Validator(strict(json.loads(text)))


TICKER, TICKERS = schema("ticker"), schema("tickers")


def ticker(*cards: Card, **changes: Any) -> dict[str, Any]:
    """What a ticker's page says as JSON."""
    fields: dict[str, Any] = {
        "name": "TSLA",
        "label": "Tesla",
        "exchange": "NASDAQ",
        "description": "Cars & batteries",
        "url": "/news/tickers/tsla/",
        "aliases": ("TSLAQ",),
        "feeds": (Feed("TSLA: Tesla", "/news/tickers/tsla/feed.xml"),),
    }
    months = (Count("2024-05", "/news/tickers/tsla/2024-05/", 2), Count("2023-12", "/news/tickers/tsla/2023-12/", 1204))
    home = site(base="/news/")
    view = GroupPage(home, "tickers", "/news/tickers/", Group(**fields | changes), 1206, cards, months)
    data = group_json(view)
    assert data.endswith(b"}\n")
    document: dict[str, Any] = json.loads(data)
    TICKER.validate(document)
    return document


def test_a_ticker_says_all_that_its_page_says() -> None:
    """Symbol, name, exchange, feeds, counts by month and the newest articles are there, with absolute addresses."""
    image = Image("/news/media/a chart.png", "A chart", "image/png", 1)
    document = ticker(card(updated="2024-05-18T09:00:00-04:00", image=image), card("two"))
    newest, other = document.pop("newest")
    assert document == {
        "$schema": f"{ORIGIN}/news/assets/schema/ticker-1.json",
        "version": 1,
        "symbol": "TSLA",
        "name": "Tesla",
        "exchange": "NASDAQ",
        "description": "Cars & batteries",
        "aliases": ["TSLAQ"],
        "url": f"{ORIGIN}/news/tickers/tsla/",
        "feeds": [{"title": "TSLA: Tesla", "type": "application/rss+xml", "url": f"{ORIGIN}/news/tickers/tsla/feed.xml"}],
        "articles": 1206,
        "months": [
            {"month": "2024-05", "articles": 2, "url": f"{ORIGIN}/news/tickers/tsla/2024-05/"},
            {"month": "2023-12", "articles": 1204, "url": f"{ORIGIN}/news/tickers/tsla/2023-12/"},
        ],
    }
    assert newest == {
        "url": f"{ORIGIN}/2024/05/17/one/",
        "title": "Story one",
        "published": "2024-05-17T08:30:00-04:00",
        "updated": "2024-05-18T09:00:00-04:00",
        "summary": "Deliveries rose & margins fell.",
        "authors": ["Ada Editor"],
        "source": {"name": "Newswire", "url": "https://news.example.com/a?b=1&c=2"},
        "tickers": ["TSLA", "LON:VOD", "ZZZQ"],
        "tags": ["ai"],
        "image": f"{ORIGIN}/news/media/a%20chart.png",
    }
    assert other["title"] == "Story two"


def test_what_is_not_known_is_left_out() -> None:
    """Nothing is said of what is not known, instead of an empty text that a program would have to test for."""
    bare = card(summary="", authors=(), source=None, image=None, tickers=(), tags=())
    named = card("named", source=Source("Newswire"), image=None)
    document = ticker(bare, named, label="", exchange="", description="", aliases=(), feeds=())
    assert not {"name", "exchange", "description", "aliases", "feeds"} & document.keys()
    assert document["newest"][0] == {
        "url": f"{ORIGIN}/2024/05/17/one/",
        "title": "Story one",
        "published": "2024-05-17T08:30:00-04:00",
        "tickers": [],
        "tags": [],
    }
    assert document["newest"][1]["source"] == {"name": "Newswire"}


def test_all_tickers_lead_to_their_data() -> None:
    """The list has each ticker in order with its page, its data, its feed, its count and the day of its newest article."""
    rows = (
        GroupEntry("BRK.B", "Berkshire Hathaway", "NYSE", "/tickers/brk-b/", "/tickers/brk-b/feed.xml", 3, "2024-05-17"),
        GroupEntry("ZZZQ", "", "", "/tickers/zzzq/", "", 0, ""),
    )
    data = groups_json(GroupListPage(site(), "tickers", "/tickers/", rows))
    assert data.endswith(b"}\n")
    document = json.loads(data)
    TICKERS.validate(document)
    assert document == {
        "$schema": f"{ORIGIN}/assets/schema/tickers-1.json",
        "version": 1,
        "url": f"{ORIGIN}/tickers/",
        "tickers": [
            {
                "symbol": "BRK.B",
                "name": "Berkshire Hathaway",
                "exchange": "NYSE",
                "url": f"{ORIGIN}/tickers/brk-b/",
                "data": f"{ORIGIN}/tickers/brk-b/index.json",
                "feed": f"{ORIGIN}/tickers/brk-b/feed.xml",
                "articles": 3,
                "newest": "2024-05-17",
            },
            {
                "symbol": "ZZZQ",
                "url": f"{ORIGIN}/tickers/zzzq/",
                "data": f"{ORIGIN}/tickers/zzzq/index.json",
                "articles": 0,
            },
        ],
    }


@pytest.mark.parametrize("change", [{"version": 2}, {"symbol": ""}, {"articles": "3"}, {"months": [{"month": "May"}]}, {"x": 1}])
def test_the_schema_can_fail(change: dict[str, Any]) -> None:
    """The schema that tickers are held to refuses another version, a wrong type and a field that it does not describe."""
    with pytest.raises(jsonschema.ValidationError):
        TICKER.validate(ticker(card()) | change)


def test_a_site_publishes_its_data_with_their_schemas(tmp_path: Path) -> None:
    """Every ticker of a built site has its data, which the list names, and `$schema` leads to a schema that they hold to."""
    articles = {
        "content/a.md": article("A", tickers="[TSLA, BRK.B]", body="On TSLA and BRK.B.", source="{name: Wire, url: 'https://w.example/'}"),
        "content/b.md": article("B", "2024-04-01", tickers="TSLA", body="On TSLA."),
        "content/c.md": article("C", tags="[ai]"),
    }  # fmt: skip
    make(write(tmp_path, articles))
    output, base = tmp_path / "output", "https://example.org/news/"

    def load(url: str) -> Any:
        document = json.loads((output / url.removeprefix(base)).read_text("utf-8"))
        described = json.loads((output / document["$schema"].removeprefix(base)).read_text("utf-8"))
        jsonschema.Draft202012Validator(strict(described)).validate(document)
        return document

    listed = load(f"{base}tickers/index.json")["tickers"]
    assert [(entry["symbol"], entry["articles"]) for entry in listed] == [("BRK.B", 1), ("TSLA", 2)]
    tesla = load(listed[1]["data"])
    assert [month["month"] for month in tesla["months"]] == ["2024-05", "2024-04"]
    assert [each["title"] for each in tesla["newest"]] == ["A", "B"]
    assert all((output / each["url"].removeprefix(base) / "index.html").is_file() for each in tesla["newest"] + tesla["months"])
    assert all((output / feed["url"].removeprefix(base)).is_file() for feed in tesla["feeds"])
    assert not (output / "tags/ai/index.json").exists()
