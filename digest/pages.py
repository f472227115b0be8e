"""The plan: a site in, every output to be out, each with the view that it is made of.

The one place that knows which outputs exist. Nothing is rendered here. Pages that belong together make a section, whose
key is made of its articles' keys; a section that is known to be as it was is not planned again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import takewhile
from typing import Any

from digest import collisions, links, urls, views
from digest.config import Config
from digest.entries import Entry
from digest.errors import Diagnostic
from digest.fingerprint import fingerprint
from digest.groups import Group
from digest.inputs import File
from digest.sections import Cards, Contents, Memory, Page, Plan, Section
from digest.sharedviews import Fetch, SharedViews
from digest.site import Site

FEED = "feed/"
"""What the names of sections begin with whose pages are all feeds."""

NEWEST = 50
"""Cards on the index of a ticker, tag, source or watchlist; the rest stands on its months."""

SITEMAP_SIZE = 45_000
"""Addresses in one sitemap; the protocol allows 50,000 (sitemaps.org/protocol.html)."""

NEWS_SPAN = 2 * 24 * 60 * 60
"""Seconds."""

NEWS_SIZE = 1_000
"""Addresses in the news sitemap, at most, as search engines read no more."""


_EditionLinks = tuple[views.EditionLink | None, views.EditionLink | None]
"""The next newer and the next older edition."""


def plan(
    config: Config,
    site: Site,
    media: Mapping[str, File],
    assets: Mapping[str, File],
    fetch: Fetch,
    memory: Memory,
    terms: bytes,
) -> tuple[Plan, list[Diagnostic]]:
    """Return every page of the site, but for those that are known, and what is wrong.

    `media` and `assets` are files by their paths below the content folder and below `assets/`. `fetch` gives the article
    of an entry. `terms` is the key of all
    else that pages depend on. The order is such that no page leads to one behind it in the list of its kind: media,
    articles, indexes, feeds.
    """
    return _Planner(config, site, media, fetch, memory, terms).plan(assets)


class _Planner(SharedViews):
    """Plans the sections, one kind after the other."""

    def __init__(self, config: Config, site: Site, media: Mapping[str, File], fetch: Fetch, memory: Memory, terms: bytes) -> None:
        super().__init__(config, site, media, fetch, memory.cards)
        self.media = media
        self.memory = memory
        self.terms = fingerprint((terms, config, self.view))
        self.days = {day: self._day_key(day) for day in site.editions}

    def plan(self, assets: Mapping[str, File]) -> tuple[Plan, list[Diagnostic]]:
        every = list(self._sections(assets))
        plan = self.memory.plan(every, self.view.key)
        if collisions.clash(plan.new, plan.paths):
            public = (*self.site.articles, *self.site.expired, *self.site.standing)
            self.problems += collisions.explain((page for section in every for page in section.pages()), public)
        if self.site.page_links:
            self.problems += links.dead(self.site.page_links, set(plan.paths).__contains__)
        return plan, self.problems

    def _sections(self, assets: Mapping[str, File]) -> Iterator[Section]:
        yield from self._copies(assets)
        yield from self._articles()
        yield from self._standing()
        yield from self._archives()
        yield from self._groups()
        yield self._home()
        yield from self._feeds()
        if self.config.outputs.sitemaps:
            yield from self._sitemaps()
        yield self._section("fixed", (), self._fixed)
        yield self._redirects()

    def _section(self, name: str, inputs: Any, make: Callable[..., Iterable[Page]], *arguments: Any) -> Section:
        """A section of `make(*arguments)`; `inputs` says all that its pages are made of, beside the settings."""
        return Section(name, self.memory.key(name, (self.terms, inputs)), partial(make, *arguments))

    def _fixed(self) -> Iterator[Page]:
        robots = ["User-agent: *", "Allow: /"]
        if self.config.outputs.sitemaps:
            robots += ["", *(f"Sitemap: {self.absolute(name)}" for name in ("sitemap.xml", "news-sitemap.xml"))]
        yield Page("404.html", "html", "404.html", views.NotFoundPage(self.view))
        yield Page("robots.txt", "text", "", views.Text("\n".join((*robots, ""))))
        yield Page(".nojekyll", "text", "", views.Text(""))

    def _copies(self, assets: Mapping[str, File]) -> Iterator[Section]:
        copies = [
            Page("assets/" + path, "copy", "", views.Copy(file.source, file.hash), file.source) for path, file in assets.items()
        ]
        yield self._section("assets", copies, list, copies)
        folders: dict[str, dict[str, File]] = {}
        for path, file in self.media.items():
            folders.setdefault(path.rpartition("/")[0], {})[path] = file
        for folder, found in folders.items():
            yield self._section(f"media/{folder}", found, self._media, found)

    def _media(self, found: Mapping[str, File]) -> Iterator[Page]:
        for path, file in found.items():
            yield Page(urls.media(path), "copy", "", views.Copy(file.source, file.hash), path)

    def _articles(self) -> Iterator[Section]:
        """Articles by ten days of their addresses, in runs, as every page shows its neighbours."""
        public = self.site.articles
        runs: Counter[str] = Counter()
        for days, start, end in self.site.runs:
            runs[days] += 1
            cards = Cards(public[max(start - 1, 0) : end + 1])
            inputs = start == 0, cards, Contents(public[start:end])
            yield self._section(f"articles/{days}/{runs[days]}", inputs, self._article_pages, public, start, end)
        expired = self.site.expired
        yield self._section("expired", (Cards(expired), Contents(expired)), self._expired_pages)

    def _article_pages(self, public: list[Entry], start: int, end: int) -> Iterator[Page]:
        cards: list[views.Card | None] = [*self.cards(public[max(start - 1, 0) : end + 1])]
        if start == 0:
            cards.insert(0, None)
        cards.append(None)
        for number, entry in enumerate(public[start:end]):
            newer, card, older = cards[number : number + 3]
            assert card
            page = views.ArticlePage(self.view, card, self.content(entry), newer, older)
            yield Page(entry.address + "index.html", "html", "article.html", page, entry.path)

    def _expired_pages(self) -> Iterator[Page]:
        for entry in self.site.expired:
            page = views.ArticlePage(self.view, self.card(entry), self.content(entry), None, None)
            yield Page(entry.address + "index.html", "html", "article.html", page, entry.path)

    def _standing(self) -> Iterator[Section]:
        keys = [(entry.address, entry.content_key) for entry in self.site.standing]
        yield self._section("standing", keys, self._standing_pages)

    def _standing_pages(self) -> Iterator[Page]:
        for entry in self.site.standing:
            page = views.StandingPage(self.view, self.url(entry.address), self.note(entry))
            yield Page(entry.address + "index.html", "html", "page.html", page, entry.path)

    def _archives(self) -> Iterator[Section]:
        """Days by months, each with its neighbours of any month; and the years."""
        days = list(self.site.editions)
        links = [self._edition_link(day) for day in days]
        months: dict[str, list[tuple[str, _EditionLinks]]] = {}
        for day, newer, older in zip(days, [None, *links][:-1], [*links, None][1:], strict=True):
            months.setdefault(day[:7], []).append((day, (newer, older)))
        years: dict[str, list[views.Count]] = {}
        for month, found in months.items():
            inputs = [(self.days[day], beside) for day, beside in found]
            yield self._section(f"days/{month}", inputs, self._month_pages, month, found)
            articles = sum([len(self.site.editions[day]) for day, _ in found])
            years.setdefault(month[:4], []).append(views.Count(month, self.base + urls.day(month), articles))
        yield self._section("years", years, self._year_pages, years)

    def _edition_link(self, day: str) -> views.EditionLink:
        note = self.site.notes.get(day)
        return views.EditionLink(day, self.base + urls.day(day), note.title if note else "")

    def _day_key(self, day: str) -> bytes:
        """The key of all that an edition is made of."""
        note = self.site.notes.get(day)
        inputs = day, note and (note.content_key, note.title), Cards(self.site.editions[day])
        return self.memory.key(f"day/{day}", inputs)

    def _month_pages(self, month: str, found: list[tuple[str, _EditionLinks]]) -> Iterator[Page]:
        editions = []
        for day, beside in found:
            note = self.site.notes.get(day)
            editions.append(self.edition(day))
            page = views.EditionPage(self.view, editions[-1], self.note(note) if note else None, *beside)
            yield Page(urls.day(day) + "index.html", "html", "edition.html", page, note.path if note else "")
        view = views.MonthPage(self.view, month, self.base + urls.day(month), tuple(editions))
        yield Page(urls.day(month) + "index.html", "html", "month.html", view)

    def _year_pages(self, years: Mapping[str, list[views.Count]]) -> Iterator[Page]:
        every = []
        for name, counts in years.items():
            total = sum(count.articles for count in counts)
            year = views.Year(name, self.base + urls.day(name), total, tuple(counts))
            every.append(year)
            yield Page(urls.day(name) + "index.html", "html", "year.html", views.YearPage(self.view, year))
        archive = views.ArchivePage(self.view, self.url("archive/"), tuple(every))
        yield Page("archive/index.html", "html", "archive.html", archive)

    def _groups(self) -> Iterator[Section]:
        for kind, groups in self.site.groups.items():
            if not groups:
                continue
            list_url = self.url(kind + "/")
            entries = []
            for slug, group in groups.items():
                shown = self.group(group)
                newest = group.articles[0].edition if group.articles else ""
                entries.append(
                    views.GroupEntry(shown.name, shown.label, shown.exchange, shown.url, shown.feed, len(group.articles), newest)
                )
                inputs = shown, group.cards, Cards(group.articles[:NEWEST])
                yield self._section(f"{kind}/{slug}", inputs, self._group_pages, group, shown, list_url)
            yield self._section(kind, entries, self._list_pages, kind, list_url, entries)

    def _list_pages(self, kind: str, list_url: str, entries: Iterable[views.GroupEntry]) -> Iterator[Page]:
        data = self._data(kind, kind + "/")
        page = views.GroupListPage(self.view, kind, list_url, tuple(entries), data and self.url(data))
        yield Page(kind + "/index.html", "html", "groups.html", page)
        if data:
            yield Page(data, "groups_json", "", page)

    def _group_pages(self, group: Group, shown: views.Group, list_url: str) -> Iterator[Page]:
        kind, slug = group.kind, group.slug
        counts = []
        for month, (articles, keys) in group.months.items():
            path = urls.group_month(kind, slug, month)
            counts.append(views.Count(month, self.url(path), len(articles)))
            cards = views.CardList(keys, partial(map, self.card, articles))
            page = views.GroupMonthPage(self.view, kind, list_url, shown, month, self.url(path), cards)
            yield Page(path + "index.html", "html", "group_month.html", page)
        newest = self.cards(group.articles[:NEWEST])
        folder = urls.group(kind, slug)
        data = self._data(kind, folder)
        index = views.GroupPage(
            self.view, kind, list_url, shown, len(group.articles), newest, tuple(counts), data and self.url(data)
        )
        yield Page(folder + "index.html", "html", "group.html", index)
        if data:
            yield Page(data, "group_json", "", index)

    def _data(self, kind: str, folder: str) -> str:
        """Where the data of a folder are to stand; empty where there are none."""
        return folder + "index.json" if kind == "tickers" and self.config.outputs.data else ""

    def _home(self) -> Section:
        days = list(self.site.editions)[: self.config.home_editions]
        return self._section("home", [self.days[day] for day in days], self._home_page, days)

    def _home_page(self, days: Iterable[str]) -> Iterator[Page]:
        view = views.HomePage(self.view, self.base, tuple([self.edition(day) for day in days]))
        yield Page("index.html", "html", "home.html", view)

    def _feeds(self) -> Iterator[Section]:
        config, site = self.config, self.site
        about = config.description or config.title
        listed: list[tuple[str, tuple[views.Feed, ...]]] = [("Site", self.view.feeds)]
        yield self._feed_section("", config.feeds.formats, self.view.feeds, about, site.articles[: config.feeds.items])
        days = list(site.editions)[: config.feeds.group_items]
        yield self._section(f"{FEED}editions", [self.days[day] for day in days], self._editions_feed, days)
        for kind, groups in site.groups.items():
            feeds: list[views.Feed] = []
            for slug, group in groups.items():
                found = self.group_feeds(group)
                feeds += found
                about = group.description or (found[0].title if found else "")
                newest = group.articles[: config.feeds.group_items]
                yield self._feed_section(urls.group(kind, slug), config.feeds.group_formats, found, about, newest)
            if feeds:
                listed.append((kind.capitalize(), tuple(feeds)))
        yield self._section("feeds", listed, self._feed_lists, listed)

    def _feed_lists(self, listed: Iterable[tuple[str, tuple[views.Feed, ...]]]) -> Iterator[Page]:
        page = views.FeedsPage(self.view, self.url("feeds/"), self.url("feeds.opml"), tuple(listed))
        yield Page("feeds/index.html", "html", "feeds.html", page)
        yield Page("feeds.opml", "opml", "", page)

    def _feed_section(
        self, folder: str, formats: Iterable[str], feeds: tuple[views.Feed, ...], about: str, newest: list[Entry]
    ) -> Section:
        """The same articles in every format."""
        inputs = feeds, about, Cards(newest), Contents(newest)
        return self._section(FEED + folder, inputs, self._feed_pages, folder, formats, feeds, about, newest)

    def _feed_pages(
        self, folder: str, formats: Iterable[str], feeds: tuple[views.Feed, ...], about: str, newest: Iterable[Entry]
    ) -> Iterator[Page]:
        items = tuple([views.FeedItem(self.card(entry), self.content(entry)) for entry in newest])
        page, full_text = self.url(folder), self.config.feeds.full_text
        for format, feed in zip(formats, feeds, strict=False):  # the site has one more, of its editions
            view = views.ArticleFeed(self.view, feed.title, about, feed.url, page, full_text, items)
            yield Page(folder + urls.FORMATS[format].file, format, "", view)

    def _editions_feed(self, days: Iterable[str]) -> Iterator[Page]:
        items = []
        for day in days:
            note = self.site.notes.get(day)
            items.append(views.EditionItem(self.edition(day), self.note(note) if note else None))
        title = f"{self.config.title}: editions"
        about = self.config.description or title
        view = views.EditionFeed(self.view, title, about, self.url(urls.EDITIONS), self.url("archive/"), tuple(items))
        yield Page(urls.EDITIONS, "editions_rss", "", view)

    def _sitemaps(self) -> Iterator[Section]:
        """One a month, or more where a month has too many addresses, and one of the pages that belong to no month."""
        site = self.site
        articles: defaultdict[str, list[Entry]] = defaultdict(list)
        days: defaultdict[str, list[str]] = defaultdict(list)
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for run, start, end in site.runs:
            articles[run[:7].replace("/", "-")] += [entry for entry in site.articles[start:end] if not entry.reprinted]
        for day in site.editions:
            days[day[:7]].append(day)
        pages = ["", "archive/", "feeds/"]
        pages += [urls.day(year) for year in sorted({month[:4] for month in days})]
        for kind, found in site.groups.items():
            pages += [kind + "/"] if found else []
            for slug, group in found.items():
                folder = urls.group(kind, slug)
                pages.append(folder)
                for month in group.months:
                    groups[month].append(folder)
        names = []
        for month in sorted(articles.keys() | days.keys()):
            parts: tuple[list[Entry], list[str], list[str]] = articles[month], days[month], groups[month]
            names += _sitemap_names(month, len(parts[0]) + len(parts[1]) + len(parts[2]) + bool(days[month]))
            inputs = Cards(articles[month]), [self.days[day] for day in days[month]], groups[month]
            yield self._section(f"sitemaps/{month}", inputs, self._month_sitemap, month, *parts)
        names += _sitemap_names("pages", len(pages) + len(site.standing))
        standing = [(page.address, page.content_key) for page in site.standing]
        yield self._section("sitemaps/pages", (pages, standing), self._pages_sitemap, pages)
        yield self._section("sitemap", names, self._sitemap_index, names)
        since = site.articles[0].seconds - NEWS_SPAN if site.articles else 0
        recent = takewhile(lambda entry: entry.seconds > since, site.articles)
        news = [entry for entry in recent if not entry.reprinted][:NEWS_SIZE]
        yield self._section("news", Cards(news), self._news, news)

    def _month_sitemap(self, month: str, articles: list[Entry], days: list[str], groups: list[str]) -> Iterator[Page]:
        entries = [views.SitemapEntry(self.url(entry.address), entry.modified) for entry in reversed(articles)]
        for day in reversed(days):
            note = self.site.notes.get(day)
            shown = (*self.site.editions[day], note) if note else self.site.editions[day]
            times = [entry.modified for entry in shown if entry.modified is not None]
            entries.append(views.SitemapEntry(self.base + urls.day(day), max(times, default=None)))
        if days:
            entries.append(views.SitemapEntry(self.base + urls.day(month)))
        entries += [views.SitemapEntry(self.url(f"{folder}{month}/")) for folder in groups]
        return self._sitemap(month, entries)

    def _pages_sitemap(self, paths: Iterable[str]) -> Iterator[Page]:
        entries = [views.SitemapEntry(self.url(path)) for path in paths]
        entries += [views.SitemapEntry(self.url(page.address), page.modified) for page in self.site.standing]
        return self._sitemap("pages", entries)

    def _sitemap(self, part: str, entries: Sequence[views.SitemapEntry]) -> Iterator[Page]:
        for number, name in enumerate(_sitemap_names(part, len(entries))):
            found = tuple(entries[number * SITEMAP_SIZE : (number + 1) * SITEMAP_SIZE])
            yield Page(name, "sitemap", "", views.Sitemap(self.origin, self.config.timezone, found))

    def _sitemap_index(self, names: Iterable[str]) -> Iterator[Page]:
        index = views.SitemapIndex(self.origin, tuple([self.url(name) for name in names]))
        yield Page("sitemap.xml", "sitemap_index", "", index)

    def _news(self, found: Sequence[Entry]) -> Iterator[Page]:
        """The two days up to the newest article, not up to now: the clock is no input."""
        cards = self.cards(found)
        entries = tuple([views.NewsEntry(card.url, card.title, card.date) for card in cards])
        view = views.NewsSitemap(self.origin, self.config.title, self.config.language, entries)
        yield Page("news-sitemap.xml", "news_sitemap", "", view)

    def _redirects(self) -> Section:
        public = (*self.site.articles, *self.site.expired, *self.site.standing)
        found = [entry for entry in public if entry.aliases]
        inputs = [(entry.aliases, entry.title, entry.address) for entry in found]
        return self._section("redirects", inputs, self._redirect_pages, found)

    def _redirect_pages(self, found: Iterable[Entry]) -> Iterator[Page]:
        for entry in found:
            view = views.RedirectPage(self.view, entry.title, self.url(entry.address))
            for alias in entry.aliases:
                yield Page(urls.file(alias.lstrip("/")), "html", "redirect.html", view, entry.path)


def _sitemap_names(part: str, addresses: int) -> list[str]:
    """The files of one part of the sitemap."""
    return [f"sitemap-{part}{f'-{number + 1}' if number else ''}.xml" for number in range(-(-addresses // SITEMAP_SIZE))]
