"""The site: all articles in, one `Site` out, in which each stands in its edition and its groups.

Decides what is public at a given moment, what a ticker means on an article's day, and what belongs together. Addresses
are left to `pages`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

import msgspec

from digest import notation, urls
from digest.articles import Article
from digest.config import Config
from digest.errors import Diagnostic
from digest.inputs import Audience, Skipped
from digest.tickers import Company, Identity, Registry

KINDS = ("tickers", "tags", "sources", "watchlists")


class Group(msgspec.Struct, frozen=True):
    """The articles on one ticker, tag, source or watchlist, newest first."""

    kind: str
    name: str
    slug: str
    articles: list[Article]
    company: Company | None = None
    description: str = ""
    members: tuple[str, ...] = ()
    """A watchlist's tickers, as canonical symbols."""


class Site(msgspec.Struct, frozen=True):
    articles: list[Article]
    """Those that indexes and feeds show, newest first."""
    expired: list[Article]
    """Those that only keep their page."""
    standing: list[Article]
    """Pages that belong to no day, by address."""
    notes: dict[str, Article]
    """Editors' notes by day."""
    editions: dict[str, list[Article]]
    """Days, newest first, with their articles in the editor's order."""
    groups: dict[str, dict[str, Group]]
    """By kind, then by slug, in the order in which their lists show them."""
    symbols: dict[str, tuple[str, ...]]
    """An article's tickers as canonical symbols, by the article's path."""
    mentions: dict[str, dict[str, str]]
    """What a body's mentions mean, by the article's path: notation to symbol. Only those that are known."""
    status: dict[str, str]
    """`draft`, `scheduled` or `expired`, by path, of those that are shown and not simply public."""
    hidden: dict[str, str]
    """The same of those that are not shown."""
    skipped: Skipped


def assemble(config: Config, sources: Sequence[Article], registry: Registry, audience: Audience) -> tuple[Site, list[Diagnostic]]:
    """Return the site as `audience` may see it, and what is wrong with it."""
    problems: list[Diagnostic] = []
    articles: list[Article] = []
    expired: list[Article] = []
    standing: list[Article] = []
    notes: dict[str, Article] = {}
    status: dict[str, str] = {}
    hidden: dict[str, str] = {}
    for article in sources:
        state = _state(article, audience)
        shown = audience.drafts if state == "draft" else audience.future if state == "scheduled" else True
        if state:
            (status if shown else hidden)[article.path] = state
        if not shown:
            continue
        if article.kind == "article":
            (expired if state == "expired" else articles).append(article)
        elif article.kind == "page":
            standing.append(article)
        elif article.edition in notes:
            both = f"'{notes[article.edition].path}' is a note for {article.edition} too"
            problems.append(Diagnostic(article.path, 1, 1, both, "keep one of them"))
        else:
            notes[article.edition] = article
    articles.sort(key=_newest_first)
    expired.sort(key=_newest_first)
    standing.sort(key=lambda page: page.slug)
    public = articles + expired
    symbols, mentions = _resolve_tickers(public + standing + list(notes.values()), registry, problems)
    groups = _group(config, articles, public + standing + list(notes.values()), symbols, mentions, registry, problems)
    editions = _editions(articles)
    for day, note in notes.items():
        if day not in editions:
            problems.append(Diagnostic(note.path, 1, 1, f"no article is published on {day}", "the note waits for one", "warning"))
    skipped = _skipped(sources, audience, status, hidden)
    site = Site(articles, expired, standing, notes, editions, groups, symbols, mentions, status, hidden, skipped)
    return site, problems


def _state(article: Article, audience: Audience) -> str:
    """`draft`, `scheduled`, `expired`, or empty for what is simply public."""
    if article.draft:
        return "draft"
    if article.seconds > audience.as_of:
        return "scheduled"
    if article.kind == "article" and article.expires is not None and article.expires <= audience.as_of:
        return "expired"
    return ""


def _skipped(sources: Iterable[Article], audience: Audience, status: Mapping[str, str], hidden: Mapping[str, str]) -> Skipped:
    now = audience.as_of
    left_out, states = list(hidden.values()), [*status.values(), *hidden.values()]
    due = [article.seconds for article in sources if article.seconds > now and not article.draft]
    ends = [article.expires for article in sources if article.expires is not None and article.expires > now]
    return Skipped(
        drafts=left_out.count("draft"),
        scheduled=left_out.count("scheduled"),
        expired=states.count("expired"),
        next_due=min(due, default=None),
        valid_until=min(due + ends, default=None),
    )


def _newest_first(article: Article) -> tuple[int, str]:
    return -article.seconds, article.path


def _editions(articles: list[Article]) -> dict[str, list[Article]]:
    days: dict[str, list[Article]] = {}
    for article in articles:
        days.setdefault(article.edition, []).append(article)
    for day in days.values():
        day.sort(key=lambda article: article.weight)  # stable: newest first among equals
    return dict(sorted(days.items(), reverse=True))


def _resolve_tickers(
    articles: list[Article], registry: Registry, problems: list[Diagnostic]
) -> tuple[dict[str, tuple[str, ...]], dict[str, dict[str, str]]]:
    """What the articles' tickers and mentions mean on their days; warns of what does not fit together."""
    symbols: dict[str, tuple[str, ...]] = {}
    mentions: dict[str, dict[str, str]] = {}
    resolve = _resolver(registry)
    for article in articles:
        day = article.date[:10] or article.edition or "9999-12-31"
        declared = {}
        for written in article.tickers:
            identity = resolve(written, day)
            declared[identity.symbol] = written
            if identity.company is None and registry.companies:
                hint = registry.suggest(identity.symbol)
                hint = f"did you mean '{hint}'?" if hint else "add it to tickers.yaml"
                _warn(problems, article, f"the registry does not know '{identity.symbol}' on {day}", hint)
        symbols[article.path] = tuple(declared)
        found = {}
        for reference in article.references:
            if reference.kind != "ticker":
                continue
            identity = resolve(reference.target, day)
            if identity.symbol in declared or identity.company:
                found[reference.target] = identity.symbol
            if identity.symbol not in declared and article.kind == "article" and (identity.company or ":" in reference.target):
                message = f"'{reference.target}' is mentioned but not among the tickers"
                hint = f"add {identity.symbol} to tickers"
                problems.append(Diagnostic(article.path, reference.line, reference.column, message, hint, "warning"))
        if found:
            mentions[article.path] = found
        meant = set(found.values())
        for written in article.unmentioned:
            symbol = resolve(written, day).symbol
            if symbol not in meant:
                _warn(problems, article, f"the text never mentions '{symbol}'", "name it in the text, or drop it from tickers")
    return symbols, mentions


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


def _warn(problems: list[Diagnostic], article: Article, message: str, hint: str) -> None:
    line, column = article.positions.get("tickers", (1, 1))
    problems.append(Diagnostic(article.path, line, column, message, hint, "warning"))


def _group(
    config: Config,
    articles: list[Article],
    mentioning: list[Article],
    symbols: Mapping[str, tuple[str, ...]],
    mentions: Mapping[str, Mapping[str, str]],
    registry: Registry,
    problems: list[Diagnostic],
) -> dict[str, dict[str, Group]]:
    by_symbol: dict[str, list[Article]] = {}
    by_tag: dict[str, list[Article]] = {}
    by_source: dict[str, list[Article]] = {}
    companies = {company.symbol: company for company in registry.companies}
    for article in articles:
        for symbol in symbols[article.path]:
            by_symbol.setdefault(symbol, []).append(article)
        for tag in article.tags:
            by_tag.setdefault(tag, []).append(article)
        if article.source:
            by_source.setdefault(article.source.name, []).append(article)
    for article in mentioning:  # what a page links to must be there, also when no article is on it
        for symbol in (*symbols[article.path], *mentions.get(article.path, {}).values()):
            by_symbol.setdefault(symbol, [])
    members = {
        name: tuple(dict.fromkeys(registry.resolve(notation.parse(text), "9999-12-31").symbol for text in watchlist.tickers))
        for name, watchlist in config.watchlists.items()
    }
    for names in members.values():
        for symbol in names:
            by_symbol.setdefault(symbol, [])
    groups: dict[str, dict[str, Group]] = {kind: {} for kind in KINDS}
    for symbol, found in sorted(by_symbol.items()):
        group = Group("tickers", symbol, notation.slug(symbol), found, companies.get(symbol))
        _place(groups["tickers"], group, problems, "give one of them as an alias of the other in tickers.yaml")
    for tag, found in sorted(by_tag.items()):
        _place(groups["tags"], Group("tags", tag, urls.slugify(tag), found), problems, "rename one of them")
    for group in _sources(by_source):
        _place(groups["sources"], group, problems, "rename one of them")
    for name, watchlist in config.watchlists.items():
        theirs = {article.path: article for symbol in members[name] for article in by_symbol[symbol]}
        newest = sorted(theirs.values(), key=_newest_first)
        group = Group("watchlists", watchlist.title or name, name, newest, None, watchlist.description, members[name])
        groups["watchlists"][name] = group
    return groups


def _sources(by_name: Mapping[str, list[Article]]) -> list[Group]:
    """Sources by slug: spellings that differ in case or punctuation are one source, under its oldest spelling."""
    spellings: dict[str, list[str]] = {}
    for name in by_name:
        spellings.setdefault(urls.slugify(name), []).append(name)
    groups = []
    for slug, names in spellings.items():
        oldest = min(names, key=lambda name: (by_name[name][-1].seconds, by_name[name][-1].path, name))
        found = [article for name in names for article in by_name[name]]
        if len(names) > 1:
            found.sort(key=_newest_first)
        groups.append(Group("sources", oldest, slug, found))
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
