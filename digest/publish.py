"""Publishing: staged files into the output folder, so that readers only ever see whole files and living links.

What is rendered is first written to a staging place on the output's own file system, then moved in by renames. A first
build into an empty folder is staged beside it, whole, and moved in by one rename. Files that are not on the output's list
of what digest wrote are neither written nor removed, and nor is what lies behind a link.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator
from errno import EACCES, ENAMETOOLONG
from functools import cache
from pathlib import Path

from digest.errors import ContentError, Diagnostic
from digest.standing import RECORD, is_folder, is_listed, owned

STAGE = ".digest-stage"

FOREIGN_HINT = "move it away, or into the content folder, or choose another output folder with -o"


class Staging:
    """A place for what is rendered, until all of it is."""

    def __init__(self, output: Path) -> None:
        """Make the place. Raises `ContentError` when the output folder cannot be written to."""
        self.output = output
        self.fresh = _is_empty(output)
        """Whether the whole output is staged, to be moved in by one rename."""
        try:
            if self.fresh:
                self.fresh = _make(output.parent / f".{output.name}{STAGE}", output)
            if not self.fresh:
                output.mkdir(parents=True, exist_ok=True)
                self.folder = output / STAGE
                _drop(self.folder)
                self.folder.mkdir()
            else:
                self.folder = output.parent / f".{output.name}{STAGE}"
        except OSError as error:
            raise unwritable(output, error) from None

    def abandon(self) -> None:
        """Drop all that was staged; the output is as it was."""
        _drop(self.folder)
        if not self.fresh:
            with contextlib.suppress(OSError):
                self.output.rmdir()  # only when it is empty: then it was made for nothing

    def publish(self, staged: Collection[tuple[int, str]], paths: list[str], gone: list[str]) -> None:
        """Move the staged pages in, in their order, and remove what is gone.

        `paths` are those of all that is planned, in sorted order, and `gone` what digest wrote before and is not planned
        any more. Killed at any point, this leaves whole files and a record that names every file of ours. Raises `ContentError`
        with all that stands in the way of a page; the output is then as it was.
        """
        try:
            if self.fresh:
                _write_record(self.folder, paths)
                if self.output.is_dir() and not self.output.is_symlink():
                    self.output.rmdir()
                os.rename(self.folder, self.output)
                return
            leaving = _in_the_way(gone, paths)
            _make_way(self.output, [path for _, path in staged], leaving)
            _write_record(self.output, sorted([*paths, *gone]) if gone else paths)
            _remove(self.output, leaving)
            for index, path in staged:
                _move(f"{self.folder}/{index}", self.output, path)
            _remove(self.output, gone)
            if gone:
                _write_record(self.output, paths)
        except OSError as error:
            raise unwritable(self.output, error) from None
        finally:
            _drop(self.folder)


def place(stage: str, fresh: bool, index: int, path: str) -> str:
    """Where in a staging folder a page goes; its own folder exists when this returns."""
    if not fresh:
        return f"{stage}/{index}"
    target = f"{stage}/{path}"
    folder = target.rpartition("/")[0]
    try:
        os.mkdir(folder)  # most pages have one of their own
    except FileExistsError:
        pass
    except OSError:
        os.makedirs(folder, exist_ok=True)
    return target


def clean(folder: Path) -> int:
    """Remove all files that digest wrote from an output folder, and the folders that they leave empty; their number.

    Raises `ContentError` where that is not allowed; the list then still names them all.
    """
    try:
        removed = _remove(folder, owned(folder))
    except OSError as error:
        raise unwritable(folder, error) from None
    with contextlib.suppress(OSError):
        (folder / RECORD).unlink(missing_ok=True)
        _drop(folder / STAGE)
        folder.rmdir()
    return removed


def differences(folder: Path, clean: Path) -> list[tuple[str, str]]:
    """The files of ours that differ between two output folders, and how: `missing`, `superfluous` or `different`."""
    from filecmp import cmp

    here, there = set(owned(folder)), set(owned(clean))
    found = [(path, "superfluous") for path in here - there] + [(path, "missing") for path in there - here]
    for path in here & there:
        try:
            same = cmp(folder / path, clean / path, shallow=False)
        except OSError:
            same = False
        if not same:
            found.append((path, "different"))
    return sorted(found)


def _is_empty(folder: Path) -> bool:
    try:
        return not os.listdir(folder)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise unwritable(folder, error) from None


def _make(folder: Path, output: Path) -> bool:
    """Make a staging folder beside the output; False where that is not on the same file system, or not allowed."""
    if output.is_symlink() or (output.exists() and os.stat(output).st_dev != os.stat(output.parent).st_dev):
        return False
    _drop(folder)
    try:
        folder.mkdir(parents=True)
    except PermissionError:
        return False
    return True


def _drop(folder: Path) -> None:
    """Remove a folder with all that is in it. Imported late: an unchanged build removes nothing."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _write_record(folder: Path, paths: list[str]) -> None:
    data = "".join([f"{path}\n" for path in paths]).encode()
    record = folder / RECORD
    with contextlib.suppress(OSError):
        if record.stat().st_size == len(data) and record.read_bytes() == data:
            return
    temporary = folder / f"{RECORD}~"
    temporary.write_bytes(data)
    os.replace(temporary, record)


def _in_the_way(gone: list[str], planned: list[str]) -> list[str]:
    """Those of the files to go that stand where a folder must be, or below where a file must be; `planned` is sorted."""
    return [path for path in gone if is_folder(path, planned) or any(is_listed(part, planned) for part in _parents(path))]


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _make_way(output: Path, pages: Collection[str], leaving: Collection[str]) -> None:
    """Make the folders of these pages, but for those below files of ours that are `leaving`.

    Raises `ContentError` with all that stands in the way; then none is made.
    """
    needed: dict[str, str] = {}  # by whom
    for page in pages:
        for folder in _parents(page):
            if folder in needed:
                break
            needed[folder] = page
    filled = {page.rpartition("/")[0] for page in pages}
    emptied = {*leaving, *(folder for path in leaving for folder in _parents(path))}
    problems = [problem for page in emptied.intersection(pages) for problem in _left_behind(output, page, emptied)]
    closed, made = set(leaving), []
    for folder, page in sorted(needed.items()):  # each behind those that it lies in
        if folder in closed or folder.rpartition("/")[0] in closed:
            closed.add(folder)
            continue
        place = f"{output}/{folder}"
        try:
            os.mkdir(place)
            made.append(place)
        except FileExistsError:
            if problem := _obstacle(place, page, folder in filled):
                closed.add(folder)
                problems.append(problem)
        except OSError as error:
            closed.add(folder)
            problems += unwritable(f"{output}/{page}", error).diagnostics
    if problems:
        for place in reversed(made):
            with contextlib.suppress(OSError):
                os.rmdir(place)
        raise ContentError(problems)


def _left_behind(output: Path, page: str, leaving: set[str]) -> list[Diagnostic]:
    """What keeps a page out of the place of a folder, when all that is `leaving` is gone."""
    place = output / page
    found = [place] if place.is_symlink() else place.rglob("*")
    left = [entry for entry in found if entry == place or entry.relative_to(output).as_posix() not in leaving]
    message = f"digest did not write this, and '{page}' needs the place of its folder"
    return [Diagnostic(str(entry), 0, 0, message, FOREIGN_HINT) for entry in left]


def _obstacle(place: str, page: str, filled: bool) -> Diagnostic | None:
    """What keeps a page out of what stands in the place of its folder, if anything; `filled` when files go right there."""
    if os.path.islink(place):
        hint = "put a folder in its place, or choose another output folder with -o"
        return Diagnostic(place, 0, 0, f"this is a link, and digest would have to write '{page}' behind it", hint)
    if not os.path.isdir(place):
        return Diagnostic(place, 0, 0, f"digest did not write this file, and needs a folder here for '{page}'", FOREIGN_HINT)
    if filled and not os.access(place, os.W_OK | os.X_OK):
        return unwritable(place, PermissionError(EACCES, os.strerror(EACCES))).diagnostics[0]
    return None


def _move(staged: str, output: Path, path: str) -> None:
    target = f"{output}/{path}"
    try:
        os.replace(staged, target)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.replace(staged, target)


def _remove(output: Path, paths: Iterable[str]) -> int:
    """Remove files, and the folders that they leave empty; their number. What lies behind a link is not ours."""
    is_link = cache(lambda folder: os.path.islink(f"{output}/{folder}"))
    removed = 0
    for path in paths:
        if any(map(is_link, _parents(path))):
            continue
        try:
            os.unlink(f"{output}/{path}")
            removed += 1
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            pass  # somebody else removed it, and maybe left its folders
        for folder in _parents(path):
            try:
                os.rmdir(f"{output}/{folder}")
            except FileNotFoundError:
                continue
            except OSError:
                break
    return removed


def unwritable(path: str | Path, error: OSError) -> ContentError:
    """What to say of a page, or the output folder, that cannot be written."""
    hint = "give yourself the right to write there, make room, or choose another folder with -o"
    if error.errno == ENAMETOOLONG:
        hint = "shorten the slug, the tag or the file's name that it is called by"
    return ContentError.at(path, "cannot be written to", error, hint)
