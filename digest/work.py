"""What a worker does: parse a chunk of sources, or render and stage a chunk of pages.

Both are pure but for reading content, the cache and what is published already, and for writing staged files; so chunks
may run in any process and in any order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from errno import ENAMETOOLONG, ENOSPC
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from digest import buckets, files, publish
from digest.articles import Parsed, Settings
from digest.config import Markdown
from digest.entries import Cataloguer, Terms
from digest.errors import ContentError, Diagnostic
from digest.files import Stat
from digest.fingerprint import digest
from digest.sections import Page
from digest.store import Bodies
from digest.views import complete
from digest.workers import chunked

if TYPE_CHECKING:
    from digest.templates import Templates


class Setup(msgspec.Struct, frozen=True):
    """What a worker is made of: paths, and the terms of entries."""

    content: str
    templates: str | None
    templates_label: str
    theme: str
    bytecode: str
    theme_bytecode: str | None
    cache: str
    terms: Terms


class ParseChunk(msgspec.Struct, frozen=True):
    settings: Settings
    settings_key: bytes
    sources: list[str]
    """Paths below the content folder."""


TOGETHER = 50
"""Pages that are rendered before they are written: what a step needs is then in the processor's caches."""

UNREAD = b""
"""In place of the hash of a file that cannot be read."""


class ParsedSource(msgspec.Struct, frozen=True):
    path: str
    hash: bytes
    version: bytes
    """Key of its bytes and of the settings that it was parsed with."""
    stat: Stat
    """As `files.read` gave it; `ABSENT` where it cannot be read."""
    head: bytes
    """The encoded `Parsed`."""
    body: bytes
    """The body's key."""
    html: bytes
    """The body, in UTF-8."""
    entry: bytes
    """The encoded `Entry`."""


class Fresh:
    """What was just parsed, in a file that nobody else sees, so that who renders all of it need not search the cache for it.

    The first process puts it in; those that are forked off afterwards read it too. Whatever is not here is in the cache.
    """

    SPARE = 8
    """How many times as much as is kept must be free on the disk: the cache and the output, which need less, come first."""

    def __init__(self, folder: str) -> None:
        """`folder` is where the file is to be; it is made when there is something to keep."""
        self._folder = folder
        self._file: IO[bytes] | None = None
        self.clear()

    def clear(self) -> None:
        """Forget it."""
        file, self._file = self._file, None
        if file:
            with suppress(OSError):
                file.close()
        self._refused = False
        self._end = 0
        self._heads: dict[str, tuple[int, int]] = {}
        """Where they begin and how long they are, by the paths of their sources."""
        self._bodies: dict[bytes, tuple[int, int]] = {}
        """The same by their keys."""

    def put(self, sources: list[ParsedSource]) -> None:
        """Keep these too; nothing any more, where there is no room for them."""
        if self._refused:
            return
        try:
            self._write(b"".join([part for source in sources for part in (source.head, source.html)]))
        except OSError:
            self.clear()
            self._refused = True
            return
        for source in sources:
            body = self._end + len(source.head)
            self._heads[source.path] = self._end, len(source.head)
            self._bodies[source.body] = body, len(source.html)
            self._end = body + len(source.html)

    def _write(self, data: bytes) -> None:
        """Write at the end of the file. Raises OSError, also where little is free."""
        import shutil
        from tempfile import TemporaryFile

        if shutil.disk_usage(self._folder).free < self.SPARE * (self._end + len(data)):
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        self._file = self._file or TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 (`clear` closes it)
        self._file.seek(self._end)
        while data:
            data = data[self._file.write(data) :]

    def head(self, path: str) -> bytes | None:
        """The encoded `Parsed` of a source, if it is here."""
        return self._read(self._heads.get(path))

    def body(self, key: bytes) -> bytes | None:
        """A body in UTF-8, if it is here."""
        return self._read(self._bodies.get(key))

    def _read(self, place: tuple[int, int] | None) -> bytes | None:
        if place is None or self._file is None:
            return None
        start, size = place
        try:
            if hasattr(os, "pread"):
                data = os.pread(self._file.fileno(), size, start)
            else:  # on Windows, where this process is alone with the file
                self._file.seek(start)
                data = self._file.read(size)
        except OSError:
            return None
        return data if len(data) == size else None


def load_parser(settings: Markdown) -> None:
    """Load ahead of time what sources are parsed with. Raises `SettingsError` when the engine is not installed."""
    from digest import markup, parse  # noqa: F401

    markup.load(settings)


class RenderChunk(msgspec.Struct, frozen=True):
    output: str
    stage: str
    fresh: bool
    pages: list[tuple[int, Page, bool]]
    """A page's number, the page, and whether what stands at its path is ours."""


class Rendered(msgspec.Struct, frozen=True):
    index: int
    state: str
    """`staged`, `same` (the output has these bytes already), or `foreign` (it has others, and they are not ours)."""
    stat: Stat
    """Of the staged file, or of the output's."""


class Worker:
    """Performs chunks. Raises `ContentError` with everything that is wrong in one."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.renderer = Renderer(setup)
        self._catalogue = Cataloguer(setup.terms)

    def __call__(self, chunk: ParseChunk | RenderChunk) -> Any:
        if isinstance(chunk, ParseChunk):
            return self._parsed(chunk)
        return self._render(chunk)

    @cached_property
    def _parse(self) -> Callable[[Iterable[tuple[str, bytes]], Settings], list[tuple[Parsed, bytes]]]:
        """Imported late: a build of an unchanged site parses nothing."""
        from digest.parse import parse

        return parse

    def _parsed(self, chunk: ParseChunk) -> list[ParsedSource]:
        read: dict[str, tuple[Stat, bytes]] = {}
        parsed: dict[str, tuple[Parsed, bytes]] = {}
        for path in chunk.sources:
            try:
                read[path] = files.read(f"{self.setup.content}/{path}")
            except OSError as error:
                parsed[path] = Parsed(None, ContentError.at(path, "cannot be read", error).diagnostics), b""
        sources = [(path, data) for path, (_, data) in read.items()]
        parsed.update(zip(read, self._parse(sources, chunk.settings), strict=True))
        done = []
        for path in chunk.sources:
            stat, hash = (read[path][0], digest(read[path][1])) if path in read else (files.ABSENT, UNREAD)
            found, html = parsed[path]
            body = found.article.body if found.article else b""
            version = buckets.version(hash, chunk.settings_key)
            entry = encode(self._catalogue(path, version, found))
            done.append(ParsedSource(path, hash, version, stat, encode(found), body, html, entry))
        return done

    def _render(self, chunk: RenderChunk) -> tuple[list[Rendered], dict[Diagnostic, list[str]]]:
        """What was rendered, and what is wrong: with a template, beside the paths of the pages where it showed."""
        done: list[Rendered] = []
        problems: dict[Diagnostic, list[str]] = {}
        for pages in chunked(chunk.pages, TOGETHER):
            for _, page, _ in pages:
                complete(page.view)
            outputs = []
            for index, page, ours in pages:
                try:
                    outputs.append((index, page, ours, b"" if page.renderer == "copy" else self.renderer.render(page)))
                except ContentError as error:
                    for problem in error.diagnostics:
                        problems.setdefault(problem, []).extend([page.path] if page.template else [])
            for output in outputs:
                try:
                    done.append(_staged(chunk, *output))
                except ContentError as error:
                    for problem in error.diagnostics:
                        problems.setdefault(problem, [])
        return done, problems


def _staged(chunk: RenderChunk, index: int, page: Page, ours: bool, output: bytes) -> Rendered:
    """Stage a page whose bytes are known, or copy it. Raises `ContentError`."""
    target = f"{chunk.output}/{page.path}"
    try:
        staged = publish.place(chunk.stage, chunk.fresh, index, page.path)
        if page.renderer == "copy":
            same = not chunk.fresh and _hash(target) == page.view.hash
            if not same:
                _copy(page, staged)
        else:
            same = not chunk.fresh and _has(target, output)
            if not same:
                files.write(staged, output)
    except OSError as error:
        raise publish.unwritable(target if error.errno == ENAMETOOLONG else chunk.output, error) from error
    free = chunk.fresh or ours or not os.path.lexists(target)
    state = "same" if same else "staged" if free else "foreign"
    return Rendered(index, state, files.stat(target if same else staged))


def _copy(page: Page, to: str) -> None:
    """Copy a published file. Raises `ContentError` when that cannot be done, or it is not any more what it was."""
    import shutil  # late, as few builds copy anything

    source = page.view.source
    try:
        shutil.copyfile(source, to)
    except OSError as error:
        raise ContentError.at(source, "cannot be copied", error) from None
    if _hash(to) != page.view.hash:
        raise ContentError([Diagnostic(source, 0, 0, "it was written to while the site was built", "build again")])


def _hash(path: str) -> bytes:
    """The hash of a file; empty where there is none."""
    try:
        with open(path, "rb") as file:
            return digest(file.read())
    except OSError:
        return b""


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Parsed).decode


class Renderer:
    """Renders any page: bytes out of its view."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._stored = lru_cache(4096)(Bodies(setup.cache))
        self.fresh = Fresh(os.path.dirname(setup.cache))

    def render(self, page: Page) -> bytes:
        """The page's bytes. Raises `ContentError`, in a template's name."""
        kind, view = page.renderer, page.view
        if kind == "html":
            return self.templates.render(page.template, view, self._body)
        if kind == "text":
            return str(view.text).encode()
        render, takes_bodies = _renderer(kind)
        return render(view, self._body) if takes_bodies else render(view)

    def _body(self, key: bytes) -> str:
        fresh = self.fresh.body(key)
        return self._stored(key) if fresh is None else fresh.decode()

    def load(self, every: bool) -> None:
        """Load ahead of time what pages are rendered with: all of it, or only what hardly a build does without."""
        templates = self.templates
        if every:
            templates.load()
            for kind in (*FEEDS, "json", "sitemap"):
                _renderer(kind)

    @cached_property
    def templates(self) -> Templates:
        """The site's templates over the theme's. Imported late: a build of an unchanged site needs none."""
        from digest.templates import Templates

        setup = self._setup
        site, shared = (Path(folder) if folder else None for folder in (setup.templates, setup.theme_bytecode))
        return Templates(site, Path(setup.theme), Path(setup.bytecode), setup.templates_label, shared)


FEEDS = ("rss", "atom", "editions_rss")
"""Kinds that feedgen writes."""


@cache
def _renderer(kind: str) -> tuple[Callable[..., bytes], bool]:
    """The function that renders a kind, and whether it takes bodies. Imported late: feedgen and lxml take their time."""
    if kind in FEEDS:
        from digest import feeds

        xml: dict[str, Callable[..., bytes]] = {"rss": feeds.rss, "atom": feeds.atom, "editions_rss": feeds.editions_rss}
        return xml[kind], True
    if kind == "json":
        from digest import jsonfeed

        return jsonfeed.json_feed, True
    from digest import jsonapi
    from digest import sitemaps as maps

    others: dict[str, Callable[..., bytes]] = {
        "sitemap": maps.sitemap,
        "sitemap_index": maps.sitemap_index,
        "news_sitemap": maps.news_sitemap,
        "opml": maps.opml,
        "group_json": jsonapi.group_json,
        "groups_json": jsonapi.groups_json,
    }
    return others[kind], False


def _has(path: str, data: bytes) -> bool:
    """Whether a file holds just these bytes."""
    try:
        if os.stat(path).st_size != len(data):
            return False
        with open(path, "rb") as file:
            return file.read() == data
    except OSError:
        return False
