"""Entries: their keys change with everything that a page shows."""

from typing import Any

import msgspec
import pytest
from sites import AS_OF

from digest import site
from digest.articles import Article, Image, Parsed, Source
from digest.config import Config
from digest.entries import Cataloguer, Entry, Terms
from digest.inputs import Audience, File
from digest.references import Reference
from digest.sharedviews import SharedViews
from digest.tickers import Company, Registry

CONFIG = Config(title="Test", author="The Desk", base_url="https://example.org/news/")
REGISTRY = Registry((Company("NVDA", "Nvidia", "NASDAQ"), Company("TSLA", "Tesla", "NASDAQ")), frozenset({"NASDAQ"}), {})
MEDIA = {name: File(name, 3, b"hash") for name in ("a.png", "b.png", "c.pdf", "d.pdf")}

ARTICLE = Article(
    path="a.md", kind="article", title="Title", slug="a", address="2024/05/17/a/", date="2024-05-17T00:00:00-04:00",
    seconds=1_715_918_400, edition="2024-05-17", tickers=("NVDA",), summary="Summary.", source=Source("Reuters"),
    authors=("One",), tags=("ai",), id="tag:one", image=Image("a.png", "A chart"), body=b"body",
    references=(Reference("ticker", "NVDA", "", 5, 1), Reference("file", "c.pdf", "", 6, 1)), aliases=("/old/",),
)  # fmt: skip

OTHER: dict[str, Any] = {
    "path": "b.md", "kind": "page", "title": "Other", "slug": "b", "address": "2024/05/17/b/",
    "date": "2024-05-17T01:00:00-04:00", "seconds": 1_715_918_401, "edition": "2024-05-18", "weight": 1,
    "updated": "2024-05-18T00:00:00-04:00", "expires": AS_OF - 1, "draft": True, "tickers": ("TSLA",),
    "unmentioned": ("NVDA",), "names": ("Nvidia",), "summary": "Another.", "source": Source("Reuters", "https://example.com/"),
    "via": Source("Wire"), "authors": ("Two",), "tags": ("cars",), "id": "tag:two", "aliases": ("/older/",),
    "image": Image("b.png", "A chart"), "disclosure": "We own some.", "corrections": (("2024-05-18", "A number."),),
    "reprint": "full", "extra": {"colour": "red"}, "body": b"another",
    "references": (Reference("ticker", "TSLA", "", 5, 1), Reference("file", "d.pdf", "", 6, 1)),
    "positions": {"tickers": (3, 1)},
}  # fmt: skip


def shown(article: Article) -> tuple[Entry, tuple[Any, ...], tuple[Any, ...]]:
    """An article's entry in a site, and the values of its card and its content, or of its note."""
    terms = Terms(CONFIG.base, CONFIG.author, REGISTRY)
    made = Cataloguer(terms)(article.path, b"version", Parsed(article, ()))
    whole, _ = site.assemble(CONFIG, [made], REGISTRY, MEDIA, Audience(AS_OF, True, True))
    entry = next(iter((*whole.articles, *whole.expired, *whole.standing)))
    views = SharedViews(CONFIG, whole, (), lambda _: article, {})
    if entry.kind == "page":
        return entry, (), views.note(entry).values
    return entry, views.card(entry).values, views.content(entry).values


def test_every_field_has_another_value() -> None:
    """No field of an article is forgotten below."""
    assert set(OTHER) == {field.name for field in msgspec.structs.fields(Article)}


@pytest.mark.parametrize("kind", ["article", "page"])
@pytest.mark.parametrize("name", [name for name in OTHER if name != "kind"])
def test_keys_change_with_what_is_shown(name: str, kind: str) -> None:
    """Whatever field of an article is changed: when its card or its content differs, so does the key."""
    before = msgspec.structs.replace(ARTICLE, kind=kind)
    after = msgspec.structs.replace(before, **{name: OTHER[name]})
    entry, card, content = shown(before)
    changed, new_card, new_content = shown(after)
    assert card == new_card or entry.card_key != changed.card_key
    assert content == new_content or entry.content_key != changed.content_key


def test_keys_stay_with_what_is_shown() -> None:
    """A body's edit leaves the card's key, and so every list, as it was."""
    entry, *_ = shown(ARTICLE)
    changed, *_ = shown(msgspec.structs.replace(ARTICLE, body=b"another"))
    assert entry.card_key == changed.card_key
    assert entry.content_key != changed.content_key


@pytest.mark.parametrize("name", OTHER)
def test_amended_is_assembled(name: str) -> None:
    """Whatever is changed in an article: a site that is amended for it is the one that would be assembled."""
    catalogue = Cataloguer(Terms(CONFIG.base, CONFIG.author, REGISTRY))
    plain = msgspec.structs.replace(ARTICLE, image=None, references=ARTICLE.references[:1])
    beside = msgspec.structs.replace(plain, path="z.md", address="2024/05/17/z/", tickers=("TSLA",), tags=("cars",))
    changed = msgspec.structs.replace(plain, **{name: OTHER[name]})
    before, after = (
        {article.path: catalogue(article.path, b"version", Parsed(article, ())) for article in (one, beside)}
        for one in (plain, changed)
    )
    audience = Audience(AS_OF, True, True)
    whole, problems = site.assemble(CONFIG, before.values(), REGISTRY, MEDIA, audience)
    amended = site.Assembly(whole, problems, CONFIG, before, REGISTRY, MEDIA, audience).amended(
        CONFIG, after, REGISTRY, MEDIA, audience
    )
    assert amended is None or (amended, problems) == site.assemble(CONFIG, after.values(), REGISTRY, MEDIA, audience)
    if name in {"title", "body", "summary", "updated", "disclosure", "via"}:
        assert amended
