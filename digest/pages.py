"""The plan: a site in, every output to be out, each with the view that it is made of.

The one place that knows which outputs exist. Nothing is rendered here, and nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import takewhile
from posixpath import splitext
from typing import Any

import msgspec

from digest import notation, urls, views
from digest.articles import Article
from digest.config import Config
from digest.errors import Diagnostic
from digest.fingerprint import fingerprint
from digest.inputs import File
from digest.links import Resolver
from digest.site import KINDS, Group, Site

NEWEST = 50
"""Cards on the index of a ticker, tag, source or watchlist; the rest stands on its months."""

SITEMAP_SIZE = 45_000
"""Addresses in one sitemap; the protocol allows 50,000 (sitemaps.org/protocol.html)."""

NEWS_SPAN = 2 * 24 * 60 * 60
"""Seconds."""

NEWS_SIZE = 1_000
"""Addresses in the news sitemap, at most, as search engines read no more."""

IMAGE_TYPES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
    ".avif": "image/avif", ".svg": "image/svg+xml",
}  # fmt: skip

FEED_TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}
FEED_NAMES = {"rss": "RSS", "atom": "Atom", "json": "JSON Feed"}
SITE_FORMATS = ("rss", "atom", "json")


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


class _Planner:
    """The parts that pages share, made once: the site's view, cards, contents, months."""

    def __init__(self, config: Config, site: Site, media: Mapping[str, File]) -> None:
        self.config = config
        self.site = site
        self.media = media
        self.base = config.base
        self.origin = config.origin
        where = {article.path: article.address for article in (*site.articles, *site.expired, *site.standing)}
        where |= {note.path: urls.day(day) for day, note in site.notes.items() if day in site.editions}
        self.links = Resolver(self.base, where, media, site.hidden, config.broken_links)
        self.problems: list[Diagnostic] = self.links.problems
        self.ticker = cache(self._ticker)
        self.source_page = {
            article.source.name: self.url(urls.group("sources", slug))
            for slug, group in site.groups["sources"].items()
            for article in group.articles
            if article.source
        }
        self.months: dict[tuple[str, str], list[str]] = {}
        """The months of every group, by its kind and slug; known once the groups are planned."""
        self.view = self._site_view()
        self.cards = {article.path: self._card(article) for article in site.articles + site.expired}
        self.contents = {article.path: self._content(article) for article in site.articles + site.expired}

    def url(self, path: str) -> str:
        """A path below the base as a root-relative URL."""
        return self.base + urls.escape(path)

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

    def absolute(self, path: str) -> str:
        return self.origin + self.url(path)

    # The parts that pages share

    def _site_view(self) -> views.Site:
        config, site = self.config, self.site
        sections = [views.Link(kind.capitalize(), self.url(kind + "/")) for kind in KINDS if site.groups[kind]]
        menu = [views.Link(page.title, self.url(page.slug + "/")) for page in site.standing]
        menu += [views.Link(item.name, self._menu_url(item.url)) for item in config.menu]
        editions = views.Feed(f"{config.title}: editions", self.url("editions.xml"))
        feeds = (*self._feeds_of("", config.title, SITE_FORMATS), editions)
        image = self.url(urls.media(config.image)) if config.image in self.media else ""
        if config.image and not image:
            self.problems.append(Diagnostic("", 0, 0, f"the setting 'image' names no media file: '{config.image}'"))
        return views.Site.of(
            config.author,
            self.base,
            config.copyright,
            config.description,
            config.disclaimer,
            feeds,
            config.feeds.hub,
            image,
            config.language,
            tuple(menu),
            config.notice,
            self.origin,
            config.params,
            (*sections, views.Link("Archive", self.url("archive/"))),
            config.title,
            config.feeds.ttl,
        )

    def _menu_url(self, url: str) -> str:
        """A menu's address; one with a single slash in front is below the base path."""
        return self.url(url[1:]) if url.startswith("/") and not url.startswith("//") else url

    def _ticker(self, symbol: str) -> views.Ticker:
        slug = notation.slug(symbol)
        group = self.site.groups["tickers"].get(slug)
        company = group.company if group else None
        name, exchange = (company.name, company.exchange) if company else ("", "")
        return views.Ticker(symbol, name, exchange or symbol.rpartition(":")[0], self.url(urls.group("tickers", slug)))

    def _feeds_of(self, folder: str, title: str, formats: Iterable[str]) -> tuple[views.Feed, ...]:
        """The feeds of a folder under distinct titles: the first has the title alone."""
        found = []
        for number, format in enumerate(formats):
            name = f"{title} ({FEED_NAMES[format]})" if number else title
            found.append(views.Feed(name, self.url(urls.feed(folder, format)), FEED_TYPES[format]))
        return tuple(found)

    def _group_feeds(self, group: Group) -> tuple[views.Feed, ...]:
        label = group.company.name if group.company and group.company.name else ""
        name = f"{group.name}: {label}" if label else group.name
        folder = urls.group(group.kind, group.slug)
        return self._feeds_of(folder, f"{name} ({self.config.title})", self.config.feeds.group_formats)

    def _image(self, article: Article) -> views.Image | None:
        image = article.image
        if image is None:
            return None
        path = self.links.media_url(article, image.path)
        kind = IMAGE_TYPES.get(splitext(image.path)[1].lower())
        if path is None or kind is None:
            message = f"'{image.path}' is not an image" if path else f"there is no image '{image.path}'"
            known = ", ".join(IMAGE_TYPES)
            hint = f"known are {known}" if path else "give its path from the article's folder, or from the content folder with /"
            self.problems.append(Diagnostic(article.path, *article.positions.get("image", (1, 1)), message, hint))
            return None
        return views.Image(self.url(urls.media(path)), image.alt, kind, self.media[path].size)

    def _card(self, article: Article) -> views.Card:
        inputs = (
            self.base,
            self.config.author,
            tuple([self.ticker(symbol) for symbol in self.site.symbols[article.path]]),
            self.source_page.get(article.source.name, "") if article.source else "",
            self._image(article) if article.image else None,
            self.site.status.get(article.path, ""),
        )
        return views.Card.later((article.card_key, inputs), _card, article, *inputs)

    def _content(self, article: Article) -> views.Content:
        inputs = article.id or self.origin + self.url(article.address), self._links(article)
        return views.Content.later((article.content_key, inputs), _content, article, *inputs)

    def _links(self, article: Article) -> tuple[str, ...]:
        if not article.references:
            return ()
        return self.links.resolve(article, self.site.mentions.get(article.path, {}))

    def _note(self, article: Article) -> views.Note:
        values = (article.body, self._links(article), article.summary, article.title, article.updated)
        return views.Note(fingerprint(values), *values)

    def _edition(self, day: str) -> views.Edition:
        note = self.site.notes.get(day)
        cards = tuple([self.cards[article.path] for article in self.site.editions[day]])
        return views.Edition(day, self.base + urls.day(day), note.title if note else "", cards)

    # The pages

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
            page = views.StandingPage(self.view, self.url(article.slug + "/"), self._note(article))
            yield Page(article.slug + "/index.html", "html", "page.html", page, article.path)

    def _archives(self) -> Iterator[Page]:
        editions = [self._edition(day) for day in self.site.editions]
        links = [views.EditionLink(edition.day, edition.url, edition.title) for edition in editions]
        months: dict[str, list[views.Edition]] = {}
        for index, edition in enumerate(editions):
            months.setdefault(edition.day[:7], []).append(edition)
            note = self.site.notes.get(edition.day)
            newer = links[index - 1] if index else None
            older = links[index + 1] if index + 1 < len(links) else None
            page = views.EditionPage(self.view, edition, self._note(note) if note else None, newer, older)
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

    def _group_view(self, group: Group) -> views.Group:
        company, feeds = group.company, self._group_feeds(group)
        folder = urls.group(group.kind, group.slug)
        exchange = (company.exchange if company else "") or (group.name.rpartition(":")[0] if group.kind == "tickers" else "")
        return views.Group(
            group.name,
            company.name if company else "",
            exchange,
            group.description or (company.description if company else ""),
            self.url(folder),
            feeds[0].url if feeds else "",
            tuple([alias.symbol for alias in company.aliases]) if company else (),
            tuple([self.ticker(symbol) for symbol in group.members]),
            feeds,
        )

    def _groups(self) -> Iterator[Page]:
        for kind, groups in self.site.groups.items():
            if not groups:
                continue
            list_url = self.url(kind + "/")
            entries = []
            for slug, group in groups.items():
                shown = self._group_view(group)
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
        return views.HomePage(self.view, self.base, tuple([self._edition(day) for day in days]))

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
            items.append(views.EditionItem(self._edition(day), self._note(note) if note else None))
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
                for feed in self._group_feeds(group):
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


def _card(
    article: Article,
    base: str,
    author: str,
    tickers: tuple[views.Ticker, ...],
    source_page: str,
    image: views.Image | None,
    status: str,
) -> tuple[Any, ...]:
    """The values of an article's card. Of the article it reads what `articles.CARD` names, and no more."""
    source = article.source
    return (
        article.authors or ((author,) if author else ()),
        bool(article.corrections),
        article.date,
        article.edition,
        base + urls.day(article.edition),
        image,
        article.reprint,
        views.Source(source.name, source.url, source_page, source.author, source.published, source.feed) if source else None,
        status,
        article.summary,
        tuple([views.Link(tag, base + urls.escape(urls.group("tags", urls.slugify(tag)))) for tag in article.tags]),
        tickers,
        article.title,
        article.updated,
        base + urls.escape(article.address),
    )


def _content(article: Article, guid: str, links: tuple[str, ...]) -> tuple[Any, ...]:
    """The values of an article's content. Of the article it reads what `articles.CONTENT` names, and no more."""
    return (
        article.body,
        tuple([views.Correction(day, text) for day, text in article.corrections]),
        article.disclosure,
        article.extra,
        guid,
        links,
        views.Link(article.via.name, article.via.url) if article.via else None,
    )
