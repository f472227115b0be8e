"""Shared views: the values that stand on many pages, made once: the site's view, cards, contents, notes, editions.

Here every address and every name that a page shows of the site is settled. Which pages there are is said in `pages`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from posixpath import splitext
from typing import Any

from digest import notation, urls, views
from digest.articles import Article
from digest.config import Config
from digest.errors import Diagnostic
from digest.fingerprint import fingerprint
from digest.inputs import File
from digest.links import Resolver
from digest.site import KINDS, Group, Site

IMAGE_TYPES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
    ".avif": "image/avif", ".svg": "image/svg+xml",
}  # fmt: skip

FEED_TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}
FEED_NAMES = {"rss": "RSS", "atom": "Atom", "json": "JSON Feed"}
SITE_FORMATS = ("rss", "atom", "json")


class SharedViews:
    """A site's shared views. What is wrong with addresses gathers in `problems` as they are made."""

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
        self._tickers: dict[str, views.Ticker] = {}
        self.source_page = {
            article.source.name: self.url(urls.group("sources", slug))
            for slug, group in site.groups["sources"].items()
            for article in group.articles
            if article.source
        }
        self.view = self._site_view()
        self.cards = {article.path: self._card(article) for article in site.articles + site.expired}
        self.contents = {article.path: self._content(article) for article in site.articles + site.expired}

    def url(self, path: str) -> str:
        """A path below the base as a root-relative URL."""
        return self.base + urls.escape(path)

    def absolute(self, path: str) -> str:
        return self.origin + self.url(path)

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

    def ticker(self, symbol: str) -> views.Ticker:
        """A ticker as cards name it."""
        found = self._tickers.get(symbol)
        if found is None:
            slug = notation.slug(symbol)
            group = self.site.groups["tickers"].get(slug)
            company = group.company if group else None
            name, exchange = (company.name, company.exchange) if company else ("", "")
            url = self.url(urls.group("tickers", slug))
            found = self._tickers[symbol] = views.Ticker(symbol, name, exchange or symbol.rpartition(":")[0], url)
        return found

    def _feeds_of(self, folder: str, title: str, formats: Iterable[str]) -> tuple[views.Feed, ...]:
        """The feeds of a folder under distinct titles: the first has the title alone."""
        found = []
        for number, format in enumerate(formats):
            name = f"{title} ({FEED_NAMES[format]})" if number else title
            found.append(views.Feed(name, self.url(urls.feed(folder, format)), FEED_TYPES[format]))
        return tuple(found)

    def group_feeds(self, group: Group) -> tuple[views.Feed, ...]:
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

    def note(self, article: Article) -> views.Note:
        values = (article.body, self._links(article), article.summary, article.title, article.updated)
        return views.Note(fingerprint(values), *values)

    def edition(self, day: str) -> views.Edition:
        note = self.site.notes.get(day)
        cards = tuple([self.cards[article.path] for article in self.site.editions[day]])
        return views.Edition(day, self.base + urls.day(day), note.title if note else "", cards)

    def group(self, group: Group) -> views.Group:
        company, feeds = group.company, self.group_feeds(group)
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
