"""Moments: ISO 8601 as people write it, made into points in time in a site's zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATETIME = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ]+(\d{1,2}:\d{2}(?::\d{2})?)(?:[.,]\d+)?\s*([Zz]|UTC|[+-]\d{2}:?\d{2})?")
_OFFSETS = {"Z": "+00:00", "z": "+00:00", "UTC": "+00:00", None: ""}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())  # what is before it is of no year in UTC

LAST_YEAR = 9998
"""So that no zone's offset leads out of the years that there are."""


class Moment:
    """A point in time: `text` is ISO 8601 with an offset, in the site's zone; `seconds` counts from 1970."""

    __slots__ = ("seconds", "text")

    def __init__(self, when: datetime, zone: ZoneInfo) -> None:
        """`when` has a zone of its own, and is of whole seconds. Raises OverflowError where it is of no year in UTC."""
        self.seconds = int(when.timestamp())
        if self.seconds < _FIRST:
            raise OverflowError
        self.text = _text(when, zone)


def moment_text(seconds: int, zone: ZoneInfo) -> str:
    """The text of the moment so many seconds after 1970 began."""
    return _text(_EPOCH + timedelta(seconds=seconds), zone)


def _text(when: datetime, zone: ZoneInfo) -> str:
    local = when.astimezone(zone)
    offset = local.utcoffset()
    if offset is not None and offset.seconds % 60:
        local = when.astimezone(UTC)  # local mean time of old: RFC 3339 has no seconds in offsets
    return local.isoformat(timespec="seconds")


def read_moment(text: str, zone: ZoneInfo) -> Moment:
    """The moment that an ISO 8601 date or date and time names. Raises ValueError with a message for people."""
    text = text.strip()
    match = _DATETIME.fullmatch(text)
    if match:
        day, clock, offset = match.groups()
        iso = f"{day}T{clock if clock[1] != ':' else '0' + clock}{_OFFSETS.get(offset, offset)}"
    elif _DATE.fullmatch(text):
        iso = text + "T00:00"
    else:
        raise ValueError(f"'{text}' is not a date")
    try:
        when = datetime.fromisoformat(iso)
        if when.year > LAST_YEAR:
            raise ValueError
        return Moment(when if when.tzinfo else when.replace(tzinfo=zone), zone)
    except (ValueError, OverflowError):
        raise ValueError(f"there is no such date as '{text}'") from None
