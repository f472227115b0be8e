"""Tickers: notation, slugs, mentions in prose, and the registry of companies."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import ContentError
from digest.notation import EXCHANGES, HOME_EXCHANGES, mentions, mic, parse, slug
from digest.registry import read_registry
from digest.tickers import Alias, Company, Identity, Registry

DATA = Path(__file__).parent / "data" / "tickers"
REAL = Path(__file__).parents[2] / "shared" / "real" / "sec_company_tickers.csv"
DAY = "2024-05-17"


def sections(name: str) -> list[tuple[str, str]]:
    """The fixture's cases, input and expected, each between lines that hold a dot only."""
    cases = (DATA / name).read_text("utf-8").split("\n.\n")[1:]
    return list(zip(cases[0::3], cases[1::3], strict=False))


def registry(text: str, home: frozenset[str] = HOME_EXCHANGES) -> Registry:
    return read_registry(text, "content/tickers.yaml", home)


# Notation


@pytest.mark.parametrize(
    ("notation", "symbol"),
    [
        ("TSLA", "TSLA"),
        ("tsla", "TSLA"),
        (" $TSLA ", "TSLA"),
        ("NASDAQ:TSLA", "NASDAQ:TSLA"),
        ("nasdaq: tsla", "NASDAQ:TSLA"),
        ("NasdaqGS:\u00a0$TSLA", "NASDAQ:TSLA"),
        ("XNAS:TSLA", "NASDAQ:TSLA"),
        ("NYSE: BRK.B", "NYSE:BRK.B"),
        ("NYSE American: UEC", "NYSEAMERICAN:UEC"),
        ("LSE:VOD", "LON:VOD"),
        ("HKEX:0700", "HKG:0700"),
        ("0700", "0700"),
        ("ON", "ON"),
        ("BRK/B", "BRK/B"),
        ("NSE:M&M", "NSE:M&M"),
        ("^gspc", "^GSPC"),
        (".DJI", ".DJI"),
        ("eurusd=x", "EURUSD=X"),
        ("BTC-USD", "BTC-USD"),
        ("Moon:Dust", "MOON:DUST"),
    ],
)
def test_every_notation_has_one_form(notation: str, symbol: str) -> None:
    """Dollars, case, spaces and the many names of exchanges make no difference."""
    assert parse(notation) == symbol


@pytest.mark.parametrize(
    ("notation", "message"),
    [
        ("", "a ticker is missing"),
        ("$", "a ticker is missing"),
        ("NASDAQ:", "a ticker is missing"),
        ("TSLA NVDA", "'TSLA NVDA' is not one ticker: write several as a list, [TSLA, NVDA]"),
        ("TSLA, NVDA", "'TSLA, NVDA' is not one ticker: write several as a list, [TSLA, NVDA]"),
        ("TS_LA", "'_' cannot be part of a ticker: 'TS_LA'"),
        ("É", "'É' cannot be part of a ticker: 'É'"),
        ("ß", "'ß' cannot be part of a ticker: 'ß'"),
        ("T-", "'T-' is not a ticker: expected one such as TSLA, BRK.B, LON:VOD, ^GSPC or BTC-USD"),
        ("A" * 25, f"'{'A' * 25}' is too long for a ticker: more than 24 characters"),
        ("1:30", "'1' is not an exchange: expected one such as NASDAQ in NASDAQ:TSLA"),
        ("LON:NYSE:F", "'LON:NYSE' is not an exchange: expected one such as NASDAQ in NASDAQ:TSLA"),
    ],
)
def test_what_is_no_ticker_is_told_why(notation: str, message: str) -> None:
    """The error says what is wrong with the notation, and what one looks like."""
    with pytest.raises(ValueError, match=re.escape(message) + "$"):
        parse(notation)


SYMBOLS = st.from_regex(r"\A(?:[A-Za-z]{2,8}: ?)?\$?[\^.]?[A-Za-z0-9]{1,6}(?:[./&-][A-Za-z0-9]{1,4}){0,2}(?:=[XF])?\Z")


@given(st.text() | st.text(alphabet="aB1.:/^=$& -_,", max_size=12))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """No text does anything else than give a symbol or a ValueError that says something."""
    try:
        symbol = parse(text)
    except ValueError as error:
        assert str(error)
    else:
        assert parse(symbol) == symbol


@given(SYMBOLS)
def test_parsing_is_idempotent_and_slugs_are_safe(notation: str) -> None:
    """The form of a form is itself, and its slug is a safe name of a folder and not empty."""
    symbol = parse(notation)
    assert parse(symbol) == symbol
    assert parse(notation.swapcase()) == symbol
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*_?", slug(symbol))


@pytest.mark.parametrize("name", ["NASDAQ", "Nasdaq", "LSE", "HKEX", "TYO", "XETRA", "AMEX", "Cboe"])
def test_exchanges_have_a_market_identifier_code(name: str) -> None:
    """Every known name leads to a code of four letters, as ISO 10383 has them."""
    assert re.fullmatch("[A-Z]{4}", mic(name))


def test_codes_of_exchanges_are_the_standards() -> None:
    """A few codes as ISO 10383 lists them; an unknown exchange has none."""
    names = ("NASDAQ", "NYSE", "LON", "HKG", "TYO", "TSX", "Moon", "")
    assert [mic(name) for name in names] == ["XNAS", "XNYS", "XLON", "XHKG", "XTKS", "XTSE", "", ""]


def test_every_name_of_an_exchange_leads_to_one_prefix() -> None:
    """A prefix is a name of its own exchange, and no other exchange takes it."""
    assert all(EXCHANGES[prefix] == prefix for prefix in EXCHANGES.values())
    assert set(EXCHANGES.values()) >= HOME_EXCHANGES


# Slugs


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("TSLA", "tsla"),
        ("BRK.B", "brk-b"),
        ("BTC-USD", "btc-usd"),
        ("LON:VOD", "lon-vod"),
        ("HKG:0700", "hkg-0700"),
        ("NSE:M&M", "nse-m-m"),
        ("^GSPC", "idx-gspc"),
        (".DJI", "idx-dji"),
        ("LON:^FTSE", "lon-idx-ftse"),
        ("EURUSD=X", "fx-eurusd"),
        ("ES=F", "fut-es"),
        ("CON", "con_"),
        ("COM1", "com1_"),
        ("LON:CON", "lon-con"),
    ],
)
def test_slugs_follow_the_rules(symbol: str, expected: str) -> None:
    """Lower case, hyphens, a mark for what is no share, an underscore where Windows has a device."""
    assert slug(symbol) == expected


@pytest.mark.skipif(not REAL.exists(), reason="needs the list of companies of the SEC")
def test_all_listed_companies_of_the_us_have_pages_of_their_own() -> None:
    """Ten thousand real symbols parse, and no two share a slug."""
    symbols = [row["ticker"] for row in csv.DictReader(REAL.read_text("utf-8").splitlines())]
    pages = defaultdict(set)
    for symbol in symbols:
        pages[slug(parse(symbol))].add(symbol)
    assert len(symbols) > 10_000
    assert {page: found for page, found in pages.items() if len(found) > 1} == {}


# Mentions


@pytest.mark.parametrize(("text", "expected"), sections("mentions.txt"))
def test_mentions_are_found_where_readers_see_them(text: str, expected: str) -> None:
    """Each mention as `the text that it covers -> its notation`, and nothing else."""
    found = [f"{text[start:end]} -> {notation}" for start, end, notation in mentions(text)]
    assert "\n".join(found or ["(none)"]) == expected


@pytest.mark.parametrize("space", ["", " ", "\u00a0", "&nbsp;", "&#160;", "\n", "  "])
def test_the_space_behind_an_exchange_may_be_of_any_kind(space: str) -> None:
    """Spaces that do not break and line ends are spaces too; three are no notation."""
    assert list(mentions(f"(NASDAQ:{space}TSLA)")) == [(1, 12 + len(space), "NASDAQ:TSLA")]
    assert list(mentions("NASDAQ:   TSLA")) == []


@given(st.text(alphabet="AaB. :$(/,1-^=;&\n", max_size=40) | st.text())
def test_mentions_lie_in_the_text_in_order_and_can_be_parsed(text: str) -> None:
    """Spans do not overlap, hold their symbol, and every notation is one."""
    last = 0
    for start, end, notation in mentions(f"NYSE{text}"):
        assert last <= start < end
        assert parse(notation).rpartition(":")[2] in f"NYSE{text}"[start:end].replace("&amp;", "&")
        last = end


# Registry

COMPANIES = (DATA / "registry.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("notation", "day", "symbol", "name"),
    [
        ("TSLA", DAY, "TSLA", "Tesla"),
        ("NASDAQ:TSLA", DAY, "TSLA", "Tesla"),
        ("$tsla", DAY, "TSLA", "Tesla"),
        ("ON", DAY, "ON", "ON Semiconductor"),
        ("LSE:VOD", DAY, "LON:VOD", "Vodafone Group"),
        ("NYSE: BRK.B", DAY, "BRK.B", "Berkshire Hathaway"),
        ("BRK-B", DAY, "BRK.B", "Berkshire Hathaway"),
        ("BRK/B", DAY, "BRK.B", "Berkshire Hathaway"),
        ("FB", "2022-06-08", "META", "Meta Platforms"),
        ("FB", "2022-06-09", "FB", None),
        ("META", "2012-05-18", "META", "Meta Platforms"),
        ("WTW", "2019-03-31", "WW", "WW International"),
        ("WTW", "2019-04-01", "WTW", None),
        ("WTW", "2022-01-09", "WTW", None),
        ("WTW", "2022-01-10", "WTW", "Willis Towers Watson"),
        ("WLTW", "2021-06-01", "WTW", "Willis Towers Watson"),
        ("VOD", DAY, "VOD", None),
        ("NYSE:F", DAY, "F", None),
        ("TSE:7203", DAY, "TYO:7203", None),
    ],
)
def test_a_symbol_means_the_company_that_had_it_on_that_day(notation: str, day: str, symbol: str, name: str | None) -> None:
    """Renamed companies keep their articles, and a symbol given to another company changes sides."""
    found = registry(COMPANIES).resolve(notation, day)
    assert (found.symbol, found.company and found.company.name) == (symbol, name)


def test_a_company_holds_all_that_the_file_says() -> None:
    """Names, exchanges, texts, aliases and days, with the line that they stand on."""
    companies = {company.symbol: company for company in registry(COMPANIES).companies}
    assert companies["META"] == Company(
        "META",
        name="Meta Platforms",
        exchange="NASDAQ",
        description="Social networks, and what may come after them.",
        aliases=(Alias("FB", until="2022-06-09"),),
        line=6,
    )
    assert companies["LON:VOD"].exchange == "LON"
    assert companies["TSLA"].exchange == "NASDAQ"
    assert companies["WTW"].since == "2022-01-10"
    assert companies["BARE"] == Company("BARE", line=companies["BARE"].line)


def test_a_name_holds_no_control_characters() -> None:
    """What no page and no feed can carry is dropped, and spaces of any kind are one."""
    assert registry('TSLA: "Tes\\x07la\\n  Inc"').companies[0].name == "Tesla Inc"


def test_the_settings_say_where_home_is() -> None:
    """With London for a home, its symbols stand bare and those of New York do not."""
    found = registry("LSE:VOD: Vodafone", home=frozenset({"LSE"}))
    assert found.resolve("LON:VOD", DAY).symbol == found.resolve("VOD", DAY).symbol == "VOD"
    assert found.companies[0].exchange == "LON"
    assert found.resolve("NYSE:F", DAY) == Identity("NYSE:F", None)


def test_without_a_file_the_registry_is_empty() -> None:
    """Every symbol still has its form, and nobody is suggested."""
    empty = registry("")
    assert empty.resolve("NASDAQ:TSLA", DAY) == Identity("TSLA", None)
    assert empty.suggest("TSLA") is None


@pytest.mark.parametrize(
    ("unknown", "suggestion"),
    [
        ("TLSA", "TSLA"),
        ("TSLAA", "TSLA"),
        ("TSL", "TSLA"),
        ("TSLB", "TSLA"),
        ("NASDQ:TSLA", "TSLA"),
        ("VOD", "LON:VOD"),
        ("LON:VOF", "LON:VOD"),
        ("FB", "META"),
        ("TESLA", "TSLA"),
        ("F", None),
        ("QQQQQ", None),
    ],
)
def test_an_unknown_symbol_gets_the_company_that_was_probably_meant(unknown: str, suggestion: str | None) -> None:
    """Slips of the fingers, old symbols, other exchanges and names lead to the company's symbol."""
    assert registry(COMPANIES).suggest(unknown) == suggestion


@pytest.mark.parametrize(("text", "expected"), sections("registry_errors.txt"))
def test_every_mistake_in_the_registry_is_placed_and_explained(text: str, expected: str) -> None:
    """The whole messages, all at once."""
    with pytest.raises(ContentError) as caught:
        read_registry(text, "t.yaml")
    assert "\n".join(map(str, caught.value.diagnostics)) == expected


@given(st.dictionaries(st.sampled_from(["A", "B", "C"]), st.integers(0, 6), min_size=1), st.integers(0, 7))
def test_a_symbol_in_use_by_turns_means_one_company_each_day(starts: dict[str, int], day: int) -> None:
    """Companies that had `X` one after the other are told apart on every day."""
    turns = sorted((start, name) for name, start in starts.items())
    ends = [start for start, _ in turns[1:]] + [9]
    lines = [
        f"{name}: {{aliases: [{{symbol: X, from: 2024-01-0{start + 1}, until: 2024-01-0{end + 1}}}]}}\n"
        for (start, name), end in zip(turns, ends, strict=True)
        if start < end < 9
    ]
    text = "".join(sorted(lines))  # not in the order of their turns
    found = registry(text).resolve("X", f"2024-01-0{day + 1}")
    owners = [name for (start, name), end in zip(turns, ends, strict=True) if start <= day < end < 9]
    assert found.symbol == (owners[0] if owners else "X")
