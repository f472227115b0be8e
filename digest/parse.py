"""Parsing: source files in, for each an `Article` and its body's HTML out, or everything that is wrong with it.

Pure: the same bytes, path and settings give the same article.
"""

from __future__ import annotations

import re
import unicodedata
from codecs import BOM_UTF8
from collections.abc import Iterable
from posixpath import basename, dirname, splitext
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from digest import frontmatter, markup, urls, yamldoc
from digest.articles import Article, Parsed, Settings, capitalised
from digest.errors import ContentError, Diagnostic, did_you_mean
from digest.fields import Fields
from digest.fingerprint import digest
from digest.kinds import kind_of
from digest.yamldoc import Node

FIELDS = (
    "title", "date", "tickers", "summary", "source", "via", "authors", "tags", "slug", "id", "edition", "weight",
    "updated", "expires", "draft", "aliases", "image", "disclosure", "correction", "reprint",
)  # fmt: skip

SYNONYMS = {
    "author": "authors", "url": "source_url", "link": "source_url", "corrections": "correction",
    "lastmod": "updated", "modified": "updated", "last_modified_at": "updated",
    "description": "summary", "excerpt": "summary",
    "category": "tags", "categories": "tags", "keywords": "tags", "tag": "tags",
    "publishdate": "date", "expirydate": "expires", "redirect_from": "aliases",
    "status": "status", "published": "published",
}  # fmt: skip
"""What Jekyll, Hugo and Pelican call a field, in lower case."""

_OF_ARTICLES = (
    "date", "edition", "weight", "expires", "reprint", "source", "source_url", "via", "correction", "disclosure", "image",
    "authors", "tags", "id",
)  # fmt: skip
UNUSED = {"page": _OF_ARTICLES, "note": (*_OF_ARTICLES, "slug", "aliases")}
"""Fields that only an article has a place for."""

FOREIGN = frozenset({"layout", "type", "template", "comments", "toc", "math", "permalink", "lang", "excerpt_separator"})
"""Fields that only say how another generator shows a page: kept as extra, without a warning."""


_OPENING = re.compile(r"---[ \t]*\n").match
_CLOSING = re.compile(r"\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)").search  # a line break is looked for quicker than a line's start


class _Draft(NamedTuple):
    """A source on its way, its body still Markdown."""

    path: str
    fields: Fields
    names: dict[str, str]
    """What each field was called in the file."""
    unknown: list[str]
    """Fields that digest does not know."""
    text: str
    first: int
    """The line on which the body begins."""


def parse(sources: Iterable[tuple[str, bytes]], settings: Settings) -> list[tuple[Parsed, bytes]]:
    """Return what each of some sources says, and its body as clean HTML in UTF-8 with symbolic links (empty when it has errors).

    `sources` are paths and bytes. One step is done for all of them, then the next, as what a step needs is then in the
    processor's caches.
    """
    drafts = [_draft(path, data, settings) for path, data in sources]
    bodies = iter(markup.render([draft.text for draft in drafts if isinstance(draft, _Draft)], settings.markdown))
    return [_finished(draft, next(bodies)) if isinstance(draft, _Draft) else (draft, b"") for draft in drafts]


def _draft(path: str, data: bytes, settings: Settings) -> _Draft | Parsed:
    """The draft of a source, or all that there is to say of one that goes no further."""
    remarks: list[Diagnostic] = []
    try:
        text, nodes, first = _split(path, data, remarks)
    except ContentError as error:
        return Parsed(None, error.diagnostics)
    fields, names, unknown = _recognise(path, nodes, settings)
    fields.problems += remarks
    skipped = _foreign_page(path, fields)
    return Parsed(None, (skipped,)) if skipped else _Draft(path, fields, names, unknown, text, first)


def _finished(draft: _Draft, body: markup.Markup) -> tuple[Parsed, bytes]:
    path, fields, first = draft.path, draft.fields, draft.first
    fields.problems += [
        Diagnostic(
            path, problem.line and problem.line + first - 1, problem.column, problem.message, problem.hint, problem.severity
        )
        for problem in body.problems
    ]
    html = body.html.encode()
    article = _article(draft, body, digest(html))
    problems = tuple(sorted(fields.problems))
    if any(problem.severity == "error" for problem in problems):
        return Parsed(None, problems), b""
    return Parsed(article, problems), html


def _split(path: str, data: bytes, remarks: list[Diagnostic]) -> tuple[str, dict[str, Node], int]:
    """The body's text, the front matter's fields and the line on which the body begins; warnings go to `remarks`."""

    def fail(line: int, column: int, message: str, hint: str) -> ContentError:
        return ContentError([Diagnostic(path, line, column, message, hint)])

    kind = kind_of(path)
    data = data.removeprefix(BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        raise fail(before.count(b"\n") + 1, column, "not UTF-8", "save the file as UTF-8") from None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        if kind != "note":
            raise fail(1, 1, "the file is empty", "begin with ---, title: and ---; or delete it")
        return "", {}, 1
    opening = _OPENING(text)
    if not opening:
        if kind == "note":
            return text, {}, 1
        if text.startswith("+++"):
            raise fail(1, 1, "front matter in TOML", "digest reads YAML: put it between lines of ---")
        needed = "title: and date:" if kind == "article" else "title:"
        raise fail(1, 1, "no front matter", f"begin the file with a line ---, then {needed}, then a line ---")
    closing = _CLOSING(text, opening.end() - 1)
    if not closing:
        raise fail(1, 1, "the front matter is not closed", "put a line --- behind its last field")
    root = yamldoc.load(text[opening.end() : closing.start() + 1], path, first_line=2, remarks=remarks)
    assert isinstance(root.value, dict)
    return text[closing.end() :], root.value, text.count("\n", 0, closing.end()) + 1


def _recognise(path: str, nodes: dict[str, Node], settings: Settings) -> tuple[Fields, dict[str, str], list[str]]:
    """The fields under digest's own names, what each was called in the file, and the unknown ones."""
    known: dict[str, Node] = {}
    names: dict[str, str] = {}
    unknown: list[str] = []
    problems: list[Diagnostic] = []
    for written in sorted(nodes, key=lambda written: written.lower() not in FIELDS):  # digest's own names win
        lower = written.lower()
        name = lower if lower in FIELDS else SYNONYMS.get(lower)
        if name and name not in known:
            known[name] = nodes[written]
            names[name] = written
            continue
        unknown.append(written)
        if name is None and lower not in FOREIGN and lower not in settings.extra:
            node = nodes[written]
            hint = did_you_mean(written, (*FIELDS, "author", "url", "link", *settings.extra))
            hint = hint or "kept as extra; name it under `extra` in the settings to be rid of this"
            problems.append(Diagnostic(path, node.key_line, node.key_column, f"unknown field '{written}'", hint, "warning"))
    fields = Fields(path, {**known, **{name: nodes[name] for name in unknown}}, ZoneInfo(settings.timezone))
    fields.problems = problems
    return fields, names, unknown


def _foreign_page(path: str, fields: Fields) -> Diagnostic | None:
    """A warning of a page in Hugo's or Jekyll's way: `_index.md`, or a layout other than a post's and no date at all."""
    layout = fields.nodes.get("layout")
    dated = "date" in fields.nodes or _dated_name(path)[0]
    message, hint = "skipped: a list page of another generator", "name it under `ignore` to be rid of this"
    if splitext(basename(path))[0] != "_index":
        if kind_of(path) != "article" or layout is None or layout.value in ("post", "") or dated:
            return None
        if layout.value in ("page", "single"):
            message, hint = "skipped: a page without a date", "a standing page belongs into the content's folder pages/"
    return Diagnostic(path, 1, 1, message, hint, "warning")


def _dated_name(path: str) -> tuple[str, str]:
    """A date at the head of a file's name, or empty, and the rest of the name. `index.md` goes by its folder."""
    name = splitext(basename(path))[0]
    if name == "index" and dirname(path):
        name = basename(dirname(path))
    match = re.match(r"(\d{4}-\d{2}-\d{2})(?:[-_ ]+|$)", name)
    return (match[1], name[match.end() :]) if match else ("", name)


def _article(draft: _Draft, body: markup.Markup, body_key: bytes) -> Article:
    path, fields, names, unknown, text, first = draft
    kind = kind_of(path)
    name_date, name = _dated_name(path)
    title = fields.line("title")
    if not title and kind != "note":
        where = fields.nodes.get("title", Node("", 1, 1))
        fields.wrong(where, "the title is empty" if "title" in fields.nodes else "no title", "write title: in the front matter")
    for unused in set(UNUSED.get(kind, ())).intersection(fields.nodes):
        where = Node("", *fields.at(unused))
        fields.wrong(where, f"'{names[unused]}' says nothing here", f"it is for articles, and this is a {kind}", "warning")
        del fields.nodes[unused]
    moment = None
    if kind == "note":
        slug = ""
        if not name_date or name:
            fields.wrong(Node("", 1, 1), "an edition's note is named by its day", "name it 2024-05-17.md")
        else:
            fields.day_of(Node(name_date, 1, 1), "the file's name")
    else:
        slug = frontmatter.slug(fields, name)
        moment = frontmatter.date(fields, name_date) if kind == "article" else None
    declared = frontmatter.tickers(fields)
    summary = fields.text("summary")
    corrections = frontmatter.corrections(fields, moment)
    updated = frontmatter.updated(fields, names, moment, max([day for day, _ in corrections], default=""))
    expires = fields.moment("expires")
    if moment and expires and expires.seconds <= moment.seconds:
        fields.wrong(fields.nodes["expires"], f"'{names['expires']}' is not after 'date'", "correct one of them")
    said = f"{title}\n{summary}\n{text}"
    unmentioned = tuple([ticker for ticker in declared if not _names(said, ticker)])
    positions: dict[str, tuple[int, int]] = {
        name: fields.at(name) for name in ("tickers", "image", "aliases", "slug", "id") if name in fields.nodes
    }
    return Article(
        path=path,
        kind=kind,
        title=title,
        slug=slug,
        address=urls.article(moment.text, slug) if moment else slug + "/",
        date=moment.text if moment else "",
        seconds=moment.seconds if moment else 0,
        edition=frontmatter.edition(fields, moment) or (moment.text[:10] if moment else name_date),
        weight=fields.number("weight"),
        updated=updated.text if updated else "",
        expires=expires.seconds if expires else None,
        draft=frontmatter.draft(fields),
        tickers=declared,
        unmentioned=unmentioned,
        names=tuple(sorted(capitalised(said))) if unmentioned else (),
        summary=summary or body.summary,
        source=frontmatter.source(fields),
        via=frontmatter.credit(fields, "via"),
        authors=tuple(dict.fromkeys(text for text, _ in fields.texts("authors", r"\s*,\s*"))),
        tags=tuple(dict.fromkeys(unicodedata.normalize("NFC", text.casefold()) for text, _ in fields.texts("tags", r"\s*,\s*"))),
        id=fields.line("id"),
        aliases=frontmatter.aliases(fields),
        image=frontmatter.image(fields),
        disclosure=fields.text("disclosure"),
        corrections=corrections,
        reprint=fields.choice("reprint", ("none", "excerpt", "full"), "excerpt"),
        extra=fields.extra(unknown),
        body=body_key,
        references=tuple(
            msgspec.structs.replace(reference, line=reference.line and reference.line + first - 1)
            for reference in body.references
        ),
        positions=positions,
    )


def _names(text: str, ticker: str) -> bool:
    """Whether the text names the ticker's symbol as a word."""
    symbol = ticker.rpartition(":")[2].lstrip("^")
    at = text.find(symbol)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(symbol) : at + len(symbol) + 1]
        if not (before.isalnum() or after.isalnum()):
            return True
        at = text.find(symbol, at + 1)
    return False
