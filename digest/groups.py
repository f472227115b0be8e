"""Groups: which articles belong to which ticker, tag, source and watchlist, and where each group stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, groupby
from operator import attrgetter
from typing import Any, NamedTuple, Self

from msgspec import Struct
from msgspec.structs import replace

from digest import notation, urls
from digest.config import Config
from digest.entries import Entry
from digest.errors import Diagnostic
from digest.tickers import Company, Registry

KINDS = ("tickers", "tags", "sources", "watchlists")


class Month(NamedTuple):
    """What a group has in a month."""

    articles: list[Entry]
    """Newest first."""
    cards: bytes
    """The keys of their cards, one behind the other."""


class Group(Struct, frozen=True):
    """The articles on one ticker, tag, source or watchlist, newest first."""

    kind: str
    name: str
    slug: str
    articles: list[Entry]
    months: dict[str, Month]
    """By the months of its articles' editions, newest first."""
    company: Company | None = None
    description: str = ""
    members: tuple[str, ...] = ()
    """A watchlist's tickers, as canonical symbols."""

    @property
    def cards(self) -> bytes:
        """The keys of all cards."""
        return b"".join([month.cards for month in self.months.values()])

    def with_articles(self, articles: list[Entry]) -> Self:
        """The group with other articles."""
        return replace(self, articles=articles, months=_by_month(articles))


def newest_first(entry: Entry) -> tuple[int, str]:
    return -entry.seconds, entry.path


def gather(
    config: Config,
    articles: list[Entry],
    others: Iterable[Entry],
    registry: Registry,
    companies: Mapping[str, Company],
    problems: list[Diagnostic],
) -> dict[str, dict[str, Group]]:
    """Groups by kind, then by slug, in the order of their lists. `articles` come newest first; `others` only lead to groups.

    What is wrong is added to `problems`.
    """
    by_symbol, by_tag, by_source = _find(articles)
    linked = {symbol for entry in articles if entry.mentioned for symbol in entry.mentioned}
    linked.update(symbol for entry in others for symbol in (*entry.symbols, *entry.mentioned))
    members = {
        name: tuple(dict.fromkeys(registry.resolve(notation.parse(text), "9999-12-31").symbol for text in watchlist.tickers))
        for name, watchlist in config.watchlists.items()
    }
    linked.update(chain(*members.values()))
    for symbol in linked - by_symbol.keys():  # what a page links to must be there, also when no article is on it
        by_symbol[symbol] = _nothing()
    groups: dict[str, dict[str, Group]] = {kind: {} for kind in KINDS}
    for symbol, found in sorted(by_symbol.items()):
        group = found.group("tickers", symbol, notation.slug(symbol), companies.get(symbol))
        _place(groups["tickers"], group, problems, "give one of them as an alias of the other in tickers.yaml")
    for tag, found in sorted(by_tag.items()):
        _place(groups["tags"], found.group("tags", tag, urls.slugify(tag)), problems, "rename one of them")
    for group in _sources(by_source):
        _place(groups["sources"], group, problems, "rename one of them")
    for name, watchlist in config.watchlists.items():
        theirs = _Found.together([by_symbol[symbol] for symbol in members[name]])
        title, about = watchlist.title or name, watchlist.description
        groups["watchlists"][name] = theirs.group("watchlists", title, name, None, about, members[name])
    return groups


class _Found(NamedTuple):
    """What belongs to a group."""

    articles: list[Entry]
    """Newest first."""
    months: dict[str, Month]

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """All that is in these, each article once."""
        if len(parts) == 1:
            return parts[0]
        articles = {entry.path: entry for part in parts for entry in part.articles}
        newest = sorted(articles.values(), key=newest_first)
        return cls(newest, _by_month(newest))

    def add(self, name: str, articles: list[Entry]) -> None:
        """Add articles of a month that are older than all."""
        self.articles.extend(articles)
        cards = b"".join([entry.card_key for entry in articles])
        if name in self.months:  # some of an edition of that month are dated in another
            before = self.months[name]
            self.months[name] = Month(before.articles + articles, before.cards + cards)
        else:
            self.months[name] = Month(articles, cards)

    def group(self, kind: str, name: str, slug: str, *others: Any) -> Group:
        return Group(kind, name, slug, self.articles, dict(sorted(self.months.items(), reverse=True)), *others)


def _nothing() -> _Found:
    return _Found([], {})


def _by_month(articles: Iterable[Entry]) -> dict[str, Month]:
    """Articles, newest first, by their editions' months, newest first."""
    found = _nothing()
    for month, run in groupby(articles, attrgetter("month")):
        found.add(month, list(run))
    return dict(sorted(found.months.items(), reverse=True))


def _find(articles: Iterable[Entry]) -> list[dict[str, _Found]]:
    """Which articles, newest first, there are by ticker, by tag and by the source's name.

    Everything is asked of an article at once, month by month: in a large archive it takes long to come back to one.
    """
    gathered: list[dict[str, _Found]] = [defaultdict(_nothing) for _ in range(3)]
    for month, run in groupby(articles, attrgetter("month")):
        by_symbol, by_tag, by_source = here = [defaultdict[str, list[Entry]](list) for _ in gathered]
        for entry in run:
            for symbol in entry.symbols:
                by_symbol[symbol].append(entry)
            for tag in entry.tags:
                by_tag[tag].append(entry)
            if entry.source:
                by_source[entry.source].append(entry)
        for groups, found in zip(gathered, here, strict=True):
            for name, theirs in found.items():
                groups[name].add(month, theirs)
    return gathered


def _sources(by_name: Mapping[str, _Found]) -> list[Group]:
    """Sources by slug: spellings that differ in case or punctuation are one source, under its oldest spelling."""
    spellings: dict[str, list[str]] = {}
    for name in by_name:
        spellings.setdefault(urls.slugify(name), []).append(name)
    groups = []
    for slug, names in spellings.items():
        last = {name: by_name[name].articles[-1] for name in names}
        oldest = min(names, key=lambda name: (last[name].seconds, last[name].path, name))
        groups.append(_Found.together([by_name[name] for name in names]).group("sources", oldest, slug))
    return sorted(groups, key=lambda group: (group.name.casefold(), group.name))


def _place(groups: dict[str, Group], group: Group, problems: list[Diagnostic], hint: str) -> None:
    """Add a group under its slug, which must be its own."""
    path = group.articles[0].path if group.articles else ""
    other = groups.get(group.slug)
    if not group.slug:
        problems.append(Diagnostic(path, 1, 1, f"'{group.name}' gives no address", "use letters or digits in it"))
    elif other:
        both = f"'{other.name}' and '{group.name}' would both be at /{group.kind}/{group.slug}/"
        problems.append(Diagnostic(path, 1, 1, both, hint))
    else:
        groups[group.slug] = group
