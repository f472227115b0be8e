"""JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/): a view in, bytes out."""

from __future__ import annotations

import msgspec

from digest.characters import clean
from digest.feeditems import Bodies, Item, of_article, uri
from digest.views import ArticleFeed

VERSION = "https://jsonfeed.org/version/1.1"


class Author(msgspec.Struct, frozen=True):
    name: str


class Hub(msgspec.Struct, frozen=True):
    type: str
    url: str


class Attachment(msgspec.Struct, frozen=True):
    url: str
    mime_type: str
    size_in_bytes: int


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item; the names are the format's own."""

    id: str
    url: str
    title: str
    content_html: str
    date_published: str
    date_modified: str = ""
    external_url: str = ""
    """The original article."""
    summary: str = ""
    image: str = ""
    authors: tuple[Author, ...] = ()
    tags: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()


class Feed(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole document."""

    version: str
    title: str
    home_page_url: str
    feed_url: str
    items: tuple[Entry, ...]
    """Written even when there are none: the format demands the list."""
    description: str = ""
    language: str = ""
    authors: tuple[Author, ...] = ()
    hubs: tuple[Hub, ...] = ()


def json_feed(view: ArticleFeed, bodies: Bodies) -> bytes:
    """The feed as JSON Feed 1.1 in UTF-8, with a newline at the end."""
    site = view.site
    items = (of_article(item, site, view.full_text, bodies) for item in view.items)
    feed = Feed(
        version=VERSION,
        title=clean(view.title) or clean(site.title) or site.origin,
        home_page_url=uri(site.origin + view.page),
        feed_url=uri(site.origin + view.url),
        items=tuple(map(_entry, items)),
        description=clean(view.description),
        language=site.language,
        authors=(Author(clean(site.author or site.title)),),
        hubs=(Hub("WebSub", uri(site.hub)),) if site.hub else (),
    )
    return msgspec.json.encode(feed) + b"\n"


def _entry(item: Item) -> Entry:
    image = item.image
    return Entry(
        id=item.id,
        url=item.url,
        title=item.title,
        content_html=item.html,
        date_published=item.published,
        date_modified=item.updated,
        external_url=item.origin.url if item.origin else "",
        summary=item.summary,
        image=image.url if image else "",
        authors=tuple(map(Author, item.authors)),
        tags=tuple(dict.fromkeys(category.term for category in item.categories)),
        attachments=(Attachment(image.url, image.type, image.size),) if image else (),
    )
