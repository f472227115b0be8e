"""Front matter: what the values of an article's fields mean, and what is wrong with them.

Which fields there are, and what they are called elsewhere, is said in `parse`; what holds for any text, day or list, in `fields`.
"""

from __future__ import annotations

import re
import unicodedata
from posixpath import splitext

import msgspec

from digest import notation, urls
from digest.articles import Image, Source
from digest.fields import Fields
from digest.moments import Moment
from digest.urls import check_url
from digest.yamldoc import Node

EARLIEST = "1900"
"""No article is of an earlier year, but by a slip."""
MIDNIGHT = "00:00:00"

OWN = ".digest"
"""What the names begin with under which digest keeps its own files in the output."""


def slug(fields: Fields, name: str) -> str:
    """The last part of the address: the field `slug`, else of `name`, the file's without its date; empty where there is none."""
    written = fields.line("slug")
    if written:
        wanted = urls.slugify(written)
        if unicodedata.normalize("NFC", written) != wanted:
            hint = f"write slug: {wanted}" if wanted else "write lower-case letters and digits, joined by hyphens"
            fields.wrong(fields.nodes["slug"], f"'{written}' cannot be part of an address", hint)
        return wanted
    slug = urls.slugify(name)
    if not slug:
        fields.wrong(Node("", 1, 1), "the file's name gives no address", "write slug: with letters or digits")
    return slug


def date(fields: Fields, name_date: str) -> Moment | None:
    """The field `date`, else the date in the file's name; None where there is neither, or it is wrong."""
    node = fields.nodes.get("date", Node("", 1, 1))
    moment = None
    if not isinstance(node.value, str) or node.value.strip():
        moment = fields.moment("date")
    elif name_date:
        node = Node(name_date, 1, 1)
        moment = fields.moment_of(node, "the date in the file's name")
    else:
        fields.wrong(node, "no date", "write date: 2024-05-17, or begin the file's name with it")
    if moment and moment.text < EARLIEST:
        fields.wrong(node, f"the date is before {EARLIEST}", "correct the year", "warning")
    return moment


def updated(fields: Fields, names: dict[str, str], moment: Moment | None, corrected: str) -> Moment | None:
    """When the article was last changed; `corrected` is the day of its last correction, which is a change."""
    updated = fields.moment("updated")
    if moment is None:
        return updated
    if updated and updated.seconds < moment.seconds:
        if updated.text[11:19] != MIDNIGHT or updated.text[:10] != moment.text[:10]:
            fields.wrong(fields.nodes["updated"], f"'{names['updated']}' is before 'date'", "correct one of them")
        updated = moment  # a day alone may be the article's own
    if corrected > (updated or moment).text[:10]:
        return fields.moment_of(Node(corrected, 1, 1), "a correction's date")
    return updated


def edition(fields: Fields, moment: Moment | None) -> str:
    """The day of the edition that the article is to stand in, or empty; `moment` is its date."""
    day = fields.day("edition")
    if moment and day and abs(int(day[:4]) - int(moment.text[:4])) > 1:
        fields.wrong(fields.nodes["edition"], "'edition' is years away from 'date'", "correct one of them", "warning")
    return day


def draft(fields: Fields) -> bool:
    """Whether readers shall not see it, in digest's words or in those of other generators."""
    draft = fields.flag("draft")
    if "published" in fields.nodes:
        draft |= fields.choice("published", ("true", "false"), "true") == "false"
    if "status" in fields.nodes:
        draft |= fields.choice("status", ("draft", "published", "hidden"), "published") != "published"
    return draft


def tickers(fields: Fields) -> tuple[str, ...]:
    """The tickers in the notation of `notation.parse`, each once."""
    found: dict[str, None] = {}
    for text, node in fields.texts("tickers", r"\s*,\s*|(?<!:)\s+"):
        try:
            found[notation.parse(text)] = None
        except ValueError as error:
            fields.wrong(node, str(error), "write it as TSLA or LON:VOD")
    return tuple(found)


def credit(fields: Fields, name: str) -> Source | None:
    """A source or a via, written as a name, an address or a map."""
    node = fields.nodes.get(name)
    if node is None or node.value == "":
        return None
    if isinstance(node.value, str):
        text = fields.text(name)
        return Source(_host(text), text) if not check_url(text) else Source(text)
    known = ("name", "url", "author", "published", "feed") if name == "source" else ("name", "url")
    table = fields.table(name, known)
    texts = {key: fields.text_of(table[key], f"{name}.{key}") for key in ("name", "author") if key in table}
    urls = {key: fields.url_of(table[key], f"{name}.{key}") for key in ("url", "feed") if key in table}
    published = fields.moment_of(table["published"], f"{name}.published") if "published" in table else None
    apart = fields.text("source_url") if name == "source" else ""
    if not texts.get("name") and not urls.get("url") and not apart:
        fields.wrong(node, f"'{name}' has no name", f"write {name}: {{name: Reuters, url: https://…}}")
    return Source(
        texts.get("name") or _host(urls.get("url", "")),
        urls.get("url", ""),
        texts.get("author", ""),
        published.text if published else "",
        urls.get("feed", ""),
    )


def source(fields: Fields) -> Source | None:
    """Where the story is from: the field `source`, with the address that stands apart in `source_url`."""
    source = credit(fields, "source")
    node = fields.nodes.get("source_url")
    if node is None or node.value == "":
        return source
    if isinstance(node.value, str) and re.match(r"/(?!/)", node.value):
        hint = "rename it to aliases if it is an old address of the article"
        fields.wrong(node, f"'{node.value}' is a path, and the source's address is expected here", hint)
        return source
    url = fields.url_of(node, "the source's address")
    if source is None:
        return Source(_host(url), url) if url else None
    if source.url and source.url != url:
        fields.wrong(node, "the source's address is given twice", "keep source.url or this one")
    return msgspec.structs.replace(source, name=source.name or _host(url), url=url)


def _host(url: str) -> str:
    return re.sub(r"^\w+://(?:www\.)?|[/?#:].*$", "", url, flags=re.DOTALL) if url else ""


def aliases(fields: Fields) -> tuple[str, ...]:
    """Root-relative paths that redirect to the article: of pages, with a slash at the end, or of `.html` files."""
    found: dict[str, None] = {}
    for text, node in fields.texts("aliases"):
        path = "/" + text.strip("/")
        parts = path.split("/")[1:]
        if re.search(r"[\x00-\x20\\?#%<>\":|*]", path) or {"", ".", ".."} & set(parts):
            fields.wrong(node, f"'{text}' is not a path on this site", "write it as /2019/old-name/")
        elif parts[0].casefold().startswith(OWN):
            fields.wrong(node, f"'{text}' is where digest keeps files of its own", "write it as /2019/old-name/")
        else:
            found[path if splitext(path)[1] == ".html" else path + "/"] = None
    return tuple(found)


def image(fields: Fields) -> Image | None:
    """The picture and what it shows, or None."""
    node = fields.nodes.get("image")
    if node is None or node.value == "":
        return None
    if isinstance(node.value, str):
        fields.wrong(node, "an image needs a text for those who cannot see it", f"write image: {{path: {node.value}, alt: …}}")
        return None
    table = fields.table("image", ("path", "alt"))
    texts = {key: fields.text_of(entry, f"image.{key}") for key, entry in table.items()}
    for key in ("path", "alt"):
        if not texts.get(key):
            fields.wrong(node, f"'image' has no {key}", "write image: {path: chart.png, alt: what it shows}")
    return Image(texts.get("path", ""), texts.get("alt", ""))


def corrections(fields: Fields, moment: Moment | None) -> tuple[tuple[str, str], ...]:
    """Day and text of each correction; a bare text has the day of `moment`, the article's date."""
    node = fields.nodes.get("correction")
    if node is None or node.value == "":
        return ()
    if isinstance(node.value, str):
        return (((moment.text[:10] if moment else ""), fields.text("correction")),)
    items = node.value if isinstance(node.value, tuple) else (node,)
    found = []
    for item in items:
        table = fields.table_of(item, "a correction", ("date", "text"))
        text = fields.text_of(table["text"], "a correction's text") if "text" in table else ""
        day = fields.day_of(table["date"], "a correction's date") if "date" in table else ""
        if table and not (text and day):
            fields.wrong(item, "a correction needs a date and a text", "write {date: 2024-05-18, text: …}")
        if moment and "" < day < moment.text[:10]:
            fields.wrong(table["date"], "a correction's date is before the article's", "correct one of them")
        found.append((day, text))
    return tuple(found)
