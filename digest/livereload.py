"""Live reload: what a page in a browser is told, and the script that listens. Nothing of it is ever on disk.

A page is told states, never changes: the version of itself as it would be served now, of the style sheets and of the
other assets, and what is wrong. It compares these with what it was served, so it does not matter what it has missed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from html import escape
from pathlib import Path

import msgspec

from digest import program
from digest.errors import Diagnostic
from digest.preview import Outcome

SCRIPT = "/.digest/livereload.js"
EVENTS = "/.digest/events"

SHOWN = 20
"""Problems that a page is told; the rest is on the terminal."""

AROUND = 2
"""Lines of source shown above and below the one at fault."""

WIDTH = 400
"""Characters shown of a line."""

_END = re.compile(rb"</head\s*>|</body\s*>", re.IGNORECASE)


class Line(msgspec.Struct, frozen=True):
    number: int
    text: str


class Problem(msgspec.Struct, frozen=True):
    """A diagnostic with the source around it."""

    where: str
    """`content/a.md:4:9`, or empty."""
    severity: str
    message: str
    hint: str
    line: int
    """1-based, or 0."""
    source: tuple[Line, ...]


class Versions(msgspec.Struct, frozen=True):
    """What a page is made of; whatever differs from what it was served has changed."""

    page: str
    """Of the page itself; empty when there is none."""
    styles: str
    assets: str


class State(msgspec.Struct, frozen=True):
    """What a page is told when it begins to listen and after every build."""

    build: int
    """Its number."""
    failed: bool
    time: str
    """When it ended, on the clock here: `14:03:22`."""
    versions: Versions
    problems: tuple[Problem, ...]
    """The first of them, errors before warnings."""
    errors: int
    warnings: int
    trace: str
    moved: str
    """Where the page is now, if it is elsewhere."""
    note: str
    """What became of the page, if it is gone."""


def state(outcome: Outcome, problems: tuple[Problem, ...], versions: Versions, moved: str, note: str) -> bytes:
    """A server-sent event that tells a page all this (HTML standard, 9.2)."""
    errors = sum(map(_is_error, outcome.problems))
    told = State(
        outcome.number,
        outcome.report is None,
        time.strftime("%H:%M:%S", time.localtime(outcome.at)),
        versions,
        problems,
        errors,
        len(outcome.problems) - errors,
        outcome.trace,
        moved,
        note,
    )
    return b"data: " + msgspec.json.encode(told) + b"\n\n"


def explain(outcome: Outcome, config: Path | None) -> tuple[Problem, ...]:
    """The first problems of a build with their source. Reads files."""
    first = sorted(outcome.problems, key=_is_error, reverse=True)[:SHOWN]
    return tuple(_with_source(problem, outcome.options.root, config) for problem in first)


def tag(versions: Versions, moved: str, note: str) -> bytes:
    """The script as it stands in a page."""
    attributes = {
        "src": SCRIPT, "page": versions.page, "styles": versions.styles, "assets": versions.assets,
        "moved": moved, "note": note,
    }  # fmt: skip
    written = (f'{"" if name == "src" else "data-"}{name}="{escape(value)}"' for name, value in attributes.items())
    return f"<script {' '.join(written)} defer></script>".encode()


def inject(page: bytes, script: bytes) -> bytes:
    """The page with the script at the end of its head, or else of its body."""
    found = _END.search(page)
    at = found.start() if found else len(page)
    return page[:at] + script + page[at:]


def script() -> bytes:
    """The script that listens."""
    return Path(__file__).with_suffix(".js").read_bytes()


def _is_error(problem: Diagnostic) -> bool:
    return problem.severity == "error"


def _with_source(problem: Diagnostic, root: Path, config: Path | None) -> Problem:
    where = str(msgspec.structs.replace(problem, message="", hint="", severity="")).rstrip(": ")
    source: tuple[Line, ...] = ()
    if problem.line:
        text = _read(_candidates(problem.path, root, config))
        first = max(problem.line - AROUND, 1)
        lines = text.splitlines()[first - 1 : problem.line + AROUND]
        source = tuple(Line(number, line[:WIDTH]) for number, line in enumerate(lines, first))
    return Problem(where, problem.severity, problem.message, problem.hint, problem.line, source)


def _candidates(path: str, root: Path, config: Path | None) -> Iterable[Path]:
    """The files that a diagnostic may mean."""
    if config and path == config.name:
        yield config
    yield root / path
    if path.startswith("theme/"):
        yield program.theme() / path.removeprefix("theme/")


def _read(candidates: Iterable[Path]) -> str:
    for path in candidates:
        try:
            return path.read_text("utf-8-sig", "replace")
        except (OSError, ValueError):
            continue  # gone meanwhile: then there is nothing to show
    return ""
