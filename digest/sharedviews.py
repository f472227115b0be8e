"""Shared views: the values that stand on many pages, made once: the site's view, cards, contents, notes, editions.

Here every address and every name that a page shows of the site is settled. Which pages there are is said in `pages`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial
from typing import Any

from digest import entries, urls, views
from digest.articles import Article
from digest.config import Config
from digest.entries import Entry
from digest.errors import Diagnostic
from digest.groups import KINDS, Group
from digest.site import Settled, Site

Fetch = Callable[[Entry], Article]

NOTHING = Settled()

REMEMBERED = 5_000
"""Cards whose values are kept for the next plan."""


class SharedViews:
    """A site's shared views. What is wrong with addresses gathers in `problems` as they are made."""

    def __init__(
        self, config: Config, site: Site, media: Container[str], fetch: Fetch, made: dict[bytes, tuple[Any, ...]]
    ) -> None:
        """`fetch` gives the article of an entry. `made` holds the values of cards, by their keys, and is added to here."""
        self.config = config
        self.site = site
        self.base = config.base
        self.origin = config.origin
        self.problems: list[Diagnostic] = []
        self._fetch = fetch
        self._made = made
        self._cards: dict[str, views.Card] = {}
        self._contents: dict[str, views.Content] = {}
        self._tickers: dict[str, views.Ticker] = {}
        self.view = self._site_view(media)

    def url(self, path: str) -> str:
        """A path below the base as a root-relative URL."""
        return self.base + urls.escape(path)

    def absolute(self, path: str) -> str:
        return self.origin + self.url(path)

    def _site_view(self, media: Container[str]) -> views.Site:
        config, site = self.config, self.site
        sections = [views.Link(kind.capitalize(), self.url(kind + "/")) for kind in KINDS if site.groups[kind]]
        menu = [views.Link(page.title, self.url(page.address)) for page in site.standing]
        menu += [views.Link(item.name, self._menu_url(item.url)) for item in config.menu]
        editions = views.Feed(f"{config.title}: editions", self.url(urls.EDITIONS))
        feeds = (*self._feeds_of("", config.title, config.feeds.formats), editions)
        image = self.url(urls.media(config.image)) if config.image in media else ""
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
            found = self._tickers[symbol] = entries.ticker(symbol, self.site.companies.get(symbol), self.base)
        return found

    def _feeds_of(self, folder: str, title: str, formats: Iterable[str]) -> tuple[views.Feed, ...]:
        """The feeds of a folder under distinct titles: the first has the title alone."""
        found = []
        for number, format in enumerate([urls.FORMATS[name] for name in formats]):
            name = f"{title} ({format.name})" if number else title
            found.append(views.Feed(name, self.url(folder + format.file), format.type))
        return tuple(found)

    def group_feeds(self, group: Group) -> tuple[views.Feed, ...]:
        label = group.company.name if group.company and group.company.name else ""
        name = f"{group.name}: {label}" if label else group.name
        folder = urls.group(group.kind, group.slug)
        return self._feeds_of(folder, f"{name} ({self.config.title})", self.config.feeds.group_formats)

    def card(self, entry: Entry) -> views.Card:
        """An article as indexes show it; read only when somebody looks into it."""
        found = self._cards.get(entry.path)
        if found is None:
            found = self._cards[entry.path] = views.Card.later(entry.card_key, self._card_values, entry)
        return found

    def cards(self, found: Sequence[Entry]) -> views.CardList:
        key = b"".join([entry.card_key for entry in found])
        return views.CardList(key, partial(map, self.card, found))

    def content(self, entry: Entry) -> views.Content:
        """What an article shows beyond its card; read only when somebody looks into it."""
        found = self._contents.get(entry.path)
        if found is None:
            found = self._contents[entry.path] = views.Content.later(entry.content_key, self._content_values, entry)
        return found

    def note(self, entry: Entry) -> views.Note:
        """An editor's note, or the text of a standing page; read only when somebody looks into it."""
        return views.Note.later(entry.content_key, self._note_values, entry)

    def _card_values(self, entry: Entry) -> tuple[Any, ...]:
        found = self._made.get(entry.card_key)
        if found is None:
            if len(self._made) >= REMEMBERED:
                self._made.clear()
            found = self._made[entry.card_key] = self._make_card(entry)
        return found

    def _make_card(self, entry: Entry) -> tuple[Any, ...]:
        """Of the article this reads what `articles.CARD` names, and no more."""
        article, settled = self._fetch(entry), self.site.settled.get(entry.path, NOTHING)
        source = article.source

        def url(path: str) -> str:
            return "" if path in settled.missing else self.url(path)

        def group(kind: str, name: str) -> str:
            return url(urls.group(kind, urls.slugify(name)))

        curator = (self.config.author,) if self.config.author and article.reprint != "full" else ()
        return (
            article.authors or curator,
            bool(article.corrections),
            article.date,
            article.edition,
            url(urls.day(article.edition)),
            settled.image,
            article.reprint,
            views.Source(source.name, source.url, group("sources", source.name), source.author, source.published, source.feed)
            if source
            else None,
            settled.status,
            article.summary,
            tuple([views.Link(tag, group("tags", tag)) for tag in article.tags]),
            tuple([self.ticker(symbol) for symbol in entry.symbols]),
            article.title,
            article.updated,
            self.url(article.address),
        )

    def _content_values(self, entry: Entry) -> tuple[Any, ...]:
        """Of the article this reads what `articles.CONTENT` names, and no more."""
        article = self._fetch(entry)
        return (
            article.body,
            tuple([views.Correction(day, text) for day, text in article.corrections]),
            article.disclosure,
            article.extra,
            entries.guid(article, self.origin, self.base),
            self._links(entry, article),
            views.Link(article.via.name, article.via.url) if article.via else None,
        )

    def _note_values(self, entry: Entry) -> tuple[Any, ...]:
        """Of the article this reads what `articles.NOTE` names, and no more."""
        article = self._fetch(entry)
        return article.body, self._links(entry, article), article.summary, article.title, article.updated

    def _links(self, entry: Entry, article: Article) -> tuple[str, ...]:
        """Where each reference of a body leads: root-relative, or empty for a mention that is not linked."""
        others = iter(self.site.settled.get(entry.path, NOTHING).links)
        mentions = entry.mentions
        found = []
        for reference in article.references:
            if reference.kind == "ticker":
                symbol = mentions.get(reference.target)
                found.append(self.ticker(symbol).url if symbol else "")
            else:
                found.append(next(others))
        return tuple(found)

    def edition(self, day: str) -> views.Edition:
        note = self.site.notes.get(day)
        return views.Edition(
            day, self.base + urls.day(day), note.title if note else "", tuple(self.cards(self.site.editions[day]))
        )

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
