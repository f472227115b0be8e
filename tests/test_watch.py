"""Watching: every change to a site is noticed, however it is made, and nothing else is."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sites import article, write

from digest import watch
from digest.ground import Targets, survey
from digest.watch import Watcher

PATIENCE = 30
PACKAGE = str(Path(watch.__file__).parent.parent)
QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write(tmp_path / "site", {"content/a.md": article(), "content/2024/b.md": article(), "templates/x.html": ""})


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    made = Watcher()
    yield made
    made.close()


def targets(site: Path) -> Targets:
    return Targets(site, (site / "content", site / "templates"), (site / "digest.toml",))


def changed(watcher: Watcher, site: Path, change: Callable[[], object]) -> set[str]:
    """The paths, relative to the site's parent, that a watcher reports of a change."""
    watcher.watch(targets(site))
    change()
    found = watcher.wait(time.time() + PATIENCE)
    assert found, "the change was not noticed"
    top = os.path.realpath(site.parent)
    return {os.path.relpath(path, top).replace(os.sep, "/") for path in found}


def test_files_are_watched(site: Path, watcher: Watcher) -> None:
    """A change of content, of a template or of the settings is noticed."""
    for path in ("content/a.md", "content/2024/b.md", "templates/x.html", "digest.toml"):
        assert changed(watcher, site, lambda path=path: (site / path).write_text("new")) == {f"site/{path}"}


def test_other_files_are_not_watched(site: Path, watcher: Watcher) -> None:
    """Outputs, the cache, hidden files and editors' leftovers go unnoticed."""

    def act() -> None:
        write(site, {"output/index.html": "", ".digest/cache.db": "", "notes.txt": ""})
        write(site, {"content/.a.md.swp": "", "content/4913": "", "content/a.md~": "", "content/.#a.md": ""})
        (site / "content/2024/b.md").write_text("new")

    watched = targets(site)
    watcher.watch(watched)
    settings = (site / "digest.toml").read_bytes()
    act()
    assert settings == (site / "digest.toml").read_bytes()
    found = watcher.wait(time.time() + PATIENCE)
    assert {Path(path).name for path in found or ()} == {"b.md", "digest.toml"}


def test_reading_is_not_a_change(site: Path, watcher: Watcher) -> None:
    """Opening, reading, listing and closing files and folders is not noticed."""

    def act() -> None:
        for path in site.rglob("*"):
            if path.is_file():
                path.read_bytes()
        (site / "templates/x.html").write_text("the only change")

    assert changed(watcher, site, act) == {"site/templates/x.html"}
    assert watcher.bursts == 1


def test_changes_are_gathered(site: Path, watcher: Watcher) -> None:
    """Many changes without a pause are one."""
    names = {f"content/{number}.md" for number in range(300)}
    found = changed(watcher, site, lambda: write(site, dict.fromkeys(names, "text")))
    assert {f"site/{name}" for name in names} <= found
    assert watcher.bursts == 1


@pytest.fixture
def impatience() -> Iterator[None]:
    """Ends a test that waits for ever."""

    def tired(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, tired)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells that a file was closed")
@pytest.mark.parametrize("save", ["write", "replace", "back up"])
def test_a_save_is_seen_to_be_done(
    site: Path, watcher: Watcher, save: str, impatience: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file that was closed, or put in place of another, need not be waited for like the first of many."""
    monkeypatch.setattr(watch, "QUIET", 10 * PATIENCE)
    monkeypatch.setattr(watch, "LONGEST", 10 * PATIENCE)
    file, hidden = site / "content/a.md", site / "content/.a.md.part"

    def act() -> None:
        if save == "back up":
            file.rename(f"{file}~")
        if save == "replace":
            hidden.write_text("new")
            hidden.replace(file)
        else:
            file.write_text("new")

    assert changed(watcher, site, act) == {"site/content/a.md"}


@pytest.mark.parametrize("change", ["two files", "a file that is gone", "an empty file", "a file after another"])
def test_what_may_go_on_is_waited_for(
    site: Path, watcher: Watcher, change: str, impatience: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several files, and one that is empty or gone at the moment, may be the begin of more."""
    monkeypatch.setattr(watch, "CLOSED", 10 * PATIENCE)
    first, second = site / "content/a.md", site / "content/2024/b.md"
    if change == "a file after another":
        monkeypatch.setattr(watch, "CALM", 10 * PATIENCE)
        changed(watcher, site, first.unlink)

    def act() -> None:
        first.unlink(missing_ok=True)
        if change != "a file that is gone":
            first.write_text("" if change == "an empty file" else "new")
        if change == "two files":
            second.write_text("new")

    assert changed(watcher, site, act) == {"site/content/a.md"} | ({"site/content/2024/b.md"} if change == "two files" else set())


def test_a_moved_file_is_noticed_at_both_ends(site: Path, watcher: Watcher) -> None:
    """A file that is moved, into the site or out of it or within, is noticed."""
    inside, outside = site / "content/a.md", site.parent / "a.md"
    assert changed(watcher, site, lambda: inside.rename(outside)) == {"site/content/a.md"}
    assert changed(watcher, site, lambda: outside.rename(inside)) == {"site/content/a.md"}
    both = {"site/content/a.md", "site/content/2024/c.md"}
    assert changed(watcher, site, lambda: inside.rename(site / "content/2024/c.md")) == both


def test_it_is_sure_of_plain_files_only(site: Path, watcher: Watcher) -> None:
    """That nothing else has changed is said of files that were written, moved or removed, until the next change."""
    file = site / "content/a.md"
    moved = site / "content/2024/c.md"
    for act in (lambda: file.write_text("new"), lambda: file.rename(moved), moved.unlink):
        changed(watcher, site, act)
        assert watcher.sure
    changed(watcher, site, (site / "content/folder").mkdir)
    assert not watcher.sure
    changed(watcher, site, lambda: write(site, {"content/folder/c.md": "text"}))
    assert watcher.sure
    seen, until = watcher.bursts, time.monotonic() + PATIENCE
    file.write_text("newer")
    while watcher.bursts == seen and time.monotonic() < until:
        pass
    assert watcher.bursts > seen
    assert not watcher.sure
    watcher.wait(time.time() + PATIENCE)
    assert watcher.sure


def test_it_is_not_sure_of_other_targets(site: Path, watcher: Watcher) -> None:
    """While other folders come to be watched, events may be lost."""
    changed(watcher, site, lambda: (site / "content/a.md").write_text("new"))
    watcher.watch(targets(site)._replace(files=()))
    assert not watcher.sure


def test_it_is_not_sure_where_links_lead_elsewhere(site: Path, watcher: Watcher) -> None:
    """A file that a link leads to may have several paths, of which an event names one."""
    (site / "content/link").symlink_to("2024")
    changed(watcher, site, lambda: (site / "content/2024/b.md").write_text("new"))
    assert not watcher.sure


def test_looking_is_not_being_sure(site: Path) -> None:
    """Whoever polls looks at a file system that tells little, and at nothing between two looks."""
    watcher = Watcher(poll=0.02)
    changed(watcher, site, lambda: (site / "content/a.md").write_text("another text"))
    assert not watcher.sure
    watcher.close()


def test_new_folders_are_watched(site: Path, watcher: Watcher) -> None:
    """A file in folders that were made a moment ago is noticed, and so is its next change."""
    deep = site / "content/2025/05/17/c.md"
    found = changed(watcher, site, lambda: write(site, {"content/2025/05/17/c.md": "one"}))
    assert "site/content/2025" in found
    assert changed(watcher, site, lambda: deep.write_text("two")) == {"site/content/2025/05/17/c.md"}


def test_renamed_folders_are_watched(site: Path, watcher: Watcher) -> None:
    """What lies in a renamed folder is watched under its new name."""
    changed(watcher, site, lambda: (site / "content/2024").rename(site / "content/old"))
    assert changed(watcher, site, lambda: (site / "content/old/b.md").write_text("new")) == {"site/content/old/b.md"}


@pytest.mark.parametrize("gone", ["content", "templates"])
def test_replaced_folders_are_watched(site: Path, watcher: Watcher, gone: str) -> None:
    """A folder that is put in the place of a watched one is watched, even if there was none for a while."""
    changed(watcher, site, lambda: (site / gone).rename(site / "before"))
    changed(watcher, site, lambda: write(site, {f"{gone}/new.md": "one"}))
    found = changed(watcher, site, lambda: (site / gone / "new.md").write_text("two"))
    assert f"site/{gone}/new.md" in found


def test_missing_folders_are_waited_for(tmp_path: Path, watcher: Watcher) -> None:
    """A folder that does not exist yet, nor the one that it will stand in, is noticed when it comes."""
    site = write(tmp_path / "site", {"content/a.md": article()})
    wanted = Targets(site, (site / "content", site / "a/b/templates"), ())
    for path in ("a", "a/b", "a/b/templates"):
        watcher.watch(wanted)
        (site / path).mkdir()
        assert watcher.wait(time.time() + PATIENCE)
    watcher.watch(wanted)
    (site / "a/b/templates/x.html").write_text("")
    assert watcher.wait(time.time() + PATIENCE) == {os.path.realpath(site / "a/b/templates/x.html")}


def test_links_are_followed(site: Path, watcher: Watcher) -> None:
    """Folders and files that links lead to are watched where they are, and so are the links."""
    write(site.parent, {"far/c.md": "one", "far/deep/d.md": "one", "one/e.md": "one", "one/other.md": "", "next/f.md": ""})
    (site / "content/far").symlink_to(site.parent / "far")
    (site / "content/e.md").symlink_to("../../one/e.md")
    assert changed(watcher, site, lambda: (site.parent / "far/deep/d.md").write_text("two")) == {"far/deep/d.md"}
    assert changed(watcher, site, lambda: (site.parent / "one/e.md").write_text("two")) == {"one/e.md"}

    def turn() -> None:
        (site.parent / "fresh").symlink_to(site.parent / "next")
        os.replace(site.parent / "fresh", site / "content/far")

    assert "site/content/far" in changed(watcher, site, turn)
    assert changed(watcher, site, lambda: (site.parent / "next/f.md").write_text("two")) == {"next/f.md"}


def test_linked_content_is_watched(tmp_path: Path, watcher: Watcher) -> None:
    """A content folder that is a link to a link is watched, and followed when either is turned elsewhere."""
    site = write(tmp_path / "site", {})
    write(tmp_path, {"v1/a.md": "one", "v2/a.md": "one"})
    (tmp_path / "current").symlink_to("v1")
    (site / "content").symlink_to("../current")
    assert changed(watcher, site, lambda: (tmp_path / "v1/a.md").write_text("two")) == {"v1/a.md"}

    def turn() -> None:
        (tmp_path / "fresh").symlink_to("v2")
        os.replace(tmp_path / "fresh", tmp_path / "current")

    assert "current" in changed(watcher, site, turn)
    assert changed(watcher, site, lambda: (tmp_path / "v2/a.md").write_text("two")) == {"v2/a.md"}


def test_links_in_a_circle_end(site: Path) -> None:
    """Links that lead back to their own folder, or to nothing but each other, are survived."""
    (site / "content/again").symlink_to(site / "content")
    (site / "content/x").symlink_to("y")
    (site / "content/y").symlink_to("x")
    assert os.path.realpath(site / "content") in survey(targets(site)).trees


def test_trees_do_not_lie_in_one_another(site: Path) -> None:
    """A link to a folder above a watched one leaves one tree, so nothing is watched twice."""
    (site / "content/up").symlink_to(site.parent)
    ground = survey(targets(site))
    assert ground.trees == {os.path.realpath(site.parent)}


WATCHING = """
import sys, time
from pathlib import Path
site, package = sys.argv[1:]
sys.path.insert(0, package)
from digest.ground import Targets
from digest.watch import Watcher
watcher = Watcher()
while True:
    watcher.watch(Targets(Path(site), (Path(site, "content"),), ()))
    print("ready", flush=True)
    print(*sorted(watcher.wait()), flush=True)
"""


@pytest.mark.skipif(not QUEUE.is_file(), reason="needs inotify")
def test_a_flood_is_survived(site: Path) -> None:
    """When more happens than the system keeps in its queue, even the folders whose making was dropped are watched."""
    limit = int(QUEUE.read_text())
    content = site / "content"
    command = [sys.executable, "-c", WATCHING, str(site), PACKAGE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGSTOP)  # nobody empties the queue
            os.waitpid(process.pid, os.WUNTRACED)
            with (content / "a.md").open("wb", 0) as one, (content / "b.md").open("wb", 0) as other:
                for _ in range(limit):  # in turn, because equal events in a row count as one
                    one.write(b".")
                    other.write(b".")
            write(site, {"content/late/er/z.md": "dropped"})
            process.send_signal(signal.SIGCONT)
            assert "late" not in process.stdout.readline()  # the system did drop it
            for line in process.stdout:
                if "late/er/new.md" in line:
                    break
                if line == "ready\n":  # maybe of only a part of the flood, where the machine is busy
                    (content / "late/er/new.md").write_text("noticed")
        finally:
            process.kill()


def test_polling_sees_every_change(site: Path) -> None:
    """With --poll, changes are found by looking; the watcher starts no threads."""
    watcher = Watcher(0.01)
    try:
        assert changed(watcher, site, lambda: (site / "content/a.md").write_text("new text")) == {"site/content/a.md"}
        assert changed(watcher, site, (site / "digest.toml").unlink) == {"site/digest.toml"}
        new = changed(watcher, site, lambda: shutil.copytree(site / "content", site / "templates/2024"))
        assert new == {"site/templates/2024/a.md", "site/templates/2024/2024/b.md"}
        assert not watcher.trouble
    finally:
        watcher.close()


LIMITED = """
import sys, time
from pathlib import Path
site, limit, value, package = sys.argv[1:]
Path("/proc/sys/user", limit).write_text(value)
sys.path.insert(0, package)
from digest import watch
from digest.ground import Targets
watch.INTERVAL = 0.05
watcher = watch.Watcher()
watcher.watch(Targets(Path(site), (Path(site, "content"),), ()))
print(watcher.trouble)
Path(site, "content/40/a.md").write_text("new")
print(watcher.wait(time.time() + 30))
"""


@pytest.mark.parametrize(("limit", "value", "setting"), [
    ("max_inotify_watches", "20", "fs.inotify.max_user_watches"),
    ("max_inotify_instances", "0", "fs.inotify.max_user_instances"),
])  # fmt: skip
def test_an_exhausted_system_is_said_and_polled(tmp_path: Path, limit: str, value: str, setting: str) -> None:
    """When the system cannot watch all folders, the remedy is named and changes are found by looking."""
    enter = ["unshare", "--user", "--map-root-user"]
    if not shutil.which("unshare") or subprocess.run([*enter, "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs user namespaces, in which a limit can be set")
    site = write(tmp_path, {f"content/{number}/a.md": "one" for number in range(50)})
    command = [*enter, sys.executable, "-c", LIMITED, str(site), limit, value, PACKAGE]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert f"(raise it: sudo sysctl {setting}=" in said
    assert "content/40/a.md" in said


def test_a_moment_ends_the_waiting(site: Path, watcher: Watcher) -> None:
    """Waiting ends at the moment that is given, with no changes; and at once when the watcher is closed."""
    watcher.watch(targets(site))
    assert watcher.wait(time.time()) == frozenset()
    watcher.close()
    assert watcher.wait() is None


def test_remedies_name_the_right_limit() -> None:
    """Each of the system's limits has its own remedy; any other failure is told as it is."""
    assert "max_user_watches" in watch._explain(OSError(errno.ENOSPC, "")).hint
    assert "max_user_instances" in watch._explain(OSError(errno.EMFILE, "")).hint
    assert "No such device" in watch._explain(OSError(errno.ENODEV, "No such device")).message
