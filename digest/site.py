"""The site: the entries of all articles in, one `Site` out, in which each stands in its edition and its groups.

Decides what is public at a given moment, where links lead, and what belongs together. Addresses are left to `pages`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import chain, groupby
from operator import attrgetter
from typing import Any, NamedTuple, Self

from msgspec import Struct
from msgspec.structs import replace

from digest import notation, urls
from digest.config import Config
from digest.entries import Entry
from digest.errors import Diagnostic
from digest.fingerprint import fingerprint
from digest.inputs import FOREVER, Audience, File, Skipped
from digest.links import PageLink, Resolver
from digest.tickers import Company, Registry
from digest.views import Image

KINDS = ("tickers", "tags", "sources", "watchlists")


class Group(Struct, frozen=True):
    """The articles on one ticker, tag, source or watchlist, newest first."""

    kind: str
    name: str
    slug: str
    articles: list[Entry]
    months: list[str]
    """The months of its articles' editions, newest first."""
    cards: bytes
    """The keys of its articles' cards, one behind the other."""
    company: Company | None = None
    description: str = ""
    members: tuple[str, ...] = ()
    """A watchlist's tickers, as canonical symbols."""


class Site(Struct, frozen=True):
    """Its entries' keys are whole: of all that cards and pages show, also of what depends on other sources."""

    articles: list[Entry]
    """Those that indexes and feeds show, newest first."""
    runs: list[Run]
    """Which of these stand together, as their addresses begin with the same ten days of a month."""
    expired: list[Entry]
    """Those that only keep their page."""
    standing: list[Entry]
    """Pages that belong to no day, by address."""
    notes: dict[str, Entry]
    """Editors' notes by day."""
    editions: dict[str, list[Entry]]
    """Days, newest first, with their articles in the editor's order."""
    groups: dict[str, dict[str, Group]]
    """By kind, then by slug, in the order in which their lists show them."""
    companies: dict[str, Company]
    """By symbol."""
    settled: dict[str, Settled]
    """What depends on other sources, by path; only of those of which anything does."""
    page_links: list[PageLink]
    """The articles' links to pages by their addresses."""
    skipped: Skipped


class Run(NamedTuple):
    """Articles in succession."""

    days: str
    """What their addresses begin with: `2024/05/1` of the 10th to the 19th."""
    start: int
    end: int
    """One behind the last."""


class Settled(Struct, frozen=True):
    """What an article shows that depends on other sources, and on the moment."""

    status: str = ""
    """`draft`, `scheduled` or `expired`, of what is shown and not simply public."""
    image: Image | None = None
    links: tuple[str, ...] = ()
    """Where its links to files and pages lead, root-relative, in their order."""
    source_page: bool = True
    """Whether there is a page of its source."""


class Assembly(NamedTuple):
    """A site, what is wrong with it as a whole, and all that it was assembled from."""

    site: Site
    problems: list[Diagnostic]
    config: Config
    entries: dict[str, Entry]
    registry: Registry
    media: Mapping[str, File]
    audience: Audience

    def amended(
        self, config: Config, entries: Mapping[str, Entry], registry: Registry, media: Mapping[str, File], audience: Audience
    ) -> Site | None:
        """The site of these, where nothing but the texts of few articles has changed since; else None.

        Lists in which no such article stands are the very same.
        """
        until = self.site.skipped.valid_until
        lasting = self.audience.as_of <= audience.as_of < (FOREVER if until is None else until)
        same = replace(self.audience, as_of=audience.as_of) == audience
        same = same and fingerprint(self.config) == fingerprint(config)  # which sees the order of watchlists, as == does not
        same = same and (self.registry, self.media) == (registry, media)
        if not (lasting and same and self.entries.keys() == entries.keys()):
            return None
        changed = [(before, entries[path]) for path, before in self.entries.items() if entries[path] is not before]
        if len(changed) > FEW:
            return None
        site: Site | None = self.site
        for before, after in changed:
            site = site and _amended(site, before, after)
        return site


FEW = 20
"""Articles up to which a site is amended, and not assembled anew."""

TEXT = ("title", "details", "body", "card_key", "content_key", "problems")
"""What an article may change without standing anywhere else."""


def _amended(site: Site, before: Entry, after: Entry) -> Site | None:
    """The site with an article's text changed; None if it takes more than that."""
    unmoved = replace(after, **{name: getattr(before, name) for name in TEXT}) == before
    if not unmoved or before.kind != "article" or before.path in site.settled:
        return None
    place = _newest_first(before)

    def swapped(found: list[Entry]) -> list[Entry]:
        at = bisect_left(found, place, key=_newest_first)
        there = at < len(found) and found[at].path == before.path
        return [*found[:at], after, *found[at + 1 :]] if there else found

    def regrouped(group: Group) -> Group:
        found = swapped(group.articles)
        return group if found is group.articles else replace(group, articles=found, cards=_cards(found))

    groups = {kind: {slug: regrouped(group) for slug, group in found.items()} for kind, found in site.groups.items()}
    day = [after if entry.path == before.path else entry for entry in site.editions.get(before.edition, ())]
    editions = {**site.editions, before.edition: day} if day else site.editions
    return replace(site, articles=swapped(site.articles), editions=editions, groups=groups)


def assemble(
    config: Config, entries: Iterable[Entry], registry: Registry, media: Mapping[str, File], audience: Audience
) -> tuple[Site, list[Diagnostic]]:
    """Return the site as `audience` may see it, and what is wrong with it as a whole. `media` are files by their paths.

    What is wrong with a source by itself is in its entry.
    """
    sources = list(entries)
    problems: list[Diagnostic] = []
    articles, expired, standing, notes, status, hidden = _admit(sources, audience)
    articles.sort(key=_newest_first)
    expired.sort(key=_newest_first)
    standing.sort(key=attrgetter("address", "path"))
    notes.sort(key=attrgetter("path"))
    days = {entry.edition for entry in articles}
    by_day = _notes(notes, days, problems)
    where = {entry.path: entry.address for entry in (*articles, *expired, *standing)}
    where |= {note.path: urls.day(day) for day, note in by_day.items() if day in days}
    links = Resolver(config.base, where, media, hidden, config.broken_links)
    sources_shown = {urls.slugify(entry.source) for entry in articles if entry.source} if expired else set()
    settled: dict[str, Settled] = {}

    def settle(entry: Entry) -> Entry:
        """The entry with whole keys."""
        state = status.get(entry.path, "")
        source_page = state != "expired" or urls.slugify(entry.source) in sources_shown
        found = Settled(state, links.image(entry), links.resolve(entry), source_page)
        settled[entry.path] = found
        card_key = fingerprint((entry.card_key, found.status, found.image, found.source_page))
        return replace(entry, card_key=card_key, content_key=fingerprint((entry.content_key, found.links)))

    def whole(group: Iterable[Entry]) -> list[Entry]:
        return [settle(entry) if entry.links or entry.image or entry.path in status else entry for entry in group]

    articles, expired, standing = whole(articles), whole(expired), whole(standing)
    by_day = {note.edition: note for note in whole(note for day, note in by_day.items() if day in days)}
    companies = {company.symbol: company for company in registry.companies}
    groups = _group(config, articles, (*expired, *standing, *by_day.values()), registry, companies, problems)
    skipped = _skipped(sources, audience, status, hidden)
    editions = _editions(articles)
    problems += links.problems
    whole_site = Site(
        articles, _runs(articles), expired, standing, by_day, editions, groups, companies, settled, links.pages, skipped
    )
    return whole_site, problems


def _admit(
    sources: Iterable[Entry], audience: Audience
) -> tuple[list[Entry], list[Entry], list[Entry], list[Entry], dict[str, str], dict[str, str]]:
    """Articles, expired articles, pages and notes that `audience` may see, and the states of what is shown and hidden."""
    articles: list[Entry] = []
    expired: list[Entry] = []
    standing: list[Entry] = []
    notes: list[Entry] = []
    by_kind = {"article": articles, "page": standing, "note": notes}
    status: dict[str, str] = {}
    hidden: dict[str, str] = {}
    now = audience.as_of
    for entry in sources:
        kind = by_kind.get(entry.kind)
        if entry.seconds > now or entry.draft or entry.expires is not None or kind is None:
            state = _state(entry, audience)
            shown = audience.drafts if state == "draft" else audience.future if state == "scheduled" else kind is not None
            if state:
                (status if shown else hidden)[entry.path] = state
            if kind is None or not shown:
                continue
            if state == "expired":
                kind = expired
        kind.append(entry)
    return articles, expired, standing, notes, status, hidden


def _notes(notes: Iterable[Entry], days: Container[str], problems: list[Diagnostic]) -> dict[str, Entry]:
    """Editors' notes by day."""
    found: dict[str, Entry] = {}
    for note in notes:
        other = found.setdefault(note.edition, note)
        if other is not note:
            both = f"'{other.path}' is a note for {note.edition} too"
            problems.append(Diagnostic(note.path, 1, 1, both, "keep one of them"))
        elif note.edition not in days:
            message = f"no article is published on {note.edition}"
            problems.append(Diagnostic(note.path, 1, 1, message, "the note waits for one", "warning"))
    return found


def _state(entry: Entry, audience: Audience) -> str:
    """`draft`, `scheduled`, `expired`, `broken` (it gave no article), or empty for what is simply public."""
    if entry.draft:
        return "draft"
    if entry.seconds > audience.as_of:
        return "scheduled"
    if entry.expires is not None and entry.kind == "article" and entry.expires <= audience.as_of:
        return "expired"
    return "" if entry.kind else "broken"


def _skipped(sources: Iterable[Entry], audience: Audience, status: Mapping[str, str], hidden: Mapping[str, str]) -> Skipped:
    now = audience.as_of
    left_out, states = list(hidden.values()), [*status.values(), *hidden.values()]
    due = [entry.seconds for entry in sources if entry.seconds > now and not entry.draft]
    ends = [entry.expires for entry in sources if entry.expires is not None and entry.expires > now]
    return Skipped(
        drafts=left_out.count("draft"),
        scheduled=left_out.count("scheduled"),
        expired=states.count("expired"),
        next_due=min(due, default=None),
        valid_until=min(due + ends, default=None),
    )


def _newest_first(entry: Entry) -> tuple[int, str]:
    return -entry.seconds, entry.path


def _runs(articles: Iterable[Entry]) -> list[Run]:
    runs: list[Run] = []
    start = 0
    for days, run in groupby([entry.address[:9] for entry in articles]):
        end = start + len(list(run))
        runs.append(Run(days, start, end))
        start = end
    return runs


def _editions(articles: list[Entry]) -> dict[str, list[Entry]]:
    days: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in articles:
        days[entry.edition].append(entry)
    for day in days.values():
        day.sort(key=attrgetter("weight"))  # stable: newest first among equals
    return dict(sorted(days.items(), reverse=True))


def _group(
    config: Config,
    articles: list[Entry],
    others: Iterable[Entry],
    registry: Registry,
    companies: Mapping[str, Company],
    problems: list[Diagnostic],
) -> dict[str, dict[str, Group]]:
    by_symbol, by_tag, by_source = _gather(articles)
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
    months: set[str]
    cards: list[bytes]
    """Keys of cards, in the order of the articles; maybe of several in one piece."""

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """All that is in these, each article once."""
        if len(parts) == 1:
            return parts[0]
        articles = {entry.path: entry for part in parts for entry in part.articles}
        newest = sorted(articles.values(), key=_newest_first)
        return cls(newest, set().union(*[part.months for part in parts]), [_cards(newest)])

    def group(self, kind: str, name: str, slug: str, *others: Any) -> Group:
        return Group(kind, name, slug, self.articles, sorted(self.months, reverse=True), b"".join(self.cards), *others)


def _nothing() -> _Found:
    return _Found([], set(), [])


def _gather(articles: Iterable[Entry]) -> list[dict[str, _Found]]:
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
                group = groups[name]
                group.articles.extend(theirs)
                group.months.add(month)
                group.cards.append(_cards(theirs))
    return gathered


def _cards(articles: Iterable[Entry]) -> bytes:
    return b"".join([entry.card_key for entry in articles])


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
