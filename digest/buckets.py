"""Buckets: what is known of source files, in pieces that are read, or left alone, as a whole.

A bucket has one key for the states of all its files. Where that is as it was, nobody looks at the files one by one, nor
decodes what is known of each: a build reads the entries, and no more. What an entry says is left to `entries`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple
from zlib import crc32

import msgspec

from digest.files import Stat
from digest.fingerprint import fingerprint
from digest.kinds import is_markdown

PARSED = 256
"""Buckets of what is parsed; media have as many, behind these. All of them are read by a build, and few are written."""


class SourceRow(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a source file without opening it."""

    path: str
    stat: Stat
    hash: bytes
    settings: bytes = b""
    """Key of the settings that it was parsed with; empty for media."""
    terms: bytes = b""
    """Key of the terms that its entry was made under; empty for media."""

    @property
    def version(self) -> bytes:
        """Key of what it was parsed from."""
        return version(self.hash, self.settings)


class Bucket(NamedTuple):
    state: bytes
    """Key of the states of its files, and of the settings that all were parsed with; empty where those differ."""
    terms: bytes
    """Key of the terms that all its entries were made under; empty where they differ."""
    entries: bytes
    """The encoded list of its files' entries; of media, empty."""
    rows: bytes
    """The encoded list of what is known of its files, by path."""


Change = tuple[SourceRow, bytes | None] | None
"""What became of a source: its row and its encoded entry (None: that is as it was; empty for media), or None where it is gone."""


def version(hash: bytes, settings: bytes) -> bytes:
    """Key of a source's bytes and the settings that it is parsed with."""
    return fingerprint((hash, settings))


def number(path: str) -> int:
    """The bucket that a source falls into."""
    found = crc32(path.encode("utf-8", "surrogateescape")) % PARSED
    return found if is_markdown(path) else found + PARSED


def sorted_out(tree: Mapping[str, Stat]) -> dict[int, list[tuple[str, Stat]]]:
    """Files by the numbers of their buckets, in the order in which they come."""
    found: defaultdict[int, list[tuple[str, Stat]]] = defaultdict(list)
    for file in tree.items():
        found[number(file[0])].append(file)
    return found


def state(settings: bytes, files: Iterable[tuple[str, Stat]]) -> bytes:
    """The key of a bucket with these files, in sorted order, under the settings that they are parsed with."""
    return fingerprint((settings, list(files)))


def state_of(rows: Collection[SourceRow]) -> bytes:
    """The key of a bucket with these rows; empty where they are of different settings."""
    settings = {row.settings for row in rows}
    return state(min(settings), sorted([(row.path, row.stat) for row in rows])) if len(settings) == 1 else b""


def rows(bucket: Bucket) -> list[SourceRow]:
    """What is known of a bucket's files. Raises `msgspec.DecodeError`."""
    return _decode_rows(bucket.rows)


def changed(bucket: Bucket | None, changes: Mapping[str, Change]) -> Bucket | None:
    """A bucket with these changes, all to its own files; None where nothing is left in it.

    Raises `msgspec.DecodeError`, and `LookupError` where it lacks an entry.
    """
    known: dict[str, tuple[SourceRow, bytes]] = {}
    if bucket:
        there = rows(bucket)
        entries = map(bytes, _decode_raw(bucket.entries)) if bucket.entries else [b""] * len(there)
        known = {row.path: (row, entry) for row, entry in zip(there, entries, strict=False)}
    for path, change in changes.items():
        if change is None:
            known.pop(path, None)
        else:
            row, entry = change
            known[path] = row, known[path][1] if entry is None else entry
    return _made([known[path] for path in sorted(known)]) if known else None


def _made(sources: list[tuple[SourceRow, bytes]]) -> Bucket:
    """The bucket of these rows, by path, and their encoded entries."""
    found = [row for row, _ in sources]
    terms = {row.terms for row in found}
    return Bucket(
        state=state_of(found),
        terms=min(terms) if len(terms) == 1 else b"",
        entries=_encode([msgspec.Raw(entry) for _, entry in sources]) if any(terms) else b"",
        rows=_encode(found),
    )


_encode = msgspec.msgpack.Encoder().encode
_decode_rows = msgspec.msgpack.Decoder(list[SourceRow]).decode
_decode_raw = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
