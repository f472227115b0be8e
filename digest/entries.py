"""Entries: what the site needs to know of an article to say where it stands, without its text.

An entry is made once, when its article is parsed, and kept in the cache beside it. A build of a large archive looks at
every entry, and at the articles themselves only where one of their pages is made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from functools import cache

import msgspec

from digest import notation, urls, views
from digest.articles import CARD, CONTENT, NOTE, Article, Image, Parsed, capitalised
from digest.errors import Diagnostic
from digest.fingerprint import fingerprint
from digest.references import Reference
from digest.store import UNREADABLE, Damaged
from digest.tickers import Company, Identity, Registry


class Terms(msgspec.Struct, frozen=True):
    """What an entry depends on besides its article.

    Not the site's origin, so that a preview shares the entries of a build: every page knows that anyway.
    """

    base: str
    author: str
    registry: Registry


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An article as the rest of the site knows it; fields of the same name are the article's.

    A build holds as many as there are articles, and half of the time that it takes to read them is spent on room for them:
    what is asked of few is in `Details`.
    """

    path: str
    version: bytes
    """Key of what its source held, and of the settings that it was parsed with."""
    kind: str = ""
    """Empty when the source gave no article."""
    address: str = ""
    seconds: int = 0
    updated: int | None = None
    """When it was last changed, in seconds since 1970, where it says so."""
    edition: str = ""
    weight: int = 0
    expires: int | None = None
    draft: bool = False
    reprinted: bool = False
    """Whether it stands here in full, so that search engines are sent to its source."""
    id: str = ""
    """Its own identity in feeds, if it has one."""
    symbols: tuple[str, ...] = ()
    """Its tickers, as canonical symbols on its day."""
    mentioned: tuple[str, ...] = ()
    """Symbols that its body links to, and that are not among its tickers."""
    tags: tuple[str, ...] = ()
    source: str = ""
    """The source's name."""
    aliases: tuple[str, ...] = ()
    image: Image | None = None
    links: tuple[Reference, ...] = ()
    """The body's links to files and pages of the site."""
    details: bytes = b""
    """Its encoded `Details`."""
    card_key: bytes = b""
    """Key of what a card shows of it."""
    content_key: bytes = b""
    """Key of what its page shows beyond the card."""
    problems: tuple[Diagnostic, ...] = ()

    @property
    def month(self) -> str:
        """The edition's: `2024-05`."""
        return self.edition[:7]

    @property
    def modified(self) -> int | None:
        """When its page was last changed, in seconds since 1970; None where that is not known."""
        return self.seconds if self.updated is None and self.kind == "article" else self.updated

    @property
    def title(self) -> str:
        return self._details.title

    @property
    def body(self) -> bytes:
        """Key of its body's HTML."""
        return self._details.body

    @property
    def mentions(self) -> dict[str, str]:
        """What its body's mentions mean: notation to symbol. Only those that are known."""
        return self._details.mentions

    @property
    def positions(self) -> dict[str, tuple[int, int]]:
        return self._details.positions

    @property
    def _details(self) -> Details:
        try:
            return _decode_details(self.details)
        except UNREADABLE as error:
            raise Damaged.because(error) from error


class Details(msgspec.Struct, frozen=True, array_like=True):
    """What is asked of few entries in a build, so that it need not be decoded for all."""

    title: str
    body: bytes
    mentions: dict[str, str]
    positions: dict[str, tuple[int, int]]


_encode = msgspec.msgpack.Encoder().encode
_decode_details = msgspec.msgpack.Decoder(Details).decode


class Cataloguer:
    """Makes entries under given terms."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._companies = {company.symbol: company for company in terms.registry.companies}
        self._resolve = _resolver(terms.registry)
        self._ticker = cache(self._make_ticker)

    def __call__(self, path: str, version: bytes, parsed: Parsed) -> Entry:
        """The entry of what came of a version of the source at `path`."""
        article = parsed.article
        if article is None:
            return Entry(path, version, problems=parsed.problems)
        symbols, mentions, problems = self._tickers_of(article)
        links = tuple([reference for reference in article.references if reference.kind != "ticker"])
        card, content = self._keys(article, symbols, mentions)
        return Entry(
            path,
            version,
            article.kind,
            article.address,
            article.seconds,
            int(datetime.fromisoformat(article.updated).timestamp()) if article.updated else None,
            article.edition,
            article.weight,
            article.expires,
            article.draft,
            article.reprint == "full",
            article.id,
            symbols,
            tuple(dict.fromkeys([symbol for symbol in mentions.values() if symbol not in symbols])),
            article.tags,
            article.source.name if article.source else "",
            article.aliases,
            article.image if article.kind == "article" else None,
            links,
            _encode(Details(article.title, article.body, mentions, article.positions)),
            card,
            content,
            (*parsed.problems, *problems),
        )

    def _make_ticker(self, symbol: str) -> views.Ticker:
        return ticker(symbol, self._companies.get(symbol), self._terms.base)

    def _keys(self, article: Article, symbols: tuple[str, ...], mentions: dict[str, str]) -> tuple[bytes, bytes]:
        """The keys of all that cards and pages show of an article, but for what depends on other sources."""
        base = self._terms.base
        led = [mentions.get(reference.target) if reference.kind == "ticker" else "" for reference in article.references]
        if article.kind != "article":
            return b"", fingerprint((base, led, [getattr(article, name) for name in NOTE]))
        tickers = [self._ticker(symbol) for symbol in symbols]
        shown = (base, self._terms.author, tickers, [getattr(article, name) for name in CARD])
        beyond = (base, article.id, article.address, led, [getattr(article, name) for name in CONTENT])
        return fingerprint(shown), fingerprint(beyond)

    def _tickers_of(self, article: Article) -> tuple[tuple[str, ...], dict[str, str], list[Diagnostic]]:
        """What an article's tickers and mentions mean on its day, and what does not fit together."""
        problems: list[Diagnostic] = []

        def warn(message: str, hint: str, line: int, column: int) -> None:
            problems.append(Diagnostic(article.path, line, column, message, hint, "warning"))

        registry, where = self._terms.registry, article.positions.get("tickers", (1, 1))
        day = article.date[:10] or article.edition or "9999-12-31"
        declared = {}
        for written in article.tickers:
            identity = self._resolve(written, day)
            declared[identity.symbol] = written
            if identity.company is None and identity.symbol in self._companies:
                # Its page is that company's, which the article is not about.
                message = f"'{identity.symbol}' is nobody's on {day}, but of {registry.owners(identity.symbol)}"
                hint = "take it out, or correct the days in tickers.yaml"
                problems.append(Diagnostic(article.path, *where, message, hint))
            elif identity.company is None and registry.companies:
                known = registry.suggest(identity.symbol)
                hint = f"did you mean '{known}'?" if known else "add it to tickers.yaml"
                warn(f"the registry does not know '{identity.symbol}' on {day}", hint, *where)
        found = {}
        for reference in article.references:
            if reference.kind != "ticker":
                continue
            identity = self._resolve(reference.target, day)
            if identity.symbol in declared or identity.company:
                found[reference.target] = identity.symbol
            if identity.symbol not in declared and article.kind == "article" and (identity.company or ":" in reference.target):
                message = f"'{reference.target}' is mentioned but not among the tickers"
                warn(message, f"add {identity.symbol} to tickers", reference.line, reference.column)
        meant = set(found.values())
        for written in article.unmentioned:
            identity = self._resolve(written, day)
            if identity.symbol not in meant and not _is_named(identity.company, article.names):
                warn(f"the text never mentions '{identity.symbol}'", "name it in the text, or drop it from tickers", *where)
        return tuple(declared), found, problems


def _is_named(company: Company | None, words: Collection[str]) -> bool:
    """Whether a company's name, or another symbol of it, is among the words of a text."""
    spelled = (company.name, *(alias.symbol.rpartition(":")[2] for alias in company.aliases)) if company else ()
    return any(name and name.issubset(words) for name in map(capitalised, spelled))


def ticker(symbol: str, company: Company | None, base: str) -> views.Ticker:
    """A ticker as cards name it."""
    name, exchange = (company.name, company.exchange) if company else ("", "")
    url = base + urls.group("tickers", notation.slug(symbol))
    return views.Ticker(symbol, name, exchange or symbol.rpartition(":")[0], url)


def guid(article: Article | Entry, origin: str, base: str) -> str:
    """An article's permanent identity: its own, or its absolute permalink."""
    return article.id or origin + base + urls.escape(article.address)


def _resolver(registry: Registry) -> Callable[[str, str], Identity]:
    """The registry's `resolve`, remembering what does not depend on the day."""
    unclaimed: dict[str, Identity] = {}
    claimed = cache(registry.resolve)

    def resolve(notation: str, day: str) -> Identity:
        found = unclaimed.get(notation)
        if found is None:
            symbol = registry.symbol(notation)
            if symbol in registry.claims:
                return claimed(notation, day)
            found = unclaimed[notation] = Identity(symbol, None)
        return found

    return resolve
