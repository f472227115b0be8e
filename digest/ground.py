"""Ground: which folders must be watched, so that no change to a site goes unseen.

Folders and files are named by paths, and a path is more than its end: a folder may be a link, be replaced by another of
its name, or hold links to folders and files elsewhere. How changes are noticed is left to `watch`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from digest import files

LINKS = 40
"""Links followed on one path before it counts as a loop; Linux allows as many (path_resolution(7))."""


class Targets(NamedTuple):
    """What shall be watched, whether it exists or not."""

    root: Path
    """The site's folder."""
    folders: tuple[Path, ...]
    """With all below them."""
    files: tuple[Path, ...]


class Ground(NamedTuple):
    """Where the targets really lie. All paths are absolute and without links."""

    trees: frozenset[str]
    """Folders that count with all below them; none lies in another."""
    places: dict[str, frozenset[str]]
    """Folders outside the trees in which only these names count."""
    linked: bool
    """Whether there are links in the trees, so that one file may have several paths."""

    def holds(self, path: str) -> bool:
        """Whether a change at this path can matter to the site."""
        if self.is_step(path):
            return True
        tree = next((tree for tree in self.trees if _inside(tree, path)), None)
        return tree is not None and not any(map(files.is_leftover, path[len(tree) :].split(os.sep)))

    def is_step(self, path: str) -> bool:
        """Whether the path is, or leads to, a target or a link's end, so that its change may move the ground."""
        folder, name = os.path.split(path)
        return name in self.places.get(folder, ())


def survey(targets: Targets) -> Ground:
    """Find where the targets lie now; follows every link below the folders."""
    steps: set[tuple[str, str]] = set()
    root = os.path.realpath(targets.root)
    for file in targets.files:
        _follow(str(file), root, steps)
    waiting = [_follow(str(folder), root, steps) for folder in targets.folders]
    trees: set[str] = set()
    linked = False
    while waiting:
        tree = waiting.pop()
        if not os.path.isdir(tree) or any(_inside(known, tree) for known in trees):
            continue
        trees = {known for known in trees if not _inside(tree, known)} | {tree}
        for link in _links(tree):
            linked = True
            waiting.append(_follow(link, root, steps))
    places: dict[str, set[str]] = {}
    for folder, name in steps:
        if os.path.isdir(folder) and not any(_inside(tree, folder) for tree in trees):
            places.setdefault(folder, set()).add(name)
    return Ground(frozenset(trees), {folder: frozenset(names) for folder, names in places.items()}, linked)


def _inside(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _follow(path: str, root: str, steps: set[tuple[str, str]]) -> str:
    """Where a path leads. Notes as (folder, name) its last step, every link on the way, and every step below `root`."""
    start = Path(os.path.abspath(path))
    folder, names, links = start.anchor, list(start.parts[:0:-1]), 0
    while names:
        name = names.pop()
        if name == os.pardir:
            folder = os.path.dirname(folder)
            continue
        step = os.path.join(folder, name)
        link = _read_link(step) if links < LINKS else None
        if link is not None or not names or _inside(root, folder):
            steps.add((folder, name))
        if link is None:
            folder = step
            continue
        links += 1
        target = Path(link)
        if target.anchor:
            folder = target.anchor
        names += reversed(target.parts[1:] if target.anchor else target.parts)
    return folder


def _read_link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except (OSError, ValueError):  # no link, or nothing at all
        return None


def _links(folder: str) -> Iterator[str]:
    """Every link below a folder, but for what is never content."""
    try:
        entries = list(os.scandir(folder))
    except OSError:  # gone, or not ours to read: the build says so
        return
    for entry in entries:
        if files.is_leftover(entry.name):
            continue
        if entry.is_symlink():
            yield entry.path
        elif entry.is_dir(follow_symlinks=False):
            yield from _links(entry.path)
