"""Growth: what a build does to an archive ten times as large, counted in operations, which no clock can blur."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sites import article, make, write

from digest import views
from digest.build import Report
from digest.entries import Entry
from digest.sharedviews import SharedViews
from digest.store import Store

SIZES = (500, 5000)
LINEAR = 11
"""Ten times as much and a tenth on top."""
LEVEL = 1.5
"""What does not grow with the archive, but for lists of its months."""

_listening: list[list[str]] = []
"""Lists to which the path of every file that is opened is added."""


def _listen(event: str, arguments: Any) -> None:
    if event == "open" and isinstance(arguments[0], str):
        for opened in _listening:
            opened.append(arguments[0])


sys.addaudithook(_listen)


def archive(folder: Path, size: int) -> None:
    """So many articles, ten a day, on the same companies whatever the size."""
    first = date(2020, 1, 1)
    files: dict[str, str | bytes] = {}
    for number in range(size):
        day = (first + timedelta(days=number // 10)).isoformat()
        text = article(
            f"Story {number}",
            day,
            f"On T{number % 7}X. " * 20,
            tickers=f"[T{number % 7}X]",
            tags=f"[tag{number % 5}]",
            source="S",
        )
        files[f"content/{day}/story-{number}.md"] = text
    write(folder, files)


def counted(folder: Path, calls: Counter[str], build: Callable[[], Report]) -> dict[str, int]:
    """What a build does: files opened, articles parsed, cards made, pages rendered, rows read, bytes written."""
    calls.clear()
    opened: list[str] = []
    _listening.append(opened)
    try:
        report = build()
    finally:
        _listening.remove(opened)
    return {
        "opened": sum(str(folder) in path for path in opened),
        "parsed": report.parsed,
        "cards": calls["cards"],
        "rendered": len(report.reasons),
        "rows": calls["rows"],
        "written": sum((folder / "output" / path).stat().st_size for path in report.written),
    }


def test_nothing_grows_faster_than_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the articles: a cold build does ten times as much, and an addition opens, renders and writes the same."""
    calls: Counter[str] = Counter()
    read, card = Store._execute, SharedViews.card

    def counting_rows(self: Store, query: str, *values: object) -> list[tuple[Any, ...]]:
        found = read(self, query, *values)
        calls["rows"] += len(found)
        return found

    def counting_cards(self: SharedViews, entry: Entry) -> views.Card:
        calls["cards"] += 1
        return card(self, entry)

    monkeypatch.setattr(Store, "_execute", counting_rows)
    monkeypatch.setattr(SharedViews, "card", counting_cards)
    cold, unchanged, addition = [], [], []
    for size in SIZES:
        folder = tmp_path / str(size)
        archive(folder, size)
        cold.append(counted(folder, calls, partial(make, folder)))
        make(folder)  # now the times of all files are surely past
        unchanged.append(counted(folder, calls, partial(make, folder)))
        day = (date(2020, 1, 1) + timedelta(days=size // 10)).isoformat()
        write(folder, {f"content/{day}/new.md": article("New", day, "On T1X.", tickers="[T1X]", tags="[tag1]", source="S")})
        addition.append(counted(folder, calls, partial(make, folder)))
    for small, large in (cold, unchanged, addition):
        assert all(large[name] <= LINEAR * max(small[name], 1) for name in small), (small, large)
    for small, large in (unchanged, addition):
        level = [name for name in small if name != "rows"]
        assert all(large[name] <= LEVEL * small[name] for name in level), (small, large)
    assert cold[0]["parsed"] == SIZES[0]
    assert addition[0]["parsed"] == addition[1]["parsed"] == 1
    assert not any(unchanged[1][name] for name in ("parsed", "rendered", "written"))
    assert unchanged[1]["rows"] == unchanged[0]["rows"]
