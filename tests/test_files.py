"""Listings: what lies in a folder, and what lies there after a change."""

import random
from pathlib import Path

from sites import write

from digest import files

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
