"""The report: Markdown tables of what was measured, and the README's copy of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

from .measure import Changes
from .scenarios import Outcome

BEGIN, END = "<!-- bench:start -->", "<!-- bench:end -->"
MIB = 2**20
TIMES = ("cold", "unchanged", "one edit", "one addition", "start")
"""The scenarios with a column of seconds, in the table's order."""


class Row(NamedTuple):
    """One program at one size."""

    size: int
    program: str
    outcomes: Mapping[str, list[Outcome]]
    """By scenario, in the order of the repetitions."""

    def seconds(self, scenario: str) -> float:
        """The median."""
        return median(outcome.sample.seconds for outcome in self.outcomes[scenario])

    def memory(self) -> int:
        """Bytes, the most of all builds."""
        return max(outcome.sample.memory for runs in self.outcomes.values() for outcome in runs)

    def changes(self, scenario: str) -> Changes | None:
        return next((outcome.changes for outcome in self.outcomes[scenario] if outcome.changes), None)

    def figures(self) -> tuple[float, ...]:
        """What can be compared between rows: the times and the memory."""
        return *map(self.seconds, TIMES), self.memory()


def report(machine: str, versions: Iterable[str], runs: int, rows: Sequence[Row]) -> str:
    """All tables, with the machine above them."""
    parts = [
        f"Measured on {machine}. {'; '.join(versions)}. Medians of {runs} interleaved runs.",
        figures(rows),
        "The same as multiples of digest's:",
        multiples(rows),
    ]
    if len({row.size for row in rows}) > 1:
        parts += ["Growth, each size as a multiple of the one before:", growth(rows)]
    return "\n\n".join(part for part in parts if part) + "\n"


def figures(rows: Sequence[Row]) -> str:
    """Seconds, memory, and what is made and must be uploaded: files of the kinds that all make + of other kinds."""
    return _table(
        ("articles", "program", *TIMES, "peak memory", "output", "changed by an edit", "changed by an addition"),
        (
            (
                f"{row.size:,}",
                row.program,
                *(f"{_rounded(row.seconds(name), 3)} s" for name in TIMES),
                f"{row.memory() / MIB:,.0f} MiB",
                _changes(row.changes("cold")),
                _changes(row.changes("one edit")),
                _changes(row.changes("one addition")),
            )
            for row in rows
        ),
    )


def multiples(rows: Sequence[Row]) -> str:
    """Every other program's figures divided by those of the first at the same size."""
    firsts: dict[int, Row] = {}
    for row in rows:
        firsts.setdefault(row.size, row)
    return _table(
        ("articles", "program", *TIMES, "peak memory"),
        ((f"{row.size:,}", row.program, *_ratios(row, firsts[row.size])) for row in rows if row is not firsts[row.size]),
    )


def growth(rows: Sequence[Row]) -> str:
    """Every program's figures divided by its own at the next smaller size."""
    lines = []
    for program in dict.fromkeys(row.program for row in rows):
        own = sorted((row for row in rows if row.program == program), key=lambda row: row.size)
        for small, large in pairwise(own):
            lines.append((program, f"{small.size:,} to {large.size:,}", *_ratios(large, small)))
    return _table(("program", "articles", *TIMES, "peak memory"), lines)


def rewrite(readme: Path, text: str) -> None:
    """Put `text` between the two markers of a file."""
    head, tail = around(readme)
    readme.write_text(f"{head}{BEGIN}\n{text}{END}{tail}", encoding="utf-8", newline="\n")


def around(readme: Path) -> tuple[str, str]:
    """What stands before and after the two markers of a file; a file without them ends the benchmark."""
    if not readme.is_file():
        raise SystemExit(f"{readme}: no such file to write the tables in")
    head, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{readme}: no {BEGIN} ... {END} to write the tables between")
    return head, tail


def table(head: Sequence[str], lines: Iterable[Sequence[str]], texts: int) -> str:
    """A Markdown table; its columns after the first `texts` ones are set to the right. No lines, no table."""
    body = [f"| {' | '.join(line)} |" for line in lines]
    rule = "|".join("---" if column < texts else "---:" for column in range(len(head)))
    return "\n".join((f"| {' | '.join(head)} |", f"|{rule}|", *body)) if body else ""


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return table(head, lines, 2)


def _ratios(row: Row, base: Row) -> tuple[str, ...]:
    return tuple(_rounded(own / other, 2) for own, other in zip(row.figures(), base.figures(), strict=True))


def _rounded(value: float, digits: int) -> str:
    return f"{float(f'{value:.{digits}g}'):,g}"


def _changes(changes: Changes | None) -> str:
    if changes is None:
        return ""
    files = f"{changes.shared:,} + {changes.other:,}" if changes.other else f"{changes.shared:,}"
    return f"{files} files, {changes.size / 1000:,.0f} kB"
