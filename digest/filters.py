"""Filters: what templates make of a view's values. Pure functions; their names are those that templates use.

Months and days are English whatever the machine's locale: output depends on input alone. The filters that need more
than their arguments, `body` and `once`, are in `templates`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from markupsafe import Markup

from digest import views
from digest.notation import mic
from digest.urls import FORMATS

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def date(text: str) -> str:
    """`17 May 2024`, from `2024-05-17` or a longer ISO 8601 text."""
    return _dates(text[:10])[0]


def long_date(text: str) -> str:
    """`Friday, 17 May 2024`."""
    return _dates(text[:10])[1]


@lru_cache(4096)  # a day is named on all pages of its articles
def _dates(day: str) -> tuple[str, str]:
    short = f"{int(day[8:10])} {month_name(day)}"
    return short, f"{DAYS[datetime.date.fromisoformat(day).weekday()]}, {short}"


def month_name(text: str) -> str:
    """`May 2024`, from `2024-05` or a longer ISO 8601 text."""
    return f"{MONTHS[int(text[5:7]) - 1]} {int(text[:4])}"


def time(text: str) -> str:
    """`11:41`, from an ISO 8601 date and time; empty at midnight, which is how a bare date is written."""
    return "" if text[11:16] == "00:00" else text[11:16]


def zone(text: str) -> str:
    """The offset of an ISO 8601 date and time: `UTC`, `UTC-4`, `UTC+5:30`."""
    sign, hours, minutes = text[-6:-5], text[-5:-3], text[-2:]
    if text.endswith("Z") or hours == minutes == "00":
        return "UTC"
    return f"UTC{sign}{int(hours)}{f':{minutes}' if minutes != '00' else ''}"


def count(number: int, one: str, many: str = "") -> str:
    """`1 article`, `1,204 articles`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


RIGHT_TO_LEFT = {
    *("ar", "arb", "arc", "arz", "ary", "ckb", "dv", "fa", "glk", "he", "iw", "ji", "khw", "ks", "lrc", "mzn", "nqo"),
    *("pnb", "prs", "ps", "sd", "skr", "syr", "ug", "ur", "yi"),
    *("adlm", "arab", "aran", "hebr", "mand", "nkoo", "rohg", "samr", "syrc", "thaa"),
}
"""Languages, and scripts (ISO 15924), of BCP 47 tags."""


def direction(language: str) -> str:
    """`rtl` or `ltr`: where a text of this BCP 47 tag runs, by the script that it names, else by the language alone."""
    return _direction(language.lower())


@lru_cache(100)  # every page asks for it
def _direction(language: str) -> str:
    primary, *others = language.split("-")
    script = next((part for part in others if len(part) == 4 and part.isalpha()), primary)
    return "rtl" if script in RIGHT_TO_LEFT else "ltr"


def format_name(media_type: str) -> str:
    """What people call a feed of this MIME type."""
    name = next(format.name for format in FORMATS.values() if format.type == media_type)
    return name if name.endswith("Feed") else f"{name} feed"


def initials(entries: Iterable[views.GroupEntry]) -> list[tuple[str, list[views.GroupEntry]]]:
    """Entries under the letters that their names begin with; digits and symbols under `#`, which comes last."""
    letters: dict[str, list[views.GroupEntry]] = {}
    for entry in entries:
        first = entry.name[:1].upper()
        letters.setdefault(first if first.isalpha() else "#", []).append(entry)
    return sorted(letters.items(), key=lambda item: (item[0] == "#", item[0]))


def breadcrumb_list(trail: Sequence[tuple[str, str]], origin: str) -> dict[str, Any]:
    """Schema.org's BreadcrumbList of names and root-relative URLs."""
    steps = [
        {"@type": "ListItem", "position": number, "name": name, "item": origin + url}
        for number, (name, url) in enumerate(trail, 1)
    ]
    return {"@type": "BreadcrumbList", "itemListElement": steps}


def corporation(symbol: str, name: str, exchange: str) -> dict[str, str]:
    """Schema.org's Corporation, its `tickerSymbol` after the exchange's ISO 10383 code: `XNAS TSLA`.

    What no known exchange lists, an index or a currency, is a Thing.
    """
    thing = {"@type": "Thing", "name": name or symbol}
    if code := mic(exchange):
        thing |= {"@type": "Corporation", "tickerSymbol": f"{code} {symbol.rpartition(':')[2]}"}
    return thing


def corporations(tickers: Iterable[views.Ticker]) -> list[dict[str, str]]:
    """The Corporation of each ticker."""
    return [corporation(ticker.symbol, ticker.name, ticker.exchange) for ticker in tickers]


def names(links: Iterable[views.Link]) -> list[str]:
    """The names of links."""
    return [link.name for link in links]


def things(values: Iterable[str], kind: str, field: str = "name", before: str = "") -> list[dict[str, str]]:
    """A schema.org node of this type for each value that is not empty, the value in `field` after `before`."""
    return [{"@type": kind, field: before + value} for value in values if value]


def json_ld(graph: Iterable[dict[str, Any]]) -> Markup:
    """The nodes as JSON-LD 1.1 for a `script` element, which no text in them can end; empty values are left out."""
    text = msgspec.json.encode({"@context": "https://schema.org", "@graph": [*map(_filled, graph)]}).decode()
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _filled(node: dict[str, Any]) -> dict[str, Any]:
    return {key: _filled(value) if isinstance(value, dict) else value for key, value in node.items() if value}


ALL = (
    date,
    long_date,
    month_name,
    time,
    zone,
    count,
    direction,
    format_name,
    initials,
    breadcrumb_list,
    corporation,
    corporations,
    names,
    things,
    json_ld,
)
"""What a template may use by its name."""
