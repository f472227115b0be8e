"""The file system: list and read what goes in, and tell what has changed of it.

What a file means is left to others, and so is publishing, but for the writing of a single file.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from fnmatch import translate
from functools import cache, partial
from itertools import accumulate
from pathlib import Path
from stat import S_ISREG

import msgspec
from msgspec.structs import replace

from digest.errors import ContentError

# Vim's probe and swap files, what systems leave in folders, backups, downloads that are not done.
_LEFT = frozenset(("4913", "thumbs.db", "desktop.ini", "icon\r"))
_SWAP_FILES = [".sw" + letter for letter in "abcdefghijklmnopx"]
_LEFT_ENDS = ("~", ".tmp", ".temp", ".bak", ".part", ".crdownload", "___jb_tmp___", "___jb_old___", *_SWAP_FILES)


def is_leftover(name: str) -> bool:
    """Whether a file or folder is hidden, or what an editor or a system leaves behind, and so is never content."""
    name = name.lower()
    if name.startswith("."):
        return True
    return name.endswith(_LEFT_ENDS) or name in _LEFT or (name.startswith("#") and name.endswith("#", 1))


class Stat(msgspec.Struct, frozen=True, array_like=True):
    """What tells a changed file from an unchanged one without reading it, as in git's index.

    The change time is there because nobody can set it: it moves when the modification time is put back.
    """

    size: int
    modified: int
    """Nanoseconds."""
    changed: int
    """Nanoseconds."""
    inode: int


ABSENT = Stat(-1, 0, 0, 0)

UNTRUSTED = 0
"""The inode's number in a state that no later look shall match."""


def stat(path: str | Path) -> Stat:
    """The state of a regular file, or `ABSENT`."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ABSENT
    return _state(found) if S_ISREG(found.st_mode) else ABSENT


def _state(found: os.stat_result) -> Stat:
    return Stat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino & _INODE)


_INODE = (1 << 63) - 1
"""As much of an inode's number as fits into a database; some file systems have larger ones."""


_BINARY = getattr(os, "O_BINARY", 0)  # Windows would change line ends


COARSE = 2_000_000_000
FINE = 20_000_000
"""Nanoseconds within which a file system may give two writes the same times."""


def settled(file: Stat, now: int) -> bool:
    """Whether a file that was read at `now` (nanoseconds) would show a later write in its times.

    Git's rule for racy entries: a write within the clock's granularity of an earlier one leaves the times as they were.
    File systems that keep whole seconds, or two, show it by times without a fraction.
    """
    newest = max(file.modified, file.changed)
    return newest + (COARSE if newest % 1_000_000_000 == 0 else FINE) < now


def all_settled(files: Iterable[Stat], now: int) -> bool:
    """Whether all of these files are `settled`."""
    safe = now - COARSE
    return all(settled(file, now) for file in files if file.modified >= safe or file.changed >= safe)


def now() -> int:
    """The system clock in nanoseconds, to be held against file times."""
    return time.time_ns()


def walk(folder: Path, ignore: Iterable[str] = ()) -> dict[str, Stat]:
    """Every file below a folder, by its path relative to it with forward slashes, in sorted order.

    Links are followed; a folder that is its own ancestor is entered once. `ignore` holds glob patterns of relative
    paths; hidden files and leftovers are left out. A missing folder is empty. Raises `ContentError`
    where something cannot be looked at.
    """
    patterns = list(ignore)
    ignored = _rule(patterns)
    found: dict[str, Stat] = {}

    def enter(path: str, prefix: str, ancestors: frozenset[tuple[int, int]]) -> None:
        try:
            entries = list(os.scandir(path))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise ContentError.at(path, "cannot be read", error) from None
        for entry in entries:
            name = entry.name
            relative = prefix + name
            if (patterns or name[0] in ".#" or name[-3:] != ".md") and ignored(name, relative):  # which takes its time
                continue
            try:
                if entry.is_dir():
                    here = os.stat(entry.path)
                    identity = (here.st_dev, here.st_ino)
                    if identity not in ancestors:
                        enter(entry.path, relative + "/", ancestors | {identity})
                elif entry.is_file():
                    found[relative] = _state(entry.stat())
            except FileNotFoundError:
                continue  # gone between the listing and the look
            except OSError as error:
                raise ContentError.at(entry.path, "cannot be read", error) from None

    try:
        root = os.stat(folder)
    except OSError:
        return found
    enter(str(folder), "", frozenset({(root.st_dev, root.st_ino)}))
    return {path: found[path] for path in sorted(found)}


def walk_again(tree: Mapping[str, Stat], folder: Path, changed: Iterable[str], ignore: Iterable[str] = ()) -> dict[str, Stat]:
    """What `walk` would find, where it found `tree` before and no other files than these changed, by their relative paths."""
    ignored, listed = _rule(ignore), cache(_names)
    found = dict(tree)
    for path in changed:
        names, file = path.split("/"), folder / path
        hidden = any(map(ignored, names, accumulate(names, "{}/{}".format)))
        state = ABSENT if hidden or file.name not in listed(file.parent) else stat(file)
        if state is ABSENT:
            found.pop(path, None)
        else:
            found[path] = state
    return found if found.keys() <= tree.keys() else {path: found[path] for path in sorted(found)}


def _names(folder: Path) -> set[str]:
    """What lies in a folder, as it is spelled: some file systems find a file by other spellings too."""
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


def _rule(ignore: Iterable[str]) -> Callable[[str, str], bool]:
    """Whether a file or folder is left out, by its name and its relative path."""
    patterns = list(ignore)
    matched = re.compile("|".join(map(translate, patterns))).match if patterns else lambda _: None
    return lambda name, path: bool(is_leftover(name) or matched(path) or matched(path + "/"))


def read(path: str) -> tuple[Stat, bytes]:
    """A file's state and its bytes. Raises OSError.

    The state's inode is `UNTRUSTED` where a later write might not show. `open` would take twice as long, here and in `write`.
    """
    before = now()
    file = os.open(path, os.O_RDONLY | _BINARY)
    try:
        state = _state(os.fstat(file))
        data = os.read(file, state.size + 1)
        if len(data) != state.size:  # somebody is writing to it, or it is more than is read at once, or no plain file
            data += b"".join(iter(partial(os.read, file, 1 << 16), b""))
    finally:
        os.close(file)
    return state if settled(state, before) else replace(state, inode=UNTRUSTED), data


def write(path: str, data: bytes) -> None:
    """Make a file of these bytes. Raises OSError."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY, 0o666)
    try:
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)
