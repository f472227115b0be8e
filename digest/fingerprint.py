"""Fingerprints: values to keys. Same key, same bytes.

A key is a 16-byte BLAKE2b digest (RFC 7693) of a value's canonical encoding. What goes into a key, and what a changed
key means, is the caller's business.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

SIZE = 16
"""Bytes in a key: at 10 million values the chance of any collision stays below 1e-24."""


class Keyed:
    """A value that already carries the key of its content; inside another value it is encoded as that key alone."""

    __slots__ = ("key",)

    key: bytes


def _reference(value: Any) -> bytes:
    if isinstance(value, Keyed):
        return value.key
    raise NotImplementedError(f"a {type(value).__name__} has no canonical encoding")


encode = msgspec.msgpack.Encoder(enc_hook=_reference).encode
"""The canonical encoding of a value: MessagePack, every `Keyed` part replaced by its key.

Maps keep their order, because pages show them in it; sets have none, and must not be given.
"""


def digest(data: bytes) -> bytes:
    """The key of these bytes."""
    return hashlib.blake2b(data, digest_size=SIZE).digest()


def fingerprint(value: Any) -> bytes:
    """The key of a value made of structs, containers, scalars and `Keyed` parts."""
    return hashlib.blake2b(encode(value), digest_size=SIZE).digest()
