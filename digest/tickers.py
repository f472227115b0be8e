"""Tickers: which company or instrument a symbol meant on a day.

The registry, `content/tickers.yaml`, gives companies their names and their other symbols, each with the days
on which it was one, because symbols change (`FB` became `META`) and are given to others (`WTW`). How tickers
are written is left to `notation`.

    META:
      name: Meta Platforms
      exchange: NASDAQ
      aliases:
        - {symbol: FB, until: 2022-06-09}
    LON:VOD: {name: Vodafone Group}
    ON: ON Semiconductor          # a text is the name
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from digest.notation import bare, parse

_TELLING = 3
"""Characters from which on the likeness of two symbols is more than chance."""


class Alias(msgspec.Struct, frozen=True):
    """Another symbol of a company, and when it was one."""

    symbol: str
    since: str = ""
    """The first day, `2012-05-18`; empty when it always was. In the file: `from`."""
    until: str = ""
    """The first day on which it no longer was; empty when it still is."""


class Company(msgspec.Struct, frozen=True):
    """A company or an instrument as the registry knows it."""

    symbol: str
    name: str = ""
    exchange: str = ""
    """The exchange's prefix, or empty."""
    description: str = ""
    aliases: tuple[Alias, ...] = ()
    since: str = ""
    """The first day on which `symbol` meant this company; empty when it always did. In the file: `from`."""
    until: str = ""
    """The first day on which it no longer did; empty when it still does."""
    line: int = 0
    """Where the registry's file names it."""


class Identity(msgspec.Struct, frozen=True):
    """What a notation means on a day."""

    symbol: str
    """`TSLA` on a home exchange, else `LON:VOD`."""
    company: Company | None


class Claim(msgspec.Struct, frozen=True):
    """On these days a symbol means this company."""

    since: str
    until: str
    identity: Identity
    line: int
    column: int

    def admits(self, day: str) -> bool:
        """Whether the ISO day lies in the claim."""
        return self.since <= day and (not self.until or day < self.until)

    @property
    def in_words(self) -> str:
        company = self.identity.company
        name = company.name if company and company.name else self.identity.symbol
        return name + (f" from {self.since}" if self.since else "") + (f" until {self.until}" if self.until else "")


class Registry(msgspec.Struct, frozen=True):
    """Which company a symbol means. `read_registry` makes one, from an empty text an empty one."""

    companies: tuple[Company, ...]
    """In the order of the file."""
    home: frozenset[str]
    """Prefixes of the exchanges whose symbols stand bare."""
    claims: dict[str, tuple[Claim, ...]]
    """By symbol; a company's own symbol before the aliases of others."""

    def symbol(self, notation: str) -> str:
        """The site's form of a notation; raises `ValueError` as `parse` does."""
        return bare(parse(notation), self.home)

    def resolve(self, notation: str, day: str) -> Identity:
        """What a well-formed notation means on an ISO day; the company is None when nobody claims it then."""
        symbol = self.symbol(notation)
        for claim in self.claims.get(symbol, ()):
            if claim.admits(day):
                return claim.identity
        return Identity(symbol, None)

    def suggest(self, symbol: str) -> str | None:
        """The symbol of the company that an unknown symbol probably means, or None.

        That is a company which had it at another time, has it on another exchange, has it as its name, or has
        one that differs by one slip of the fingers.
        """
        for claim in self.claims.get(symbol, ()):
            if claim.identity.symbol != symbol:
                return claim.identity.symbol
        market, colon, name = symbol.rpartition(":")
        if market and self._owned(name):
            return name
        for company in self.companies:
            if company.symbol.endswith(f":{name}") and company.symbol != symbol:
                return company.symbol
        for company in self.companies:
            if company.name.upper().split()[:1] == [name]:
                return company.symbol
        slips = _slips(name) if len(name) >= _TELLING else ()
        return next((market + colon + slip for slip in slips if self._owned(market + colon + slip)), None)

    def owners(self, symbol: str) -> str:
        """Whose a symbol is and when, in words: `Meta Platforms until 2022-06-09`."""
        claims = sorted(self.claims.get(symbol, ()), key=lambda claim: claim.since)
        return ", ".join(claim.in_words for claim in claims)

    def _owned(self, symbol: str) -> bool:
        claims = self.claims.get(symbol)
        return claims is not None and claims[0].identity.symbol == symbol


def _slips(word: str) -> Iterator[str]:
    """Every word at one slip from this one: neighbours swapped, a letter wrong, one too many, one missing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"
    cuts = [(word[:index], word[index:]) for index in range(len(word) + 1)]
    yield from (head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1)
    yield from (head + letter + tail[1:] for head, tail in cuts if tail for letter in letters)
    yield from (head + tail[1:] for head, tail in cuts if tail)
    yield from (head + letter + tail for head, tail in cuts for letter in letters)
