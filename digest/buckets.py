"""Buckets: what is kept of sources, in pieces that are read, or left alone, as a whole.

What tells whether a file has changed is kept by a hash of its path. A bucket has one key for the states of all its files:
where that is as it was, nobody looks at them one by one, nor decodes what is known of each. What the site needs to know,
the entries, are kept by month, newest first, because in that order a build goes through them: a computer's memory is
quicker where neighbours lie side by side. What an entry says is left to `entries`.
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
"""Buckets of what is parsed; media have as many, behind these. The keys of all are read by a build, and few are written."""


class SourceRow(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a source file without opening it."""

    path: str
    stat: Stat
    hash: bytes
    settings: bytes = b""
    """Key of the settings that it was parsed with; empty for media."""
    month: str = ""
    """Among whose entries its own is kept."""


class Bucket(NamedTuple):
    state: bytes
    """Key of the states of its files, and of the settings that all were parsed with; empty where those differ."""
    rows: bytes
    """The encoded list of what is known of its files."""


class Month(NamedTuple):
    terms: bytes
    """Key of the terms that all its entries were made under; empty where they differ."""
    entries: bytes
    """Their encoded list, newest first."""


def version(hash: bytes, settings: bytes) -> bytes:
    """Key of a source's bytes and the settings that it is parsed with."""
    return fingerprint((hash, settings))


def number(path: str) -> int:
    """The bucket that a source falls into."""
    try:
        found = crc32(path.encode()) % PARSED
    except UnicodeEncodeError:  # a watcher may name what is no text, and never among these
        found = 0
    return found if path.endswith(".md") or is_markdown(path) else found + PARSED  # as nearly all end


def sorted_out(tree: Mapping[str, Stat]) -> dict[int, list[tuple[str, Stat]]]:
    """Files by the numbers of their buckets, in the order in which they come."""
    found: defaultdict[int, list[tuple[str, Stat]]] = defaultdict(list)
    for place, file in zip(map(number, tree), tree.items(), strict=True):
        found[place].append(file)
    return found


def state(settings: bytes, files: Iterable[tuple[str, Stat]]) -> bytes:
    """The key of a bucket with these files, in sorted order, under the settings that they are parsed with."""
    return fingerprint((settings, list(files)))


def state_of(rows: Collection[SourceRow]) -> bytes:
    """The key of a bucket with these rows; empty where they are of different settings."""
    settings = {row.settings for row in rows}
    return state(min(settings), sorted([(row.path, row.stat) for row in rows])) if len(settings) == 1 else b""


def rows(bucket: Bucket | None) -> dict[str, SourceRow]:
    """What is known of a bucket's files, by path. Raises `msgspec.DecodeError`."""
    return {row.path: row for row in _decode_rows(bucket.rows)} if bucket else {}


def changed(bucket: Bucket | None, changes: Mapping[str, SourceRow | None]) -> Bucket | None:
    """A bucket with other rows, or without those of some paths; None where nothing is left in it.

    Raises `msgspec.DecodeError`.
    """
    found = [row for row in {**rows(bucket), **changes}.values() if row]
    return Bucket(state_of(found), _encode(found)) if found else None


def changed_month(
    month: Month | None, terms: bytes, changes: Mapping[str, bytes | None], renewed: Mapping[str, bytes]
) -> Month | None:
    """A month with other entries, made under these terms, or without those of some paths; None where nothing is left in it.

    What was only `renewed`, brought to these terms, takes the place of the same version alone. Raises `msgspec.DecodeError`.
    """
    known = {_decode_head(entry).path: bytes(entry) for entry in (_decode_raw(month.entries) if month else ())}
    fitting = {path: entry for path, entry in renewed.items() if path in known and _is_of(known[path], entry)}
    changes = {**fitting, **changes}
    same = month is None or month.terms == terms or known.keys() <= changes.keys()
    found = [entry for entry in {**known, **changes}.values() if entry is not None]
    found.sort(key=lambda entry: -_decode_head(entry).seconds)
    return Month(terms if same else b"", _encode(list(map(msgspec.Raw, found)))) if found else None


def _is_of(entry: bytes, other: bytes) -> bool:
    """Whether two encoded entries are of the same version of a source."""
    return _decode_head(entry).version == _decode_head(other).version


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What an encoded `Entry` begins with."""

    path: str
    version: bytes
    kind: str
    address: str
    seconds: int


_encode = msgspec.msgpack.Encoder().encode
_decode_rows = msgspec.msgpack.Decoder(list[SourceRow]).decode
_decode_raw = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_head = msgspec.msgpack.Decoder(_Head).decode
