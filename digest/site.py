"""The site: the entries of all articles in, one `Site` out, in which each stands in its edition and its groups.

Decides what is public at a given moment, and where links lead. What belongs together is found in `groups`; addresses are left
to `pages`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from digest import urls
from digest.config import Config
from digest.entries import Entry, guid
from digest.errors import Diagnostic
from digest.fingerprint import fingerprint
from digest.groups import Group, gather, newest_first
from digest.inputs import Audience, File, Skipped
from digest.links import PageLink, Resolver
from digest.tickers import Company, Registry
from digest.views import Image


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
    missing: tuple[str, ...] = ()
    """Where its edition, its tags and its source would stand, of those that have no page."""


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
        lasting = self.site.skipped.hold(self.audience.as_of, audience.as_of)
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

TEXT = ("version", "details", "updated", "card_key", "content_key", "problems")
"""What an article may change without standing anywhere else."""


def _amended(site: Site, before: Entry, after: Entry) -> Site | None:
    """The site with an article's text changed; None if it takes more than that."""
    unmoved = replace(after, **{name: getattr(before, name) for name in TEXT}) == before
    if not unmoved or before.kind != "article" or before.path in site.settled:
        return None
    place = newest_first(before)

    def swapped(found: list[Entry]) -> list[Entry]:
        at = bisect_left(found, place, key=newest_first)
        there = at < len(found) and found[at].path == before.path
        return [*found[:at], after, *found[at + 1 :]] if there else found

    def regrouped(group: Group) -> Group:
        found = swapped(group.articles)
        return group if found is group.articles else group.with_articles(found)

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
    articles.sort(key=newest_first)
    expired.sort(key=newest_first)
    standing.sort(key=attrgetter("address", "path"))
    notes.sort(key=attrgetter("path"))
    days = set(map(attrgetter("edition"), articles))
    by_day = _notes(notes, days, problems)
    public = (articles, expired, standing)  # as they are now: their keys will be whole, their addresses are what they were

    def where() -> dict[str, str]:
        found = {entry.path: entry.address for group in public for entry in group}
        return found | {note.path: urls.day(day) for day, note in by_day.items() if day in days}

    links = Resolver(config.base, where, media, hidden, config.broken_links)
    settled: dict[str, Settled] = {}

    def settle(entry: Entry, missing: tuple[str, ...] = ()) -> Entry:
        """The entry with whole keys."""
        found = Settled(status.get(entry.path, ""), links.image(entry), links.resolve(entry), missing)
        settled[entry.path] = found
        card_key = fingerprint((entry.card_key, found.status, found.image, found.missing))
        return replace(entry, card_key=card_key, content_key=fingerprint((entry.content_key, found.links)))

    def whole(group: Iterable[Entry]) -> list[Entry]:
        return [settle(entry) if entry.links or entry.image or entry.path in status else entry for entry in group]

    articles, standing = whole(articles), whole(standing)
    by_day = {note.edition: note for note in whole(note for day, note in by_day.items() if day in days)}
    companies = {company.symbol: company for company in registry.companies}
    groups = gather(config, articles, (*expired, *standing, *by_day.values()), registry, companies, problems)
    expired = [settle(entry, _missing(entry, days, groups)) for entry in expired]
    skipped = _skipped(sources, audience, status, hidden)
    editions = _editions(articles)
    problems += links.problems
    problems += _shared_ids(config.origin, config.base, (*articles, *expired))
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


def _shared_ids(origin: str, base: str, public: Iterable[Entry]) -> Iterator[Diagnostic]:
    """What is wrong where two articles have one identity: a feed reader would show only one of them."""
    own = [entry for entry in public if entry.id]
    if not own:
        return
    known = {guid(entry, origin, base): entry for entry in public if not entry.id}
    for entry in sorted(own, key=newest_first, reverse=True):
        other = known.setdefault(entry.id, entry)
        if other is not entry:
            hint = "take it out, or write one that no other article has"
            yield Diagnostic(entry.path, *entry.positions.get("id", (1, 1)), f"'{other.path}' has the same id", hint)


def _missing(entry: Entry, days: Container[str], groups: Mapping[str, Container[str]]) -> tuple[str, ...]:
    """Where an article's edition, tags and source would stand, of those that have no page: only public articles make one."""
    wanted = [("tags", urls.slugify(tag)) for tag in entry.tags]
    wanted += [("sources", urls.slugify(entry.source))] if entry.source else []
    found = [urls.group(kind, slug) for kind, slug in wanted if slug not in groups[kind]]
    return tuple(found if entry.edition in days else [urls.day(entry.edition), *found])


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
