"""Listings: what lies in a folder, and what lies there after a change."""

import os
import random
import sys
from pathlib import Path

import pytest
from sites import article, make, options, page, write

from digest import files
from digest.library import Library
from digest.store import Store

NAMES = ("a.md", "b.md", ".hidden.md", "c.md~", "#d.md#", "picture.png", "4913")
FOLDERS = ("", "deep/", "deep/er/", "drafts/", ".git/", "swap.tmp/")
IGNORE = ("drafts/*", "deep/b.*")


def test_a_look_at_the_changes_is_as_good_as_a_look_at_all(tmp_path: Path) -> None:
    """After writing, removing and replacing files, those that count and those that do not."""
    chance = random.Random(1)
    paths = [folder + name for folder in FOLDERS for name in NAMES]
    write(tmp_path, dict.fromkeys(paths, "text"))
    tree = files.walk(tmp_path, IGNORE)
    assert {path for path in tree if path.startswith("d")} == {"digest.toml", "deep/a.md"} | {
        f"deep/{name}" for name in ("picture.png", "er/a.md", "er/b.md", "er/picture.png")
    }
    for _ in range(50):
        changed = chance.sample(paths, 5)
        for path in changed:
            if chance.random() < 0.5:
                (tmp_path / path).write_text("x" * chance.randrange(100))
            else:
                (tmp_path / path).unlink(missing_ok=True)
        tree = files.walk_again(tree, tmp_path, changed, IGNORE)
        assert list(tree.items()) == list(files.walk(tmp_path, IGNORE).items())


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A folder in the place of a file is not taken for it."""
    write(tmp_path, {"a.md": "text", "b.md": "text"})
    before = files.walk(tmp_path)
    (tmp_path / "a.md").unlink()
    (tmp_path / "a.md").mkdir()
    assert files.stat(tmp_path / "a.md") is files.ABSENT
    assert files.walk_again(before, tmp_path, ["a.md"]).keys() == {"b.md", "digest.toml"}


def test_what_is_expected_is_believed_until_somebody_looks(tmp_path: Path) -> None:
    """A build opens the files alone that were said to have changed, for once; a look at all tells whether that was all."""
    write(tmp_path, {"content/a.md": article("A"), "content/b.md": article("B")})
    asked, library = options(tmp_path), Library(Store(tmp_path / ".digest/cache.db"))
    make(tmp_path, library)
    make(tmp_path, library)  # now the times of all files are surely past
    write(tmp_path, {"content/a.md": article("A", body="One."), "content/b.md": article("B", body="Two.")})
    assert not library.guessed_wrong(asked)
    library.expect(["a.md"])
    assert make(tmp_path, library).parsed == 1
    assert "Two." not in page(tmp_path, "2024/05/17/b/index.html")
    assert [library.guessed_wrong(asked), library.guessed_wrong(asked)] == [True, False]
    assert make(tmp_path, library).parsed == 1
    assert "Two." in page(tmp_path, "2024/05/17/b/index.html")
    write(tmp_path, {"content/a.md": article("A", body="Three.")})
    library.expect(["a.md"])
    assert make(tmp_path, library).parsed == 1
    assert not library.guessed_wrong(asked)
    library.store.close()


NOON = 1_700_000_000 * 10**9


@pytest.mark.parametrize(
    ("modified", "changed", "later", "safe"),
    [
        (NOON + 5, 0, 20_000_000, False),
        (NOON + 5, 0, 20_000_001, True),
        (0, NOON + 5, 20_000_000, False),
        (NOON, 0, 2 * 10**9, False),
        (NOON, 0, 2 * 10**9 + 1, True),
    ],
)
def test_a_write_in_the_same_tick_of_the_clock_is_feared(modified: int, changed: int, later: int, safe: bool) -> None:
    """Times can be relied on once the file system's clock has surely moved: 20 ms, or 2 s where it counts whole seconds."""
    state = files.Stat(1, modified, changed, 1)
    now = max(modified, changed) + later
    assert files.settled(state, now) is files.all_settled([files.ABSENT, state], now) is safe


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the super-user may read everything")
def test_what_cannot_be_looked_at_is_for_a_build_to_say(tmp_path: Path) -> None:
    """A folder that may not be read any more is no exception of a look: the next build tells of it."""
    write(tmp_path, {"content/a.md": article("A"), "content/sub/b.md": article("B")})
    library = Library(Store(tmp_path / ".digest/cache.db"))
    make(tmp_path, library)
    library.expect([])
    make(tmp_path, library)
    (tmp_path / "content/sub").chmod(0)
    assert library.guessed_wrong(options(tmp_path))
    (tmp_path / "content/sub").chmod(0o755)
    library.store.close()


def test_reading_gives_the_state_that_the_bytes_are_of(tmp_path: Path) -> None:
    """A file's state comes with its bytes; it is one that nothing matches where a write might not show in it."""
    file = tmp_path / "a.md"
    file.write_bytes(b"One.")
    os.utime(file, ns=(NOON, NOON))
    state, data = files.read(str(file))
    assert (data, state.inode, state.size) == (b"One.", files.UNTRUSTED, 4)
    while not files.settled(files.stat(file), files.now()):
        pass
    assert files.read(str(file)) == (files.stat(file), b"One.")
    with pytest.raises(OSError, match="directory"):
        files.read(str(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_file_that_holds_more_than_it_says_is_read_to_its_end() -> None:
    """As one that is written to while it is read."""
    state, data = files.read("/proc/self/maps")
    assert state.size == 0
    assert data.endswith(b"\n")
    assert len(data) > 1 << 12


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (".a.md .git .# a.md~ #a.md# ## 4913 a.SWP .a.swx a.tmp a.TEMP a.bak a.part a.crdownload", True),
        ("a.md___jb_tmp___ a___jb_old___ Thumbs.db desktop.ini Icon\r", True),
        ("a.md # #a a# 4913.md swp a.swq a.tmp.md a.sway thumbs.db.md a___jb_tmp___.md", False),
    ],
)
def test_what_editors_and_systems_leave_is_no_content(names: str, left: bool) -> None:
    """Hidden files, backups, locks, swap files and downloads in progress, in capitals or not."""
    assert [name for name in names.split(" ") if files.is_leftover(name) is not left] == []
