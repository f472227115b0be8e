"""What people see on a terminal: problems, how far a build is, and what it did."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from digest.errors import Diagnostic
    from digest.inputs import Options, Report
    from digest.preview import Terminal

SHOWN = 20
"""Warnings shown unless all are asked for."""

COLOURS = {"error": "red", "warning": "yellow"}


def show(diagnostics: tuple[Diagnostic, ...], most: int | None = None) -> None:
    """Print diagnostics on standard error, in colour on a terminal; at most so many."""
    for problem in diagnostics[:most]:
        text = str(problem)
        word = f"{problem.severity}:"
        colour = click.style(word, fg=COLOURS[problem.severity], bold=True)
        click.echo(text.replace(word, colour, 1), err=True, color=_colours(sys.stderr))
    if most is not None and len(diagnostics) > most:
        click.echo(f"… and {len(diagnostics) - most} more (-v shows them all)", err=True)


def _colours(stream: Any) -> bool:
    """Whether to colour: on a terminal that has not asked for none (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def progress(quiet: bool) -> Callable[[str, int, int], None]:
    """What tells on a line of the terminal how far a step is, once work has gone on for a second."""
    if quiet or not sys.stderr.isatty():
        return lambda *_: None
    started = last = time.monotonic()

    def tell(step: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - started < 1 or (now - last < 0.1 and done < total):
            return
        last = now
        click.echo("\r\x1b[K" + (f"{step} {done} of {total}" if done < total else ""), err=True, nl=False)

    return tell


def show_details(report: Report, explain: bool, verbose: bool) -> None:
    """Print why pages were rendered, and which paths were written and removed and how long each step took."""
    if explain:
        for path, reason in report.reasons:
            click.echo(f"{reason:<9} {path}")
    if verbose:
        for path in report.written:
            click.echo(f"wrote     {path}")
        for path in report.removed:
            click.echo(f"removed   {path}")
        for step, took in report.steps:
            click.echo(f"  {step:<10}{took:8.3f} s")


def summary(report: Report, options: Options, seconds: float) -> str:
    """What a build did, in one line."""
    made = (
        (report.articles, "article"), (report.editions, "edition"), (report.tickers, "ticker"), (report.feeds, "feed"),
    )  # fmt: skip
    skipped = report.skipped
    left_out = [f"{skipped.drafts} draft{'s'[: skipped.drafts != 1]}", f"{skipped.scheduled} scheduled{_due(report, options)}"]
    return "; ".join(
        (
            ", ".join(f"{number} {word}{'s'[: number != 1]}" for number, word in made),
            f"{len(report.written)} written, {report.unchanged} unchanged, {len(report.removed)} removed",
            ", ".join((*left_out, f"{skipped.expired} expired")),
            f"{seconds:.2f} s",
        )
    )


def _due(report: Report, options: Options) -> str:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    due = report.skipped.next_due
    if due is None or not report.skipped.scheduled:
        return ""
    return f" (next due {datetime.fromtimestamp(due, ZoneInfo(options.config.timezone)):%Y-%m-%d %H:%M})"


def of_preview(quiet: bool = False, explain: bool = False, verbose: bool = False) -> Terminal:
    """How a preview tells what it does: problems in full, one line for every build."""
    from digest.preview import Terminal

    def built(outcome: Any) -> None:
        show(outcome.problems, None if verbose else SHOWN)
        if outcome.trace:
            click.echo(outcome.trace, err=True, nl=False)
        if quiet:
            return
        at = time.strftime("%H:%M:%S", time.localtime(outcome.at))
        report = outcome.report
        if report:
            show_details(report, explain, verbose)
        said = summary(report, outcome.options, outcome.seconds) if report else "not built; waiting for the next change"
        click.echo(f"{at}  {said}")

    return Terminal(built, click.echo, lambda problem: show((problem,)), progress(quiet))
