"""The profile: where a build's time goes, beside the least that the same work can take on this machine.

A floor is a plain loop over the same bytes, with none of the program's care.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from . import corpus
from .measure import Sample
from .report import table
from .sites import Program, Site

STEP = re.compile(r"^  (\w[\w -]*?) +(\d+\.\d+) s$", re.MULTILINE)
"""A step's line in what `digest build -v` says."""
REST, WHOLE = "start-up and the rest", "whole command"
FLOORS = {
    "list": ("list and stat the sources",),
    "check": ("stat the output",),
    "parse": ("read the sources", "hash the sources"),
    "key": ("read the cache file",),
    "render": ("write the same files",),
}
"""What a step cannot do without when it has all to do; the sum stands beside it."""


def profile(program: Program, folder: Path, size: int) -> str:
    """Two tables of seconds: the steps of a cold build, an unchanged one and an addition; and the floors.

    `folder` is not there yet; it is left for the caller to remove.
    """
    command = tuple("-v" if word == "--quiet" else word for word in program.command)
    site = Site(program._replace(command=command), folder, size)
    cold, unchanged = _steps(site.build()), _steps(site.build())
    floors = _floors(site)
    site.put(corpus.addition(0, size))
    addition = _steps(site.build())
    lines = []
    # An unchanged build has an early step that the others have not; all have the last two lines.
    steps = [step for step in dict.fromkeys((*unchanged, *cold, *addition)) if step not in (REST, WHOLE)]
    for step in (*steps, REST, WHOLE):
        floor = sum(floors[name] for name in FLOORS.get(step, ()))
        seconds = (cold.get(step), unchanged.get(step), addition.get(step), floor or None)
        lines.append((step, *map(_shown, seconds)))
    return "\n\n".join(
        (
            table(("step", "cold", "unchanged", "one addition", "floor"), lines, 1),
            table(("floor", "seconds"), [(name, _shown(seconds)) for name, seconds in floors.items()], 1),
        )
    )


def _steps(build: Sample) -> dict[str, float]:
    steps = {name: float(seconds) for name, seconds in STEP.findall(build.said)}
    return steps | {REST: build.seconds - sum(steps.values()), WHOLE: build.seconds}


def _floors(site: Site) -> dict[str, float]:
    content, output, cache, copy = (str(site.folder / name) for name in ("content", "output", ".digest", "copy"))
    sources = [entry.path for entry in _files(content)]
    outputs = [entry.path for entry in _files(output)]
    texts = [_read(path) for path in sources]
    pages = [(os.path.relpath(path, output), _read(path)) for path in outputs]
    floors = {
        "list and stat the sources": _timed(lambda: [entry.stat() for entry in _files(content)]),
        "stat the output": _timed(lambda: [os.stat(path) for path in outputs]),
        "read the sources": _timed(lambda: [_read(path) for path in sources]),
        "hash the sources": _timed(lambda: [hashlib.blake2b(text, digest_size=16) for text in texts]),
        "read the cache file": _timed(lambda: [_read(entry.path) for entry in _files(cache)]),
        "write the same files": _timed(lambda: _write(copy, pages)),
    }
    shutil.rmtree(copy)
    return floors


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(entry.path)
            else:
                yield entry


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _write(folder: str, pages: list[tuple[str, bytes]]) -> None:
    made: set[str] = set()
    for name, content in pages:
        path = f"{folder}/{name}"
        parent = os.path.dirname(path)
        if parent not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        with open(path, "wb") as file:
            file.write(content)


def _timed(work: Callable[[], object]) -> float:
    os.sync()
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _shown(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.3f}"
