"""Moments: dates and times as people write them."""

from zoneinfo import ZoneInfo

import pytest

from digest.moments import moment_text, read_moment

ZONE = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (" 2024-05-17 ", "2024-05-17T00:00:00-04:00"),
        ("2024-05-17 9:41", "2024-05-17T09:41:00-04:00"),
        ("2024-12-17T11:41:30.5", "2024-12-17T11:41:30-05:00"),
        ("2024-05-17t15:41:00z", "2024-05-17T11:41:00-04:00"),
        ("2024-05-17 15:41 UTC", "2024-05-17T11:41:00-04:00"),
        ("2024-05-17 02:41 +0530", "2024-05-16T17:11:00-04:00"),
        ("2024-05-17T15:41-04:00", "2024-05-17T15:41:00-04:00"),
        ("1850-06-01", "1850-06-01T04:56:02+00:00"),
    ],
)
def test_moments_are_in_the_zone_of_the_site(written: str, meant: str) -> None:
    """What has no offset is local time, what has one is turned into it; zones of old, with seconds in them, become UTC."""
    assert read_moment(written, ZONE).text == meant


@pytest.mark.parametrize("day", ["2024-02-30", "2024-05-17 25:00", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"])
def test_what_is_on_no_calendar_is_refused(day: str) -> None:
    """A day or time that there is not, or that no calendar reaches, is said to be none."""
    with pytest.raises(ValueError, match=r"^there is no such date as '"):
        read_moment(day, ZONE)


@pytest.mark.parametrize("zone", ["Europe/Warsaw", "America/New_York", "UTC", "Asia/Kolkata"])
@pytest.mark.parametrize("written", ["0001-01-03", "1850-06-01", "1969-12-31", "2024-05-17 09:41", "9998-12-31"])
def test_moments_are_told_by_their_seconds(written: str, zone: str) -> None:
    """The text of every moment can be made again from its seconds."""
    place = ZoneInfo(zone)
    moment = read_moment(written, place)
    assert moment_text(moment.seconds, place) == moment.text


def test_what_is_before_the_first_year_of_utc_is_refused() -> None:
    """The first morning of all years is a moment in the west, and none in the east."""
    assert read_moment("0001-01-01", ZONE).text == "0001-01-01T04:56:02+00:00"
    with pytest.raises(ValueError, match=r"^there is no such date as '"):
        read_moment("0001-01-01", ZoneInfo("Europe/Warsaw"))


@pytest.mark.parametrize("words", ["", "17 May 2024", "2024-05-17 11", "2024-05-17 11:41 EST", "2024-5-17"])
def test_what_is_no_date_is_refused(words: str) -> None:
    """Anything else than ISO 8601 is said to be no date."""
    with pytest.raises(ValueError, match=r"' is not a date$"):
        read_moment(words, ZONE)
