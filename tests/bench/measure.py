"""Measuring: time and memory of a command, the files that a build changed, and the machine itself."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple


class Sample(NamedTuple):
    """One run of a command."""

    seconds: float
    """From start to end, as a clock on the wall shows."""
    memory: int
    """Bytes: the most that the largest of its processes held at once."""
    said: str
    """What it printed."""


class Changes(NamedTuple):
    """What one change to the content did to the output: what a deployment must upload or delete."""

    shared: int
    """Files of the kinds that every program makes: new, different or gone."""
    other: int
    """Files of other kinds."""
    size: int
    """Bytes of the new and different ones."""


Tree = Mapping[str, tuple[bytes, int]]
"""The files of an output, by path: the hash of their content and their size."""


def run(command: tuple[str, ...], folder: Path, environment: Mapping[str, str] | None = None) -> Sample:
    """Run a command in a folder; return its time, its memory and its words.

    A command that fails ends the benchmark. What earlier ones left to be written to disk is written first, so
    that nobody pays for somebody else.
    """
    os.sync()
    with tempfile.TemporaryFile() as said:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | (environment or {}), stdout=said, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        words = said.read().decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: status {process.returncode}\n{words[-2000:]}")
    return Sample(seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), words)


def snapshot(folder: Path) -> Tree:
    """The content of every file below `folder`."""
    tree = {}
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            key = hashlib.blake2b(content, digest_size=16).digest()
            tree[path.relative_to(folder).as_posix()] = key, len(content)
    return tree


def changes(before: Tree, after: Tree, shared: Callable[[str], object]) -> Changes:
    """What differs between two snapshots; `shared` says of a path whether every program makes its kind."""
    written = [path for path, content in after.items() if before.get(path) != content]
    touched = [*written, *(before.keys() - after.keys())]
    common = sum(1 for path in touched if shared(path))
    return Changes(common, len(touched) - common, sum(after[path][1] for path in written))


def machine(folder: Path) -> str:
    """The machine in one line: cores, processor, memory, kernel, Python, and the file system of `folder`."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return ", ".join(
        (
            f"{os.cpu_count()} cores ({_processor()})",
            f"{memory:.0f} GiB",
            f"{platform.system()} {platform.release()}",
            f"Python {platform.python_version()}",
            _file_system(folder),
        )
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _file_system(folder: Path) -> str:
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return "unknown file system"
    fields = (line.split() for line in mounts)
    places = {Path(place): kind for _, place, kind, *_ in fields}
    resolved = folder.resolve()
    return next(places[place] for place in (resolved, *resolved.parents) if place in places)
