"""The plan: a site in, every output to be out, each with the view that it is made of.

The one place that knows which outputs exist. Nothing is rendered here, and nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Any

import msgspec

from digest import urls, views
from digest.articles import Article
from digest.config import Config
from digest.errors import Diagnostic
from digest.inputs import File
from digest.sharedviews import FEED_TYPES, SITE_FORMATS, SharedViews
from digest.site import Group, Site

NEWEST = 50
"""Cards on the index of a ticker, tag, source or watchlist; the rest stands on its months."""

SITEMAP_SIZE = 45_000
"""Addresses in one sitemap; the protocol allows 50,000 (sitemaps.org/protocol.html)."""

NEWS_SPAN = 2 * 24 * 60 * 60
"""Seconds."""

NEWS_SIZE = 1_000
"""Addresses in the news sitemap, at most, as search engines read no more."""


class Page(msgspec.Struct, frozen=True):
    """One output to be."""

    path: str
    """Relative to the output folder."""
    renderer: str
    template: str
    """Empty for what has none."""
    view: Any
    origin: str = ""
    """The source that it comes from, for messages."""


def plan(
    config: Config, site: Site, media: Mapping[str, File], assets: Mapping[str, File]
) -> tuple[list[Page], list[Diagnostic]]:
    """Return every page of the site, in the order in which they are to be published, and what is wrong.

    `media` and `assets` are files by their paths below the content folder and below `assets/`. The order is such that
    no page leads to one behind it in the list of its kind: media, articles, indexes, feeds.
    """
    return _Planner(config, site, media).plan(assets)


class _Planner(SharedViews):
    """Plans the pages, one kind after the other."""

    def __init__(self, config: Config, site: Site, media: Mapping[str, File]) -> None:
        super().__init__(config, site, media)
        self.months: dict[tuple[str, str], list[str]] = {}
        """The months of every group, by its kind and slug; known once the groups are planned."""

    def plan(self, assets: Mapping[str, File]) -> tuple[list[Page], list[Diagnostic]]:
        pages = [
            *self._copies(assets),
            *self._articles(),
            *self._standing(),
            *self._archives(),
            *self._groups(),
            Page("index.html", "html", "home.html", self._home()),
            *self._feeds(),
            *self._sitemaps(),
            Page("404.html", "html", "404.html", views.NotFoundPage(self.view)),
            Page("robots.txt", "text", "", views.Text(f"User-agent: *\nAllow: /\n\n{self._sitemap_lines()}")),
            Page(".nojekyll", "text", "", views.Text("")),
        ]
        pages += self._redirects({page.path for page in pages})
        paths = self._unique(pages)
        self.links.check_pages(paths.__contains__)
        return pages, self.problems

    def _sitemap_lines(self) -> str:
        return "".join(f"Sitemap: {self.absolute(name)}\n" for name in ("sitemap.xml", "news-sitemap.xml"))

    def _copies(self, assets: Mapping[str, File]) -> Iterator[Page]:
        for path, file in assets.items():
            yield Page("assets/" + path, "copy", "", views.Copy(file.source, file.hash), file.source)
        for path, file in self.media.items():
            yield Page(urls.media(path), "copy", "", views.Copy(file.source, file.hash), path)

    def _articles(self) -> Iterator[Page]:
        cards, contents, view = self.cards, self.contents, self.view
        newer: views.Card | None = None
        public = self.site.articles
        for index, article in enumerate(public):
            card = cards[article.path]
            older = cards[public[index + 1].path] if index + 1 < len(public) else None
            page = views.ArticlePage(view, card, contents[article.path], newer, older)
            yield Page(article.address + "index.html", "html", "article.html", page, article.path)
            newer = card
        for article in self.site.expired:
            page = views.ArticlePage(view, cards[article.path], contents[article.path], None, None)
            yield Page(article.address + "index.html", "html", "article.html", page, article.path)

    def _standing(self) -> Iterator[Page]:
        for article in self.site.standing:
            page = views.StandingPage(self.view, self.url(article.slug + "/"), self.note(article))
            yield Page(article.slug + "/index.html", "html", "page.html", page, article.path)

    def _archives(self) -> Iterator[Page]:
        editions = [self.edition(day) for day in self.site.editions]
        links = [views.EditionLink(edition.day, edition.url, edition.title) for edition in editions]
        months: dict[str, list[views.Edition]] = {}
        for index, edition in enumerate(editions):
            months.setdefault(edition.day[:7], []).append(edition)
            note = self.site.notes.get(edition.day)
            newer = links[index - 1] if index else None
            older = links[index + 1] if index + 1 < len(links) else None
            page = views.EditionPage(self.view, edition, self.note(note) if note else None, newer, older)
            yield Page(urls.day(edition.day) + "index.html", "html", "edition.html", page, note.path if note else "")
        years: dict[str, list[views.Count]] = {}
        for month, days in months.items():
            url = self.base + urls.day(month)
            years.setdefault(month[:4], []).append(views.Count(month, url, sum(len(day.cards) for day in days)))
            yield Page(urls.day(month) + "index.html", "html", "month.html", views.MonthPage(self.view, month, url, tuple(days)))
        all_years = []
        for name, counts in years.items():
            total = sum(count.articles for count in counts)
            year = views.Year(name, self.base + urls.day(name), total, tuple(counts))
            all_years.append(year)
            yield Page(urls.day(name) + "index.html", "html", "year.html", views.YearPage(self.view, year))
        archive = views.ArchivePage(self.view, self.url("archive/"), tuple(all_years))
        yield Page("archive/index.html", "html", "archive.html", archive)

    def _groups(self) -> Iterator[Page]:
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
                yield from self._group(group, shown, slug, list_url)
            page = views.GroupListPage(self.view, kind, list_url, tuple(entries))
            yield Page(kind + "/index.html", "html", "groups.html", page)
            if kind == "tickers":
                yield Page(kind + "/index.json", "groups_json", "", page)

    def _group(self, group: Group, shown: views.Group, slug: str, list_url: str) -> Iterator[Page]:
        kind, cards = group.kind, self.cards
        months: dict[str, list[views.Card]] = {}
        for article in group.articles:
            months.setdefault(article.edition[:7], []).append(cards[article.path])
        self.months[kind, slug] = list(months)
        counts = []
        for month in sorted(months, reverse=True):
            path = urls.group_month(kind, slug, month)
            counts.append(views.Count(month, self.url(path), len(months[month])))
            page = views.GroupMonthPage(self.view, kind, list_url, shown, month, self.url(path), tuple(months[month]))
            yield Page(path + "index.html", "html", "group_month.html", page)
        newest = tuple([cards[article.path] for article in group.articles[:NEWEST]])
        index = views.GroupPage(self.view, kind, list_url, shown, len(group.articles), newest, tuple(counts))
        yield Page(urls.group(kind, slug) + "index.html", "html", "group.html", index)
        if kind == "tickers":
            yield Page(urls.group(kind, slug) + "index.json", "group_json", "", index)

    def _home(self) -> views.HomePage:
        days = list(self.site.editions)[: self.config.home_editions]
        return views.HomePage(self.view, self.base, tuple([self.edition(day) for day in days]))

    def _feed(self, feed: views.Feed, folder: str, description: str, articles: list[Article], limit: int) -> Page:
        view = views.ArticleFeed(
            self.view,
            feed.title,
            description,
            feed.url,
            self.url(folder),
            self.config.feeds.full_text,
            tuple([views.FeedItem(self.cards[article.path], self.contents[article.path]) for article in articles[:limit]]),
        )
        format = next(format for format, type in FEED_TYPES.items() if type == feed.type)
        return Page(urls.feed(folder, format), format, "", view)

    def _editions_feed(self) -> Page:
        days = list(self.site.editions)[: self.config.feeds.group_items]
        items = []
        for day in days:
            note = self.site.notes.get(day)
            items.append(views.EditionItem(self.edition(day), self.note(note) if note else None))
        title = f"{self.config.title}: editions"
        about = self.config.description or title
        view = views.EditionFeed(self.view, title, about, self.url("editions.xml"), self.url("archive/"), tuple(items))
        return Page("editions.xml", "editions_rss", "", view)

    def _feeds(self) -> Iterator[Page]:
        config, site = self.config, self.site
        about = config.description or config.title
        for feed in self.view.feeds[: len(SITE_FORMATS)]:
            yield self._feed(feed, "", about, site.articles, config.feeds.items)
        yield self._editions_feed()
        listed: list[tuple[str, tuple[views.Feed, ...]]] = [("Site", self.view.feeds)]
        for kind, groups in site.groups.items():
            feeds = []
            for slug, group in groups.items():
                folder = urls.group(kind, slug)
                for feed in self.group_feeds(group):
                    feeds.append(feed)
                    about = group.description or feed.title
                    yield self._feed(feed, folder, about, group.articles, config.feeds.group_items)
            if feeds:
                listed.append((kind.capitalize(), tuple(feeds)))
        page = views.FeedsPage(self.view, self.url("feeds/"), self.url("feeds.opml"), tuple(listed))
        yield Page("feeds/index.html", "html", "feeds.html", page)
        yield Page("feeds.opml", "opml", "", page)

    def _sitemaps(self) -> Iterator[Page]:
        site = self.site
        years: dict[str, list[views.SitemapEntry]] = {}

        def add(year: str, url: str, modified: str = "") -> None:
            years.setdefault(year, []).append(views.SitemapEntry(url, modified))

        for article in reversed(site.articles):
            if article.reprint != "full":
                add(article.date[:4], self.url(article.address), article.updated or article.date)
        for day, found in reversed(site.editions.items()):
            newest = max(found, key=lambda article: article.seconds)
            add(day[:4], self.base + urls.day(day), newest.date)
        for month in sorted({day[:7] for day in site.editions}):
            add(month[:4], self.base + urls.day(month))
        for year in sorted({day[:4] for day in site.editions}):
            add(year, self.base + urls.day(year))
        pages = ["", "archive/", "feeds/", *[page.slug + "/" for page in site.standing]]
        for kind, groups in site.groups.items():
            pages += [kind + "/"] if groups else []
            for slug, _group in groups.items():
                pages.append(urls.group(kind, slug))
                for month in sorted(self.months[kind, slug]):
                    add(month[:4], self.url(urls.group_month(kind, slug, month)))
        years["pages"] = [views.SitemapEntry(self.url(path)) for path in pages]
        names = []
        for year, entries in sorted(years.items()):
            for start in range(0, len(entries), SITEMAP_SIZE):
                part = f"-{start // SITEMAP_SIZE + 1}" if start else ""
                names.append(f"sitemap-{year}{part}.xml")
                yield Page(names[-1], "sitemap", "", views.Sitemap(self.origin, tuple(entries[start : start + SITEMAP_SIZE])))
        index = views.SitemapIndex(self.origin, tuple([self.url(name) for name in names]))
        yield Page("sitemap.xml", "sitemap_index", "", index)
        yield Page("news-sitemap.xml", "news_sitemap", "", self._news())

    def _news(self) -> views.NewsSitemap:
        """The two days up to the newest article, not up to now: the clock is no input."""
        found = self.site.articles
        since = found[0].seconds - NEWS_SPAN if found else 0
        entries = []
        for article in takewhile(lambda article: article.seconds > since, found):
            if article.reprint != "full":
                card = self.cards[article.path]
                entries.append(views.NewsEntry(card.url, card.title, card.date))
        return views.NewsSitemap(self.origin, self.config.title, self.config.language, tuple(entries[:NEWS_SIZE]))

    def _redirects(self, taken: set[str]) -> Iterator[Page]:
        for article in (*self.site.articles, *self.site.expired, *self.site.standing):
            for alias in article.aliases:
                path = urls.file(alias.lstrip("/"))
                if path in taken:
                    where = article.positions.get("aliases", (1, 1))
                    hint = "an alias is for an address at which nothing stands any more"
                    self.problems.append(Diagnostic(article.path, *where, f"there is a page at '{alias}' already", hint))
                    continue
                taken.add(path)
                view = views.RedirectPage(self.view, article.title, self.url(article.address))
                yield Page(path, "html", "redirect.html", view, article.path)

    def _unique(self, pages: Iterable[Page]) -> set[str]:
        """All paths; two pages on one path, or a page where another needs a folder, are reported."""
        seen: dict[str, Page] = {}
        for page in pages:
            folded = page.path.casefold()
            other = seen.setdefault(folded, page)
            if other is not page:
                self._collision(page, other, f"'/{page.path.removesuffix('index.html')}'")
        folders = {path.rpartition("/")[0] for path in seen}
        for folder in sorted(folders):
            if folder in seen:
                self._collision(seen[folder], seen[folder], f"'/{folder}', which must be a folder")
        return {page.path for page in pages}

    def _collision(self, page: Page, other: Page, where: str) -> None:
        first = f"'{other.origin}'" if other.origin else "a page that digest makes itself"
        hint = "give one of them another slug" if page.origin.endswith(".md") else "rename one of them"
        if not page.origin:
            page, first = other, "a page that digest makes itself"
        self.problems.append(
            Diagnostic(
                page.origin,
                1,
                1,
                f"{first} is at {where} already" if first != f"'{page.origin}'" else f"this would be at {where}",
                hint,
            )
        )
