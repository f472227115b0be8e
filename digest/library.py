"""The library: what is known of every source, refreshed from disk with as little reading as possible.

Steps read and parse of the pipeline. A file is opened when its size, times or inode are not what they were; it is
parsed when its bytes, or the settings of parsing, are not what they were.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from digest import files, work
from digest.articles import Article, Parsed, Settings
from digest.errors import ContentError, Diagnostic
from digest.files import Stat
from digest.fingerprint import digest, fingerprint
from digest.inputs import File
from digest.store import Damaged, SourceRow, Store
from digest.tickers import Registry
from digest.work import ParseChunk, ParsedSource
from digest.workers import Workers, chunked

REGISTRY = "tickers.yaml"

POOL_FROM = 150
"""Sources to parse from which on other processes are worth their start."""

CHUNK = 50
"""Sources that a process parses at a time."""

Progress = Callable[[str, int, int], None]


class Library:
    """Everything read, by its path below the content folder. Lives as long as its owner likes: one build, or a day."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.forget()

    def forget(self) -> None:
        """Know nothing but what the store holds."""
        self.rows: dict[str, SourceRow] | None = None
        self.parsed: dict[str, Parsed] = {}
        self._registry: tuple[bytes, Registry] | None = None

    def refresh(
        self,
        content: Path,
        tree: dict[str, Stat],
        settings: Settings,
        settings_key: bytes,
        workers: Workers,
        progress: Progress,
        force: bool = False,
    ) -> int:
        """Bring the library to the state of `tree`; return how many sources were parsed."""
        fresh = self.rows is None
        rows = self.rows = self.rows or ({} if force else self.store.sources())
        gone = [path for path in rows if path not in tree]
        changed, to_parse = self._stale(content, tree, settings_key, force)
        chunks = [ParseChunk(settings, paths) for paths in chunked(to_parse, CHUNK)]
        results = workers.map(chunks, len(to_parse) >= POOL_FROM)
        if fresh and not force:
            self.parsed = self._kept(settings_key)  # while others parse
        if not (changed or to_parse or gone):
            return 0
        done = 0
        with self.store.transaction():
            for found in results:
                changed.update(self._take(found, settings_key))
                done += len(found)
                progress("parse", done, len(to_parse))
            self.store.put_sources(changed.items(), gone)
        for path in gone:
            del rows[path]
            self.parsed.pop(path, None)
        rows.update(changed)
        return done

    def _stale(
        self, content: Path, tree: dict[str, Stat], settings_key: bytes, force: bool
    ) -> tuple[dict[str, SourceRow], list[str]]:
        """The new rows of files that only had to be hashed, and the files that must be parsed."""
        rows = self.rows or {}
        changed: dict[str, SourceRow] = {}
        to_parse = []
        for path, stat in tree.items():
            row = rows.get(path)
            if not force and row and not _differs(row, stat, path, settings_key):
                continue
            if not _is_parsed(path):
                changed[path] = _hashed(content, path)
                continue
            if row and row.settings == settings_key and not force:
                now = _hashed(content, path, settings_key)
                if now.hash == row.hash:
                    changed[path] = now  # touched, not changed
                    continue
            to_parse.append(path)
        return changed, to_parse

    def _take(self, found: list[ParsedSource], settings_key: bytes) -> dict[str, SourceRow]:
        """Keep what a worker parsed; return the rows of these sources."""
        self.store.put_parsed((result.path, result.head) for result in found)
        self.store.put_bodies((result.path, result.body, result.html) for result in found)
        for result in found:
            self.parsed[result.path] = work.decode(result.head)
        return {result.path: SourceRow(_trusted(result.stat, result.read_at), result.hash, settings_key) for result in found}

    def articles(self) -> list[Article]:
        return [parsed.article for parsed in self.parsed.values() if parsed.article]

    def broken(self) -> dict[str, str]:
        """The sources that gave no article."""
        return {path: "broken" for path, parsed in self.parsed.items() if parsed.article is None}

    def _kept(self, settings_key: bytes) -> dict[str, Parsed]:
        """What the store holds that was parsed by this program with these settings; the rest is as good as absent."""
        rows = self.rows or {}
        try:
            return {
                path: work.decode(head)
                for path, head in self.store.parsed().items()
                if path in rows and rows[path].settings == settings_key
            }
        except msgspec.DecodeError as error:
            raise Damaged.because(error) from error

    def registry(self, content: Path, home: frozenset[str], settings_key: bytes) -> Registry:
        """The registry of tickers, empty when there is no file. Raises `ContentError`."""
        row = (self.rows or {}).get(REGISTRY)
        if row is None:
            return Registry((), home, {})
        key = fingerprint((row.hash, settings_key))
        if self._registry and self._registry[0] == key:
            return self._registry[1]
        if registry := self.store.registry(key):
            self._registry = key, registry
            return registry
        from digest.registry import read_registry

        try:
            text = files.read(content, REGISTRY).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ContentError([Diagnostic(REGISTRY, 0, 0, "not UTF-8", "save the file as UTF-8")]) from None
        registry = read_registry(text, REGISTRY, home)
        self.store.put_registry(key, registry)
        self._registry = key, registry
        return registry

    def problems(self) -> list[Diagnostic]:
        return [problem for parsed in self.parsed.values() for problem in parsed.problems]

    def media(self, content: Path) -> dict[str, File]:
        """The files that are published as they are, in the order of their paths."""
        rows = self.rows or {}
        found = [path for path in rows if not _is_parsed(path) and path != REGISTRY]
        return {path: File(f"{content}/{path}", rows[path].stat.size, rows[path].hash) for path in sorted(found)}


def _is_parsed(path: str) -> bool:
    return path.endswith((".md", ".markdown"))


def _differs(row: SourceRow, stat: Stat, path: str, settings_key: bytes) -> bool:
    return row.stat != stat or (row.settings != settings_key and _is_parsed(path))


def _trusted(stat: Stat, read_at: int) -> Stat:
    """The state to remember: one that no later look will match, when a write might not show in it."""
    return stat if files.settled(stat, read_at) else stat._replace(inode=0)


def _hashed(content: Path, path: str, settings_key: bytes = b"") -> SourceRow:
    stat, now = files.stat(content / path), files.now()
    try:
        data = files.read(content, path)
    except OSError:
        data = b""
    return SourceRow(_trusted(stat, now), digest(data), settings_key)
