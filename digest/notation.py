"""Notation of tickers: how they are written, where they stand in prose, and their names in URLs.

A *notation* is what somebody wrote: `$TSLA`, `Nasdaq: tsla`, `LSE:VOD`. Here are the exchanges and their many
names, the one form of every notation, and the search for notations in text. Which company a symbol means is
the registry's business (`tickers`); which mentions become links, and where they lead, is left to others. All
of it is pure.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from functools import lru_cache

LONGEST = 24
"""Characters in a symbol, without its exchange; the longest in use are pairs of currencies and coins."""

# Prefix, ISO 10383 market identifier code, other names. The prefixes are the most common of quotation sites.
_UNITED_STATES = (
    ("NASDAQ", "XNAS", "NasdaqGS NasdaqGM NasdaqCM NMS NGS NGM NCM"),
    ("NYSE", "XNYS", ""),
    ("NYSEARCA", "ARCX", "ARCA NYSE_Arca"),
    ("NYSEAMERICAN", "XASE", "AMEX NYSEMKT NYSE_American NYSE_MKT"),
    ("BATS", "BATS", "Cboe"),
    ("IEX", "IEXG", ""),
    ("OTC", "OTCM", "OTCQX OTCQB OTCPK OTCBB OTCMKTS PINK OTC_Markets OTC_Pink"),
)
_ABROAD = (
    ("AMS", "XAMS", "Euronext_Amsterdam"),
    ("ASX", "XASX", ""),
    ("BCBA", "XBUE", "BYMA"),
    ("BIT", "XMIL", "MIL BorsaItaliana Euronext_Milan"),
    ("BKK", "XBKK", "SET"),
    ("BME", "XMAD", "MCE MAD"),
    ("BMV", "XMEX", ""),
    ("BOM", "XBOM", "BSE"),
    ("BVMF", "BVMF", "B3 BOVESPA"),
    ("CPH", "XCSE", ""),
    ("CSE", "XCNQ", "CNSX"),
    ("DUB", "XDUB", "Euronext_Dublin"),
    ("EBR", "XBRU", "BRU Euronext_Brussels"),
    ("ELI", "XLIS", "LIS Euronext_Lisbon"),
    ("EPA", "XPAR", "PAR Euronext_Paris"),
    ("ETR", "XETR", "Xetra"),
    ("FRA", "XFRA", "FWB"),
    ("HEL", "XHEL", ""),
    ("HKG", "XHKG", "HKEX SEHK HKSE"),
    ("IST", "XIST", "BIST"),
    ("JKT", "XIDX", "IDX"),
    ("JSE", "XJSE", "JNB"),
    ("KLSE", "XKLS", "MYX"),
    ("KOSDAQ", "XKOS", ""),
    ("KRX", "XKRX", "KOSPI"),
    ("LON", "XLON", "LSE AIM"),
    ("NSE", "XNSE", ""),
    ("NZX", "XNZE", "NZE"),
    ("OSL", "XOSL", "OSE Euronext_Oslo"),
    ("SGX", "XSES", "SES"),
    ("SHA", "XSHG", "SSE"),
    ("SHE", "XSHE", "SZSE"),
    ("STO", "XSTO", ""),
    ("SWX", "XSWX", "SIX VTX"),
    ("TADAWUL", "XSAU", ""),
    ("TLV", "XTAE", "TASE"),
    ("TPE", "XTAI", "TWSE"),
    ("TPEX", "ROCO", ""),
    ("TSX", "XTSE", "TOR"),
    ("TSXV", "XTSX", "CVE TSX_Venture"),
    ("TYO", "XTKS", "TSE JPX"),
    ("VIE", "XWBO", "WBAG"),
    ("WSE", "XWAR", "GPW"),
)

HOME_EXCHANGES = frozenset(prefix for prefix, _, _ in _UNITED_STATES)
"""The exchanges whose symbols stand bare unless the settings say otherwise: those of the United States."""

_SPELLINGS = {
    name.replace("_", " "): prefix for prefix, code, names in _UNITED_STATES + _ABROAD for name in (prefix, code, *names.split())
}
EXCHANGES = {name.upper(): prefix for name, prefix in _SPELLINGS.items()}
"""Every known name of an exchange, in upper case, and the prefix it stands for: `LSE` -> `LON`."""

_MICS = {prefix: code for prefix, code, _ in _UNITED_STATES + _ABROAD}

# As prose spells them; a word that shouts (`SET: A`) is not taken for an exchange.
_IN_PROSE = {"Nasdaq": "NASDAQ", **EXCHANGES, **_SPELLINGS}
for _word in ("SET", "MAD", "PAR", "PINK"):
    del _IN_PROSE[_word]

_NUMERIC = frozenset(("HKG", "KLSE", "KOSDAQ", "KRX", "SHA", "SHE", "TADAWUL", "TPE", "TPEX", "TYO"))
"""Where symbols are numbers; elsewhere a number behind the exchange is its level (`Nasdaq: 16,000`)."""


def exchange(name: str) -> str:
    """The prefix of an exchange by any of its names; an unknown name stands for itself, in upper case."""
    upper = " ".join(name.upper().split())
    return EXCHANGES.get(upper, upper)


def mic(name: str) -> str:
    """The exchange's market identifier code (ISO 10383), or an empty string when it is not known."""
    return _MICS.get(exchange(name), "")


_EXCHANGE = re.compile(r"[A-Z][A-Z0-9]{1,11}")
_SYMBOL = re.compile(r"[\^.]?[A-Z0-9]+(?:[./&-][A-Z0-9]+)*(?:=[A-Z0-9]+)?")
_STRANGE = re.compile(r"[^A-Z0-9.^/&=:$-]")


@lru_cache(maxsize=1 << 16)
def parse(notation: str) -> str:
    """The notation as `SYMBOL` or `EXCHANGE:SYMBOL`, in upper case, the exchange by its prefix.

    Raises `ValueError` with a message for the author when it is no ticker.
    """
    text = notation.strip().removeprefix("$")
    market, colon, symbol = text.rpartition(":")
    symbol = symbol.strip().removeprefix("$")
    if not symbol:
        raise ValueError("a ticker is missing")
    if "," in text or len(symbol.split()) > 1:
        raise ValueError(f"'{text}' is not one ticker: write several as a list, [TSLA, NVDA]")
    upper = symbol.upper() if symbol.isascii() else symbol
    if strange := _STRANGE.search(upper):
        raise ValueError(f"'{strange[0]}' cannot be part of a ticker: '{text}'")
    if not _SYMBOL.fullmatch(upper):
        raise ValueError(f"'{text}' is not a ticker: expected one such as TSLA, BRK.B, LON:VOD, ^GSPC or BTC-USD")
    if len(upper) > LONGEST:
        raise ValueError(f"'{text}' is too long for a ticker: more than {LONGEST} characters")
    if not colon:
        return upper
    prefix = exchange(market)
    if not _EXCHANGE.fullmatch(prefix):
        raise ValueError(f"'{market}' is not an exchange: expected one such as NASDAQ in NASDAQ:TSLA")
    return f"{prefix}:{upper}"


def bare(symbol: str, home: Container[str]) -> str:
    """The site's form of what `parse` returns: without its exchange when that is one of `home`."""
    market, _, name = symbol.rpartition(":")
    return name if market in home else symbol


_RESERVED = re.compile(r"con|prn|aux|nul|com[1-9]|lpt[1-9]")


def slug(symbol: str) -> str:
    """The symbol's name in URLs: `[a-z0-9-]`, lower case, never empty for what `parse` returns.

    * `BRK.B` -> `brk-b`, `LON:VOD` -> `lon-vod`: whatever else stands between letters becomes a hyphen;
    * `^GSPC`, `.DJI` -> `idx-gspc`, `idx-dji`: an index;
    * `EURUSD=X` -> `fx-eurusd`: a currency pair; `ES=F` -> `fut-es`: a future, as quotation sites mark them;
    * `CON` -> `con_`: a name that Windows keeps for a device gets an underscore
      (https://learn.microsoft.com/windows/win32/fileio/naming-a-file).
    """
    market, _, name = symbol.lower().rpartition(":")
    if name.startswith(("^", ".")):
        name = f"idx-{name}"
    elif name.endswith("=x"):
        name = f"fx-{name[:-2]}"
    elif name.endswith("=f"):
        name = f"fut-{name[:-2]}"
    plain = re.sub(r"[^a-z0-9]+", "-", f"{market}-{name}").strip("-")
    return f"{plain}_" if _RESERVED.fullmatch(plain) else plain


_TAIL = r"(?:(?:\.[A-Z]{1,3}|/[A-Z]{1,2}|-[A-Z]{1,4}|&amp;[A-Z]{1,9})(?![A-Za-z0-9]))*"
_MENTION = re.compile(
    rf"""
    : (?P<space>(?:\s|&nbsp;|&\#160;){{0,2}}) \$?
      (?P<listed> \^?[A-Z][A-Z0-9]{{0,9}} {_TAIL} (?:=[XF])? | [0-9]{{1,6}}[A-Z]? (?![.,][0-9]) ) (?![\w$])
    | \$ (?<![\w$]\$) (?!(?:US|USD|AUD|CAD|HKD|NZD|SGD)\b)
      (?P<alone> \^?[A-Z]{{1,6}} {_TAIL} ) (?![\w$])
    """,
    re.VERBOSE,
).match
_MARKET = re.compile(r"(?<![\w./:@=#$&?%-])(?:(?:NYSE|OTC|TSX|Euronext)[ \u00a0])?[A-Z][A-Za-z0-9]{1,13}$")
_REACH = 24
"""No spelling of an exchange is longer."""
_WORD = re.compile(r"\s[a-z]")
_SPACE = re.compile(r"\s|&nbsp;")


def mentions(html: str) -> Iterator[tuple[int, int, str]]:
    """Where the text of HTML names tickers: start, end, and `NASDAQ:TSLA` or `$TSLA`, in order.

    `<` and `>` must stand around tags only. A notation with an exchange counts only behind a known one (`Note: ABC` does
    not). One behind a dollar may still be something else (`in $M`): believe it where the symbol is known.
    """
    position = 0
    text = seen = 0  # where the text at hand begins, and up to where that is known
    in_tag, url = False, -1
    for at in _marks(html):
        if at < position or not (found := _MENTION(html, at)):
            continue
        start = at
        name = found["alone"]
        if name is None:
            start, market = _market(html, found)
            if not market:
                continue
            name = f"{market}:{found['listed']}"
        else:
            name = f"${name}"
        position = found.end()
        opened, closed = html.rfind("<", seen, start), html.rfind(">", seen, start)
        in_tag = opened > closed if opened != closed else in_tag
        text = max(text, closed + 1)
        url = max(url, html.rfind("://", max(text, seen - 2), start))
        seen = start
        if not in_tag and (url < text or _SPACE.search(html, url, start)):
            yield start, position, name.replace("&amp;", "&")


def _marks(text: str) -> list[int]:
    """Where colons and dollars stand, in order. To find each by itself is much quicker than to search for both."""
    found = []
    for mark in ":$":
        at = text.find(mark)
        while at >= 0:
            found.append(at)
            at = text.find(mark, at + 1)
    return sorted(found)


def _market(text: str, found: re.Match[str]) -> tuple[int, str]:
    """Where the exchange before the colon begins, and its prefix: empty when there is none that fits."""
    colon = found.start()
    before = _MARKET.search(text, max(0, colon - _REACH), colon)
    if before is None:
        return colon, ""
    spelled = before[0].replace("\u00a0", " ")
    if spelled not in _IN_PROSE:
        spelled = spelled.rpartition(" ")[2]
    market = _IN_PROSE.get(spelled, "")
    symbol = found["listed"]
    if symbol[0].isdecimal() and market not in _NUMERIC:
        return colon, ""
    if symbol in ("A", "I") and found["space"] and _WORD.match(text, found.end()):
        return colon, ""  # a sentence goes on: "NYSE: A record day"
    return colon - len(spelled), market
