"""Moments: ISO 8601 as people write it, made into points in time in a site's zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATETIME = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})[Tt ]+(?P<time>\d{1,2}:\d{2}(?::\d{2})?)(?:[.,]\d+)?\s*(?P<zone>[Zz]|UTC|[+-]\d{2}:?\d{2})?"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LAST_YEAR = 9998
"""So that no zone's offset leads out of the years that there are."""


class Moment:
    """A point in time: `text` is ISO 8601 with an offset, in the site's zone; `seconds` counts from 1970."""

    __slots__ = ("seconds", "text")

    def __init__(self, when: datetime, zone: ZoneInfo) -> None:
        self.text = _text(when, zone)
        self.seconds = int(when.replace(microsecond=0).timestamp())


def moment_text(seconds: int, zone: ZoneInfo) -> str:
    """The text of the moment so many seconds after 1970 began."""
    return _text(_EPOCH + timedelta(seconds=seconds), zone)


def _text(when: datetime, zone: ZoneInfo) -> str:
    local = when.astimezone(zone)
    offset = local.utcoffset()
    if offset is not None and offset.total_seconds() % 60:
        local = when.astimezone(UTC)  # local mean time of old: RFC 3339 has no seconds in offsets
    return local.isoformat(timespec="seconds")


def read_moment(text: str, zone: ZoneInfo) -> Moment:
    """The moment that an ISO 8601 date or date and time names. Raises ValueError with a message for people."""
    text = text.strip()
    match = _DATETIME.fullmatch(text)
    if match:
        clock = match["time"] if match["time"][1] != ":" else "0" + match["time"]
        offset = {"Z": "+00:00", "z": "+00:00", "UTC": "+00:00", None: ""}.get(match["zone"], match["zone"])
        iso = f"{match['day']}T{clock}{offset}"
    elif _DATE.fullmatch(text):
        iso = text + "T00:00"
    else:
        raise ValueError(f"'{text}' is not a date")
    try:
        when = datetime.fromisoformat(iso)
        if when.year > LAST_YEAR:
            raise ValueError
        when = when if when.tzinfo else when.replace(tzinfo=zone)
        when.astimezone(UTC)  # which may be in a year that there is not
        return Moment(when, zone)
    except (ValueError, OverflowError):
        raise ValueError(f"there is no such date as '{text}'") from None
