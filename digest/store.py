"""The cache under `.digest/`: what was parsed, and what was published where, in one SQLite file.

A missing, older or damaged cache is a miss, never an error; where none can be kept, a temporary one serves for the
run. What a stored value means is left to `library` and `pipeline`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import weakref
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import astuple

from digest import buckets
from digest.buckets import Bucket, Month, SourceRow
from digest.errors import Diagnostic, DigestError
from digest.files import Stat
from digest.fingerprint import digest
from digest.tickers import Registry

VERSION = 6
"""Of the tables below; another version's file is thrown away."""

TABLES = """
CREATE TABLE sources (bucket INTEGER PRIMARY KEY, state BLOB, rows BLOB);
CREATE TABLE entries (month TEXT PRIMARY KEY, terms BLOB, entries BLOB);
CREATE TABLE parsed (path TEXT PRIMARY KEY, version BLOB, head BLOB);
CREATE TABLE bodies (path TEXT PRIMARY KEY, key BLOB, html BLOB);
CREATE INDEX bodies_by_key ON bodies (key);
CREATE TABLE registry (key BLOB PRIMARY KEY, data BLOB);
CREATE TABLE pages (output TEXT, path TEXT, key BLOB, template TEXT, size INT, modified INT, changed INT, inode INT,
    PRIMARY KEY (output, path)) WITHOUT ROWID;
CREATE TABLE sections (output TEXT, name TEXT, key BLOB, paths TEXT, PRIMARY KEY (output, name)) WITHOUT ROWID;
CREATE TABLE builds (output TEXT PRIMARY KEY, record BLOB) WITHOUT ROWID;
"""


PATIENCE = 60.0
"""Seconds for which another process may keep the cache to itself."""

FEW = 5000
"""Rows up to which asking for each by its key is quicker than reading them all."""


class PageRow(NamedTuple):
    """What was published at a path."""

    key: bytes
    template: str
    stat: Stat


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)
"""What decoding a damaged value raises."""


class Damaged(DigestError):
    """The cache lacks what it should hold. It is to be thrown away, and the work begun again."""

    @classmethod
    def because(cls, reason: object) -> Damaged:
        return cls([Diagnostic("", 0, 0, f"the cache is damaged: {reason}", "delete .digest")])


class Overtaken(Damaged):
    """Another build has put in other sources since they were read. The work is to be begun again, with the same cache."""

    def __init__(self) -> None:
        super().__init__([Diagnostic("", 0, 0, "another build has changed the cache", "build again")])


class Busy(DigestError):
    """Another process has kept the cache to itself for too long."""

    @classmethod
    def because(cls, reason: object) -> Busy:
        hint = "another build of this site is at work: wait for it"
        return cls([Diagnostic("", 0, 0, f"the cache is in use: {reason}", hint)])


def _trouble(error: sqlite3.Error) -> DigestError:
    """What an error of SQLite means for the cache."""
    if _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Busy.because(error)
    return Damaged.because(error)


def _code(error: sqlite3.Error) -> int:
    """The error's number (sqlite.org/rescode.html), or 0."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


class _Reader:
    """Reads a cache file, from any process, also from one that is forked off later."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connections: dict[int, sqlite3.Connection] = {}
        """By process: a connection must not cross a fork (sqlite.org/howtocorrupt), nor be closed behind one."""

    def __call__(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """A query's rows."""
        process = os.getpid()
        if process not in self._connections:
            address = Path(self._path).as_uri() + "?mode=ro"
            connection = sqlite3.connect(address, uri=True, check_same_thread=False, timeout=PATIENCE)
            self._connections[process] = _closed_with(self, connection)
        return self._connections[process].execute(query, values).fetchall()


class Bodies:
    """Fetches bodies from a cache file by their keys, from any process."""

    def __init__(self, path: str) -> None:
        self._read = _Reader(path)

    def __call__(self, key: bytes) -> str:
        """A body's HTML. Raises `Damaged`."""
        try:
            rows = self._read("SELECT html FROM bodies WHERE key = ? LIMIT 1", key)
        except sqlite3.Error as error:
            raise _trouble(error) from error
        if not rows:
            raise Damaged.because("a body is missing")
        html: bytes = rows[0][0]
        if digest(html) != key:
            raise Damaged.because("a body is another")
        return html.decode()


class Store:
    """An open cache file. `path` None, or a place where nothing can be written, gives a temporary one."""

    def __init__(self, path: Path | None) -> None:
        self._discard: Callable[[], object] = lambda: None
        """Removes the folder of a temporary file."""
        self._full = False
        """Whether there was no room for the file."""
        self.path = path.absolute() if path else self._temporary()
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and isinstance(trouble := _trouble(error), Busy):
                raise trouble from error
            self.start_over()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._process, self._elsewhere = os.getpid(), _Reader(str(self.path))
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=PATIENCE)
        self._connection = _closed_with(self, connection)
        self._ahead = False
        if self._version() == VERSION:
            self._write_ahead()
        else:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                if self._version() == 0:  # nobody else has made the tables meanwhile
                    if self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                        raise sqlite3.DatabaseError("no cache of digest's")
                    for statement in f"{TABLES} PRAGMA user_version = {VERSION}".split(";"):
                        self._connection.execute(statement)
                elif self._version() != VERSION:
                    raise sqlite3.DatabaseError("another version's cache")
        self._connection.execute("PRAGMA synchronous = NORMAL")

    def _write_ahead(self) -> None:
        """Let others read while this one writes. An empty file is filled first: by way of a log all would be written twice."""
        self._connection.execute("PRAGMA busy_timeout = 0")
        with contextlib.suppress(sqlite3.OperationalError):  # somebody is at work: then it stays for the next time
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._ahead = True
        self._connection.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def start_over(self) -> None:
        """Throw the file away and begin an empty one, in a temporary place if need be."""
        if hasattr(self, "_connection"):
            self._connection.close()
        try:
            for suffix in ("", "-journal", "-wal", "-shm"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)
            if self._full:
                self.path = self._temporary()
            self._open()
        except (sqlite3.Error, OSError):
            self.path = self._temporary()
            self._open()

    def _temporary(self) -> Path:
        """A place for a file that goes with this store."""
        import tempfile

        folder = tempfile.TemporaryDirectory(prefix="digest-")
        self._discard()
        self._discard = weakref.finalize(self, folder.cleanup)
        return Path(folder.name, "cache.db")

    def close(self) -> None:
        """Leave the file; a temporary one goes."""
        self._connection.close()
        self._discard()

    @contextlib.contextmanager
    def transaction(self, more: bool = False) -> Iterator[None]:
        """All that is written inside is kept together or not at all; `more` is to be written right after it. Raises `Damaged`."""
        try:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
            if not (self._ahead or more):
                self._write_ahead()
        except sqlite3.Error as error:
            self._full = _code(error) == sqlite3.SQLITE_FULL
            raise _trouble(error) from error

    def _execute(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """A query's rows, also in a process that was forked off, which must not share a connection."""
        if os.getpid() != self._process:
            return self._elsewhere(query, *values)
        return self._connection.execute(query, values).fetchall()

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a build's first queries; a damaged file is thrown away and gives none."""
        try:
            return self._execute(query, *values)
        except sqlite3.DatabaseError as error:
            if isinstance(trouble := _trouble(error), Busy):
                raise trouble from error
            self.start_over()
            return []

    def _kept(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """A query's rows, where something is known from an earlier one. Raises `Damaged`."""
        try:
            return self._execute(query, *values)
        except sqlite3.Error as error:
            raise _trouble(error) from error

    # Sources

    def states(self) -> dict[int, bytes]:
        """The states of all buckets of sources, by their numbers."""
        return dict(self._rows("SELECT bucket, state FROM sources"))

    def source_rows(self, number: int, state: bytes) -> dict[str, SourceRow]:
        """What is known of the files of a bucket, by path. Raises `Damaged`, and `Overtaken` when it is in another state."""
        bucket = self._bucket(number)
        if bucket is None or bucket.state != state:
            raise Overtaken
        try:
            return buckets.rows(bucket)
        except UNREADABLE as error:
            raise Damaged.because(error) from error

    def _bucket(self, number: int) -> Bucket | None:
        found = self._kept("SELECT state, rows FROM sources WHERE bucket = ?", number)
        return Bucket(*found[0]) if found else None

    def entries(self) -> list[Month]:
        """What the site needs to know of sources, newest months first. Raises `Damaged`."""
        return [Month(*row) for row in self._kept("SELECT terms, entries FROM entries ORDER BY month DESC")]

    def head(self, path: str, version: bytes) -> bytes:
        """The encoded head of a source in a version. Raises `Damaged`, also when another builder has put in another."""
        rows = self._kept("SELECT head FROM parsed WHERE path = ? AND version = ?", path, version)
        if not rows:
            raise Damaged.because("a head is missing")
        head: bytes = rows[0][0]
        return head

    def put_sources(self, changes: Mapping[str, SourceRow | None]) -> dict[str, str]:
        """Note rows of sources, by path, and forget those that are gone; return in which months their entries were until now.

        What others have put in stays. Raises `Damaged`.
        """
        by_bucket: defaultdict[int, dict[str, SourceRow | None]] = defaultdict(dict)
        for path, row in changes.items():
            by_bucket[buckets.number(path)][path] = row
        months: dict[str, str] = {}
        for number, theirs in by_bucket.items():
            bucket = self._bucket(number)
            try:
                months |= {path: row.month for path, row in buckets.rows(bucket).items() if path in theirs}
                self._put("sources", "bucket", number, buckets.changed(bucket, theirs))
            except UNREADABLE as error:
                raise Damaged.because(error) from error
        lost = [(path,) for path, row in changes.items() if row is None]
        self._connection.executemany("DELETE FROM parsed WHERE path = ?", lost)
        self._connection.executemany("DELETE FROM bodies WHERE path = ?", lost)
        return months

    def put_entries(
        self, terms: bytes, months: Mapping[str, Mapping[str, bytes | None]], renewed: Mapping[str, Mapping[str, bytes]]
    ) -> None:
        """Put in encoded entries that were made under these terms, by month and path; None takes one out.

        Those that were only `renewed` replace no other version, and what others have put in stays. Raises `Damaged`.
        """
        for name in months.keys() | renewed.keys():
            found = self._kept("SELECT terms, entries FROM entries WHERE month = ?", name)
            try:
                month = buckets.changed_month(
                    Month(*found[0]) if found else None, terms, months.get(name, {}), renewed.get(name, {})
                )
            except UNREADABLE as error:
                raise Damaged.because(error) from error
            self._put("entries", "month", name, month)

    def _put(self, table: str, name: str, key: object, row: tuple[bytes, bytes] | None) -> None:
        if row:
            self._connection.execute(f"REPLACE INTO {table} VALUES (?, ?, ?)", (key, *row))
        else:
            self._connection.execute(f"DELETE FROM {table} WHERE {name} = ?", (key,))

    def put_parsed(self, rows: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Rows of path, version and encoded head."""
        self._connection.executemany("REPLACE INTO parsed VALUES (?, ?, ?)", rows)

    def put_bodies(self, rows: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Rows of path, body's key and HTML in UTF-8."""
        self._connection.executemany("REPLACE INTO bodies VALUES (?, ?, ?)", rows)

    def registry(self, key: bytes) -> Registry | None:
        """The registry that was kept under a key."""
        rows = self._kept("SELECT data FROM registry WHERE key = ?", key)
        try:
            return msgspec.msgpack.decode(rows[0][0], type=Registry) if rows else None
        except UNREADABLE:
            return None

    def put_registry(self, key: bytes, registry: Registry) -> None:
        """Keep a registry, and no other."""
        with self.transaction(more=True):
            self._connection.execute("DELETE FROM registry")
            self._connection.execute("INSERT INTO registry VALUES (?, ?)", (key, msgspec.msgpack.encode(registry)))

    # What was published

    def pages(self, output: str, paths: Collection[str] | None = None) -> dict[str, PageRow]:
        """What stands in an output folder, by path; of all paths, or of these."""
        query = "SELECT path, key, template, size, modified, changed, inode FROM pages WHERE output = ?"
        if paths is None or len(paths) > FEW:
            return {row[0]: PageRow(row[1], row[2], Stat(*row[3:])) for row in self._kept(query, output)}
        found = chain.from_iterable(self._kept(query + " AND path = ?", output, path) for path in paths)
        return {row[0]: PageRow(row[1], row[2], Stat(*row[3:])) for row in found}

    def put_pages(self, output: str, rows: Iterable[tuple[str, PageRow]], gone: Iterable[str]) -> None:
        write = self._connection.executemany
        write(
            "REPLACE INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ((output, p, r.key, r.template, *astuple(r.stat)) for p, r in rows),
        )
        write("DELETE FROM pages WHERE output = ? AND path = ?", ((output, path) for path in gone))

    def sections(self, output: str) -> dict[str, tuple[bytes, str]]:
        """Keys and paths, one a line, of the sections that stand in an output folder, by name. Raises `Damaged`."""
        rows = self._kept("SELECT name, key, paths FROM sections WHERE output = ?", output)
        return {name: (key, paths) for name, key, paths in rows}

    def put_sections(self, output: str, rows: Iterable[tuple[str, bytes, str]], gone: Iterable[str]) -> None:
        """Rows of name, key and paths, one a line."""
        write = self._connection.executemany
        write("REPLACE INTO sections VALUES (?, ?, ?, ?)", ((output, *row) for row in rows))
        write("DELETE FROM sections WHERE output = ? AND name = ?", ((output, name) for name in gone))

    def record(self, output: str) -> bytes:
        """What the last build into a folder noted, or empty."""
        rows = self._rows("SELECT record FROM builds WHERE output = ?", output)
        return rows[0][0] if rows else b""

    def put_record(self, output: str, record: bytes) -> None:
        self._connection.execute("REPLACE INTO builds VALUES (?, ?)", (output, record))

    def forget_outputs(self) -> None:
        """Forget what was published into folders that are no more."""
        known = self._execute("SELECT output FROM builds")
        gone = [(output,) for (output,) in known if not os.path.isdir(output)]
        for table in ("pages", "sections", "builds"):
            self._connection.executemany(f"DELETE FROM {table} WHERE output = ?", gone)


def _closed_with(owner: object, connection: sqlite3.Connection) -> sqlite3.Connection:
    """The connection, which is closed when its owner goes; only where it was opened, and not in a process forked off later."""

    def close(process: int) -> None:
        if os.getpid() == process:
            connection.close()

    weakref.finalize(owner, close, os.getpid())
    return connection
