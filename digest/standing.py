"""Standing: which files of digest's are in an output folder, and in what state.

The folder carries the list of the files that digest wrote (`RECORD`), so that it stays known whose they are when the cache
is gone. How files come there, and go, is left to `publish`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import astuple

from digest import files
from digest.aside import Aside
from digest.fingerprint import SIZE, fingerprint

RECORD = ".digest-files"
"""The list, one path a line, in sorted order. Not for deployment."""


def owned(folder: Path) -> list[str]:
    """The paths below an output folder that digest wrote, in sorted order; none when there is no record."""
    try:
        text = (folder / RECORD).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    paths = sorted(text.split("\n")[:-1])  # which takes no time when nobody else has been at it
    if ".." in text or "\n/" in text or text.startswith("/"):  # not our doing: nothing outside the folder is ever ours
        return [path for path in paths if not path.startswith("/") and ".." not in path.split("/")]
    return paths


def states(folder: Path, paths: Iterable[str]) -> Iterator[files.Stat]:
    """The states of these files below a folder, in their order."""
    prefix = f"{folder}/"
    for path in paths:
        yield files.stat(prefix + path)


MANY = 50_000
"""Bytes of the list, so about 1,000 files, from which on a process of its own is worth its start: see docs/performance.md."""

FIELDS = len(astuple(files.ABSENT))


class Found(NamedTuple):
    """Files and their states."""

    paths: list[str]
    """In sorted order."""
    numbers: array[int]
    """Of their states, `FIELDS` for each, one behind the other."""


class Standing:
    """The files of ours in an output folder, and their states."""

    def __init__(self, key: Callable[[], bytes], found: Callable[[], Found]) -> None:
        """`key` is that of what is `found`, for which an unchanged build need not ask."""
        self._make_key = key
        self._find = found

    @classmethod
    def look(cls, folder: Path) -> Standing:
        """What stands there, looked up aside: that takes longer than all else in an unchanged build."""
        aside = Aside(partial(_looked_up, folder), files.stat(folder / RECORD).size >= MANY)
        seen = cache(aside.result)
        return cls(lambda: seen()[:SIZE], lambda: _read_again(folder, seen()[SIZE:]))

    @classmethod
    def of(cls, paths: list[str], numbers: array[int]) -> Standing:
        """What is known to stand there."""
        return cls(partial(_key, paths, numbers), lambda: Found(paths, numbers))

    @cached_property
    def key(self) -> bytes:
        """The key of what stands there."""
        return self._make_key()

    @cached_property
    def _found(self) -> Found:
        return self._find()

    @property
    def paths(self) -> list[str]:
        """In sorted order."""
        return self._found.paths

    @property
    def _states(self) -> array[int]:
        return self._found.numbers

    def __contains__(self, path: str) -> bool:
        """Whether a file of ours is there, or should be; or a folder with files of ours."""
        return is_listed(path, self.paths) or is_folder(path, self.paths)

    def state(self, path: str) -> files.Stat:
        """A file's state; `ABSENT` also where digest wrote none."""
        at = _place(path, self.paths)
        if at < 0:
            return files.ABSENT
        return files.Stat(*self._states[at * FIELDS : (at + 1) * FIELDS])

    def after(self, gone: Collection[str], fresh: Mapping[str, files.Stat]) -> Standing:
        """What stands there when some files are gone, and some are in other states."""
        if len(gone) + len(fresh) > len(self.paths) // 8:
            found = dict(zip(self.paths, zip(*[iter(self._states)] * FIELDS, strict=True), strict=True))
            found |= {path: astuple(stat) for path, stat in fresh.items()}
            for path in gone:
                found.pop(path, None)
            paths = sorted(found)
            numbers = array("q", [number for path in paths for number in found[path]])
            return Standing.of(paths, numbers)
        paths, numbers = self.paths.copy(), array("q", self._states)
        for path in (*gone, *fresh):
            at = bisect_left(paths, path)
            known = at < len(paths) and paths[at] == path
            numbers[at * FIELDS : (at + known) * FIELDS] = array("q", astuple(fresh[path]) if path in fresh else ())
            paths[at : at + known] = [path] if path in fresh else []
        return Standing.of(paths, numbers)


def _look(folder: Path) -> Found:
    paths, numbers = owned(folder), array("q")
    for stat in states(folder, paths):
        numbers.extend(astuple(stat))
    return Found(paths, numbers)


def _key(paths: list[str], numbers: array[int]) -> bytes:
    return fingerprint((paths, memoryview(numbers)))


def _looked_up(folder: Path) -> bytes:
    """The key of what is found there, and behind it the numbers."""
    paths, numbers = _look(folder)
    return _key(paths, numbers) + numbers.tobytes()


def _read_again(folder: Path, numbers: bytes) -> Found:
    """The list beside the numbers that another process has found by it."""
    paths, states = owned(folder), array("q", numbers)
    return Found(paths, states) if len(states) == len(paths) * FIELDS else _look(folder)


def _place(path: str, paths: Sequence[str]) -> int:
    """Where in sorted paths a path stands, or -1."""
    at = bisect_left(paths, path)
    return at if at < len(paths) and paths[at] == path else -1


def is_listed(path: str, paths: Sequence[str]) -> bool:
    """Whether this is one of these sorted paths."""
    return _place(path, paths) >= 0


def is_folder(path: str, paths: Sequence[str]) -> bool:
    """Whether any of these sorted paths lies below this one."""
    at = bisect_left(paths, path + "/")
    return at < len(paths) and paths[at].startswith(path + "/")
