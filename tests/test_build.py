"""What a build publishes, what it leaves alone, and what survives when it fails."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from datetime import date, timedelta
from errno import ENOSPC
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sites import AS_OF, SETTINGS, article, make, options, page, tree, write

from digest import pipeline, program, publish, work
from digest.build import Report, build
from digest.config import Markdown
from digest.errors import ContentError, DigestError
from digest.library import Library
from digest.locks import turn
from digest.site import Site
from digest.standing import RECORD, Standing, owned, states
from digest.store import Busy, Store
from digest.tickers import Registry
from digest.workers import Early

LOCKS = Path("/proc/locks")


def reasons(report: Report) -> dict[str, str]:
    return dict(report.reasons)


def test_second_build_does_nothing(tmp_path: Path) -> None:
    """A second build renders nothing and writes nothing, and says as much."""
    write(tmp_path, {"content/a.md": article(tickers="[TSLA]", body="$TSLA"), "content/x.png": b"x"})
    first = make(tmp_path)
    states = {path: path.stat().st_mtime_ns for path in (tmp_path / "output").rglob("*")}
    second = make(tmp_path)
    assert first.written
    assert (second.written, second.reasons, second.removed, second.parsed) == ((), (), (), 0)
    assert second.unchanged == len(first.written)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "output").rglob("*")} == states


def test_body_edit_renders_no_index(tmp_path: Path) -> None:
    """A body's edit renders that article and the feeds that carry it, and no index."""
    text = "First paragraph $TSLA.\n\nSecond."
    fields = {"tickers": "[TSLA]", "tags": "[cars]", "source": "Reuters"}
    write(tmp_path, {"content/a.md": article(body=text, **fields), "content/b.md": article("B", **fields)})
    make(tmp_path)
    write(tmp_path, {"content/a.md": article(body=text + " Third.", **fields)})
    report = make(tmp_path)
    assert set(reasons(report).values()) == {"content"}
    assert set(report.written) == {
        "2024/05/17/a/index.html", "feed.xml", "atom.xml", "feed.json", "tickers/tsla/feed.xml", "tags/cars/feed.xml",
        "sources/reuters/feed.xml",
    }  # fmt: skip


def archive(folder: Path, size: int) -> None:
    """A site of so many articles, three a day."""
    first = date(2022, 1, 1)
    files = {}
    for number in range(size):
        day = first + timedelta(days=number // 3)
        tickers = f"[T{chr(65 + number % 20)}, U{chr(65 + number % 7)}]"
        text = article(f"Story {number}", day.isoformat(), tickers=tickers, tags=f"[tag{number % 5}]", source=f"S{number % 9}")
        files[f"content/{day}-story-{number}.md"] = text
    write(folder, files)


@pytest.mark.parametrize("size", [300, 2000])
def test_addition_is_small(tmp_path: Path, size: int) -> None:
    """An added article changes its own pages and those it appears on, as many in a large archive as in a small one."""
    archive(tmp_path, size)
    make(tmp_path, jobs=2)
    before = tree(tmp_path / "output")
    new = article("New", "2022-02-10T12:00", tickers="[TA, UB]", tags="[tag1]", source="S1")
    write(tmp_path, {"content/2022-02-10-new.md": new})
    report = make(tmp_path)
    after = tree(tmp_path / "output")
    changed = {path for path in after if before.get(path) != after[path]}
    groups = ("tickers/ta", "tickers/ub", "tags/tag1", "sources/s1")
    # the page and its two neighbours; the edition (its neighbours stay); month, year, archive and home; one sitemap
    most = {"2022/02/10/new/", "2022/02/10/", "2022/02/", "2022/", "archive/", "tickers/", "tags/", "sources/"}
    most |= {f"{group}/" for group in groups} | {f"{group}/2022-02/" for group in groups}
    allowed = {f"{path}index.html" for path in most} | {f"{group}/feed.xml" for group in groups} | {"sitemap-2022-02.xml"}
    allowed |= {"tickers/ta/index.json", "tickers/ub/index.json", "tickers/index.json"}
    neighbours = {path for path in changed - allowed if path.startswith("2022/02/") and path.count("/") == 4}
    assert len(neighbours) == 2
    assert changed - neighbours <= allowed | {"index.html", "feed.xml", "atom.xml", "feed.json"}
    assert set(report.written) == changed
    assert len(changed) <= 30


def test_deletion_leaves_nothing(tmp_path: Path) -> None:
    """What is deleted is gone from the output, with the folders that it leaves empty."""
    write(tmp_path, {"content/a.md": article(), "content/b.md": article("B", "2021-01-01", tickers="[TSLA]")})
    make(tmp_path)
    (tmp_path / "content/b.md").unlink()
    report = make(tmp_path)
    assert "2021/01/01/b/index.html" in report.removed
    assert not (tmp_path / "output/2021").exists()
    assert not (tmp_path / "output/tickers").exists()


def test_deletion_without_a_cache(tmp_path: Path) -> None:
    """What lives is decided by the plan: a lost cache does not leave pages behind."""
    write(tmp_path, {"content/a.md": article(), "content/b.md": article("B", "2021-01-01")})
    make(tmp_path)
    (tmp_path / "content/b.md").unlink()
    report = make(tmp_path, cache=tmp_path / "elsewhere/cache.db")
    assert "2021/01/01/b/index.html" in report.removed
    assert not (tmp_path / "output/2021").exists()


@pytest.mark.parametrize("change", ["new", "content", "template", "settings", "output", "program"])
def test_every_rebuild_says_why(tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rendered page comes with the reason for it."""
    write(tmp_path, {"content/a.md": article(tickers="[TSLA]", body="$TSLA")})
    make(tmp_path)
    path = "2024/05/17/a/index.html"
    if change == "new":
        write(tmp_path, {"content/b.md": article("B")})
        path = "2024/05/17/b/index.html"
    elif change == "content":
        write(tmp_path, {"content/a.md": article(tickers="[TSLA]", body="$TSLA up")})
    elif change == "template":
        write(tmp_path, {"templates/article.html": '{% extends "theme/article.html" %}'})
    elif change == "settings":
        write(tmp_path, {"digest.toml": SETTINGS + 'notice = "Closed"\n'})
    elif change == "output":
        (tmp_path / "output" / path).unlink()
    else:
        monkeypatch.setattr(program, "key", lambda: b"another version")
    report = make(tmp_path)
    assert reasons(report)[path] == change


@pytest.mark.parametrize("metadata", ["lxml-{}.dist-info", "PyYAML-{}.egg-info"])
def test_version_of_a_library_counts(tmp_path: Path, metadata: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of a library that shapes output is another program, however its metadata are kept."""
    monkeypatch.syspath_prepend(tmp_path)
    keys = set()
    for version in ("1", "2"):
        folder = tmp_path / metadata.format(version)
        folder.mkdir()
        program.key.cache_clear()
        keys.add(program.key())
        folder.rmdir()
    program.key.cache_clear()
    assert len(keys) == 2


def test_schedule(tmp_path: Path) -> None:
    """Drafts and what is dated later are left out and counted; time brings the one out, and expiry ends the other."""
    write(
        tmp_path,
        {
            "content/a.md": article(expires="2024-06-10"),
            "content/b.md": article("Later", "2024-06-01T09:00"),
            "content/c.md": article("Draft", draft="true"),
        },
    )
    first = make(tmp_path)
    assert (first.articles, first.skipped.drafts, first.skipped.scheduled, first.skipped.expired) == (1, 1, 1, 0)
    assert not (tmp_path / "output/2024/06/01/b/index.html").exists()
    june = make(tmp_path, as_of=AS_OF + 86400 * 8)
    assert "2024/06/01/b/index.html" in june.written
    july = make(tmp_path, as_of=AS_OF + 86400 * 40)
    assert (july.skipped.expired, july.skipped.scheduled) == (1, 0)
    assert (tmp_path / "output/2024/05/17/a/index.html").exists()
    assert "A story" not in page(tmp_path, "feed.xml")
    assert "A story" not in page(tmp_path, "index.html")
    shown = make(tmp_path, drafts=True)
    assert "2024/05/17/c/index.html" in shown.written


def test_endings_in_upper_case(tmp_path: Path) -> None:
    """An article is one however its ending is written, at the same address, and a draft is none the less."""
    write(
        tmp_path,
        {
            "content/STORY.MD": article(body="[a part](more.Markdown#part)"),
            "content/more.Markdown": article("More", body="# Part"),
            "content/draft.MD": article("Draft", draft="true"),
            "content/pages/ABOUT.MD": "---\ntitle: About\n---\nUs.\n",
        },
    )
    report = make(tmp_path)
    assert (report.articles, report.skipped.drafts) == (2, 1)
    assert 'href="/news/2024/05/17/more/#at:part"' in page(tmp_path, "2024/05/17/story/index.html")
    assert (tmp_path / "output/about/index.html").exists()
    assert not (tmp_path / "output/media").exists()


def test_base_path_is_on_every_link(tmp_path: Path) -> None:
    """Below a sub-path every link of every page carries it."""
    write(
        tmp_path,
        {
            "content/a.md": article(
                tickers="[TSLA]", tags="[cars]", source="Reuters", aliases="[/old/]", body="$TSLA [b](b.md) ![x](x.png)"
            ),
            "content/b.md": article("B"),
            "content/x.png": b"x",
            "content/pages/about.md": article("About"),
        },
    )
    make(tmp_path)
    import re

    for path, data in tree(tmp_path / "output").items():
        if path.endswith(".html"):
            for link in re.findall(rb'(?:href|src|content)="(/[^"]*)"', data):
                assert link.startswith(b"/news/"), (path, link)


def test_alias_redirects(tmp_path: Path) -> None:
    """An old address leads to the article, or to the standing page."""
    about = "---\ntitle: About\naliases: /us/\n---\n"
    files = {"content/a.md": article(aliases="[/2019/old.html, /very/old/]"), "content/pages/about.md": about}
    make(write(tmp_path, files))
    for path in ("2019/old.html", "very/old/index.html"):
        assert "/news/2024/05/17/a/" in page(tmp_path, path)
    assert "/news/about/" in page(tmp_path, "us/index.html")


def test_jobs_make_no_difference(tmp_path: Path) -> None:
    """One process or several, the bytes are the same."""
    archive(tmp_path, 500)
    make(tmp_path, jobs=1, output=tmp_path / "one", cache=None)
    make(tmp_path, jobs=3, output=tmp_path / "three", cache=None)
    assert tree(tmp_path / "one") == tree(tmp_path / "three")


@pytest.mark.parametrize("method", ["fork", "early", "spawn"])
def test_start_methods_make_no_difference(tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers may be forked, even before it is known what they are to do, or spawned."""
    if method != "spawn" and sys.platform != "linux":
        pytest.skip("only Linux forks")
    monkeypatch.setattr(pipeline, "POOL_FROM", 1)
    monkeypatch.setattr("digest.library.POOL_FROM", 1)
    monkeypatch.setattr("digest.aside.can_fork", lambda: method != "spawn")
    archive(tmp_path, 30)
    asked = options(tmp_path, jobs=2, output=tmp_path / "pool", cache=None)
    with Early(partial(work.load_parser, Markdown())) if method == "early" else nullcontext() as early:
        build(asked, early=early)
    make(tmp_path, jobs=1, output=tmp_path / "inline", cache=None)
    assert tree(tmp_path / "pool") == tree(tmp_path / "inline")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")
def test_a_process_aside_makes_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small build may have part of its work done by one other process."""
    monkeypatch.setattr("digest.aside.can_fork", lambda: True)
    forks = []
    monkeypatch.setattr("os.fork", lambda fork=os.fork: forks.append(1) or fork())
    archive(tmp_path, 30)
    make(tmp_path)
    write(tmp_path, {"content/new.md": article("New", tickers="[TSLA]")})
    make(tmp_path, jobs=2)
    assert len(forks) == 2  # to parse, and to render
    make(tmp_path, jobs=1, output=tmp_path / "inline", cache=None)
    assert len(forks) == 2
    assert tree(tmp_path / "output") == tree(tmp_path / "inline")


def test_what_is_linked_is_published_first(tmp_path: Path) -> None:
    """While files are moved in, no page leads to one that is still to come: pictures, articles, lists, feeds."""
    write(tmp_path, {"content/a.md": article()})
    make(tmp_path)
    write(tmp_path, {"content/x.png": b"x", "content/b.md": article("B", body="$TSLA ![x](x.png)", tickers="[TSLA]")})
    written = make(tmp_path).written
    paths = ("media/x.png", "2024/05/17/b/index.html", "tickers/tsla/index.html", "tickers/index.html", "index.html", "feed.xml")
    assert sorted(paths, key=written.index) == list(paths)


def test_killed_build_heals(tmp_path: Path) -> None:
    """A build that is killed between two renames leaves whole files; the next one finishes its work, and tells of all."""
    write(tmp_path, {f"content/a{number}.md": article(f"Story {number}") for number in range(8)})
    make(tmp_path)
    write(tmp_path, {f"content/a{number}.md": article(f"Changed {number}", tickers="[TSLA]") for number in range(4)})
    (tmp_path / "content/a7.md").unlink()
    script = f"""
import os, sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parent.parent)]!r}
from pathlib import Path
from typing import Any
from digest import publish
from sites import make
moved, move = 0, publish._move
def until(*arguments):
    global moved
    moved += 1
    if moved == 9:
        os._exit(9)
    move(*arguments)
publish._move = until
make(Path({str(tmp_path)!r}))
"""
    before = tree(tmp_path / "output")
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    left = {path for path in tree(tmp_path / "output") if not path.startswith(publish.STAGE)}
    assert left <= set(owned(tmp_path / "output"))
    report = make(tmp_path)
    after = tree(tmp_path / "output")
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert {*report.written, *report.healed, *report.removed} == changed
    assert not set(report.written) & set(report.healed)
    assert report.healed
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")
    assert not (tmp_path / "output" / publish.STAGE).exists()


def test_failed_build_harms_nothing(tmp_path: Path) -> None:
    """A template that fails on one page of many leaves the output as it was, and no staging behind."""
    write(tmp_path, {f"content/a{number}.md": article(f"Story {number}") for number in range(5)})
    make(tmp_path)
    before = tree(tmp_path / "output")
    broken = '{% if card.title == "Story 3" %}{{ no.thing }}{% endif %}'
    write(tmp_path, {"templates/article.html": broken})
    with pytest.raises(ContentError, match=r"templates/article.html:1"):
        make(tmp_path)
    assert tree(tmp_path / "output") == before
    assert not (tmp_path / "output" / publish.STAGE).exists()
    (tmp_path / "templates/article.html").unlink()
    assert make(tmp_path).written == ()


def test_record_lists_what_is_ours(tmp_path: Path) -> None:
    """The output's own list names every file that digest wrote, and nothing else."""
    write(tmp_path, {"content/a.md": article(), "output/CNAME": "x"})
    make(tmp_path)
    listed = (tmp_path / "output" / RECORD).read_text("utf-8").splitlines()
    assert listed == sorted(set(tree(tmp_path / "output")) - {"CNAME"})


@pytest.mark.parametrize("path", ["../precious.txt", "2024/../../precious.txt", "{}/precious.txt"])
def test_record_cannot_lead_outside(tmp_path: Path, path: str) -> None:
    """A forged list of files never makes digest remove something outside the output."""
    write(tmp_path, {"content/a.md": article(), "precious.txt": "x", "output/CNAME": "x"})
    make(tmp_path)
    with (tmp_path / "output" / RECORD).open("a") as file:
        file.write(f"{path.format(tmp_path)}\n")
    make(tmp_path)
    assert (tmp_path / "precious.txt").exists()


def test_a_page_that_somebody_removed_leaves_no_folder(tmp_path: Path) -> None:
    """What is not planned any more goes with its folders, also where its file is gone already."""
    write(tmp_path, {"content/a.md": article(), "content/b.md": article("B", date="2024-04-01")})
    make(tmp_path)
    for path in ("content/b.md", "output/2024/04/01/b/index.html"):
        (tmp_path / path).unlink()
    make(tmp_path)
    assert not (tmp_path / "output/2024/04").exists()


def test_media_changed_while_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not any more what was planned is no part of the site: the build says so, and the next one is right."""
    write(tmp_path, {"content/a.md": article(), "content/a.bin": "old"})
    copy = shutil.copyfile

    def late(source: str, to: str) -> str:
        write(tmp_path, {"content/a.bin": "new"})
        return copy(source, to)

    monkeypatch.setattr(shutil, "copyfile", late)
    with pytest.raises(ContentError, match=r"content/a\.bin: error: it was written to while the site was built \(build again\)"):
        make(tmp_path, jobs=1)
    write(tmp_path, {"content/a.bin": "old"})
    monkeypatch.undo()
    make(tmp_path)
    assert page(tmp_path, "media/a.bin") == "old"


def test_record_in_another_order(tmp_path: Path) -> None:
    """A list that some tool has put into another order tells as well what is digest's."""
    write(tmp_path, {"content/a.md": article(), "content/b.md": article("B")})
    make(tmp_path)
    listed = tmp_path / "output" / RECORD
    lines = listed.read_text().splitlines(keepends=True)
    listed.write_text("".join(reversed(lines)))
    write(tmp_path, {"content/a.md": article("Other")})
    make(tmp_path)
    assert "Other" in page(tmp_path, "2024/05/17/a/index.html")
    assert listed.read_text() == "".join(lines)


@pytest.mark.parametrize("before", ["/old.html", "/old.html/x/", "/old.html/x/y/"])
@pytest.mark.parametrize("after", ["/old.html", "/old.html/x/", "/old.html/x/y/"])
def test_own_files_make_room(tmp_path: Path, before: str, after: str) -> None:
    """A page of ours that goes leaves its place to another one's folder, and the other way round."""
    write(tmp_path, {"content/a.md": article(aliases=f"[{before}]")})
    make(tmp_path)
    write(tmp_path, {"content/a.md": article(aliases=f"[{after}]")})
    make(tmp_path)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")


def test_differences_of_outputs(tmp_path: Path) -> None:
    """What was lost, left over or spoiled is told of two outputs, and nothing that is not on their lists."""
    here = {"same": "1", "spoiled": "1", "over": "1", "theirs": "1", RECORD: "lost\nover\nsame\nspoiled\n"}
    there = {"same": "1", "spoiled": "2", "lost": "1", "new": "1", RECORD: "lost\nnew\nsame\nspoiled\n"}
    write(
        tmp_path,
        {f"{folder}/{path}": text for folder, files in zip("ab", (here, there), strict=True) for path, text in files.items()},
    )
    assert publish.differences(tmp_path / "a", tmp_path / "b") == [
        ("lost", "different"), ("new", "missing"), ("over", "superfluous"), ("spoiled", "different"),
    ]  # fmt: skip


@pytest.mark.parametrize("left", ["", "half"])
def test_lost_list_is_written_again(tmp_path: Path, left: str) -> None:
    """Whose the files are is known from the cache as well; the list is mended though nothing else is to be done."""
    write(tmp_path, {"content/a.md": article()})
    make(tmp_path)
    listed = tmp_path / "output" / RECORD
    whole = listed.read_text()
    listed.write_text(whole[: whole.index("\n", len(whole) // 2) + 1]) if left else listed.unlink()
    report = make(tmp_path)
    assert not report.written
    assert listed.read_text() == whole
    assert publish.clean(tmp_path / "output") == whole.count("\n")


def loaded(*arguments: str) -> set[str]:
    """The modules that a command loads."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    script = "import sys; from digest.cli import main; main(sys.argv[1:], standalone_mode=False); print(*sys.modules)"
    command = [sys.executable, "-c", script, *arguments]
    return set(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split())


def test_unchanged_build_is_lean(tmp_path: Path) -> None:
    """An unchanged build loads neither Jinja, Markdown, lxml, feedgen nor YAML, and `--version` less still."""
    write(tmp_path, {"content/a.md": article()})
    for path in tmp_path.rglob("*"):
        os.utime(path, (1, 1))
    loaded("build", "-q", "-s", str(tmp_path), "--as-of", "2024-05-25")
    wait_for_clock(tmp_path)
    loaded("build", "-q", "-s", str(tmp_path), "--as-of", "2024-05-25")
    heavy = {"jinja2", "markdown", "lxml", "feedgen", "yaml", "nh3", "watchdog", "concurrent"}
    assert not heavy & loaded("build", "-q", "-s", str(tmp_path), "--as-of", "2024-05-25")
    assert not (heavy | {"msgspec", "sqlite3"}) & loaded("--version")


def test_rules_for_code_are_loaded_where_there_is_any(tmp_path: Path) -> None:
    """They come with Pygments, where that is installed, which takes longer to load than Markdown itself."""
    build = "build", "-q", "-s", str(tmp_path), "-j", "1"
    write(tmp_path, {"content/a.md": article(body="Some `code`.\n\n~~gone~~\n")})
    assert not {"markdown.extensions.codehilite", "pygments"} & loaded(*build)
    write(tmp_path, {"content/b.md": article(body="Some code:\n\n~~~\nx = 1\n~~~\n")})
    assert "markdown.extensions.codehilite" in loaded(*build)
    assert "<pre><code>x = 1\n</code></pre>" in page(tmp_path, "2024/05/17/b/index.html")


def wait_for_clock(folder: Path) -> None:
    """Return when a write to a file would show in its times, by writing to another one until it does."""
    probe = folder / "probe"
    probe.touch()
    first = probe.stat().st_mtime_ns
    while probe.stat().st_mtime_ns < first + 30_000_000:
        probe.touch()
    probe.unlink()


def test_same_bytes_in_any_environment(tmp_path: Path) -> None:
    """Neither locale, time zone nor hash seed of the machine shows in the output."""
    archive(tmp_path, 20)
    for number, extra in enumerate(
        ({"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}, {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "77"})
    ):
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **extra}
        command = [
            sys.executable,
            "-m",
            "digest",
            "build",
            "-q",
            "-s",
            str(tmp_path),
            "-o",
            str(tmp_path / f"o{number}"),
            "--force",
        ]
        subprocess.run(command, env=environment, check=True)
    assert tree(tmp_path / "o0") == tree(tmp_path / "o1")


def test_symlinked_content(tmp_path: Path) -> None:
    """Content behind a symbolic link is read, and a link that leads back to its own folder ends."""
    write(tmp_path, {"real/a.md": article()})
    (tmp_path / "content").symlink_to(tmp_path / "real")
    (tmp_path / "real/loop").symlink_to(tmp_path / "real")
    assert make(tmp_path).articles == 1


def test_output_behind_a_link(tmp_path: Path) -> None:
    """The output folder itself may be a link; what it leads to is written, mended and cleaned like any other."""
    write(tmp_path, {"content/a.md": article(), "content/b.md": article("B", "2021-01-01"), "real/theirs": ""})
    (tmp_path / "output").symlink_to("real")
    make(tmp_path)
    (tmp_path / "content/b.md").unlink()
    write(tmp_path, {"content/c.md": article("C", "2022-01-01")})
    make(tmp_path)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "real") == {**tree(tmp_path / "clean"), "theirs": b""}
    assert publish.clean(tmp_path / "output") > 0
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["theirs"]


def test_racy_edit_is_seen(tmp_path: Path) -> None:
    """An edit that keeps size and times, made right after a build, is seen all the same."""
    write(tmp_path, {"content/a.md": article(body="One two.")})
    file = tmp_path / "content/a.md"
    state = file.stat()
    make(tmp_path)
    file.write_text(article(body="Two one."), "utf-8")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    make(tmp_path)
    assert "Two one." in page(tmp_path, "2024/05/17/a/index.html")


def test_options_helper_reads_settings(tmp_path: Path) -> None:
    """The output folder is the settings' own."""
    write(tmp_path, {"digest.toml": 'output = "public"\n', "content/a.md": article()})
    make(tmp_path)
    assert options(tmp_path).output == tmp_path / "public"
    assert (tmp_path / "public/index.html").exists()


@pytest.mark.parametrize(
    ("settings", "damaged"),
    [
        ("another program's", "parsed SET head"),
        ("ours", "parsed SET head"),
        ("ours", "sources SET rows"),
        ("ours", "entries SET entries"),
    ],
)
def test_cache_of_another_shape(tmp_path: Path, settings: str, damaged: str) -> None:
    """A cache that cannot be read, because another version wrote it or because it is damaged, is a miss and no error."""
    write(tmp_path, {"content/a.md": article()})
    make(tmp_path)
    with closing(sqlite3.connect(tmp_path / ".digest/cache.db", isolation_level=None)) as connection:
        connection.execute(f"UPDATE {damaged} = ?", (b"\x92\x01\x02",))
    if settings != "ours":
        store = Store(tmp_path / ".digest/cache.db")
        with store.transaction():
            for number, state in store.states().items():
                rows = store.source_rows(number, state)
                store.put_sources({path: replace(row, settings=b"older") for path, row in rows.items()})
        store.close()
    write(tmp_path, {"content/b.md": article("B")})
    make(tmp_path)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")


def test_cache_that_has_lost_entries(tmp_path: Path) -> None:
    """Articles that the cache has forgotten half of are parsed again, and not left out."""
    write(tmp_path, {"content/a.md": article(), "content/b.md": article("Older", "2024-03-01")})
    make(tmp_path)
    make(tmp_path)
    with closing(sqlite3.connect(tmp_path / ".digest/cache.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM entries WHERE month = '2024-03'")
    write(tmp_path, {"content/c.md": article("New")})
    make(tmp_path)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")


@pytest.mark.parametrize("table", ["entries", "sections", "registry", "bodies", "parsed"])
def test_cache_without_a_table(tmp_path: Path, table: str) -> None:
    """What cannot be read when half of the rest has been is no reason to leave anything out, or to leave anything standing."""
    registry = {"content/tickers.yaml": "NVDA:\n  name: Nvidia\n"}
    write(tmp_path, {**registry, **{f"content/{name}.md": article(name, tickers="[NVDA]") for name in "abc"}})
    make(tmp_path)
    make(tmp_path)
    with closing(sqlite3.connect(tmp_path / ".digest/cache.db", isolation_level=None)) as connection:
        connection.execute(f"DROP TABLE {table}")
    (tmp_path / "content/c.md").unlink()
    write(tmp_path, {"content/x.png": b"x"})
    make(tmp_path)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")


def test_new_terms_beside_another_builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that is brought to new terms does not take the place of another version that was put in meanwhile."""
    write(tmp_path, {f"content/{name}.md": article(name, "2024-04-17", tickers="[NVDA]") for name in "ab"})
    make(tmp_path)
    make(tmp_path)
    write(tmp_path, {"content/tickers.yaml": "TSLA:\n  name: Tesla\n"})
    catalogue = Library._catalogue

    def overtaken(self: Library, *arguments: Any) -> Any:
        found = list(catalogue(self, *arguments))
        monkeypatch.undo()
        write(tmp_path, {"content/b.md": article("b, again", "2024-05-17", tickers="[NVDA]")})
        make(tmp_path, output=tmp_path / "other")
        make(tmp_path, output=tmp_path / "other")
        return found

    monkeypatch.setattr(Library, "_catalogue", overtaken)
    make(tmp_path)
    make(tmp_path)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")


def test_states_and_entries_are_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that reads half of what it knows before another one writes, and half behind it, begins again."""
    write(tmp_path, {"content/a.md": article(date="2024-05-17 23:30")})
    make(tmp_path)
    make(tmp_path)
    entries = Store.entries

    def overtaken(self: Store) -> Any:
        monkeypatch.undo()
        write(tmp_path, {"digest.toml": SETTINGS.replace("America/New_York", "Asia/Tokyo")})
        make(tmp_path, output=tmp_path / "other")
        write(tmp_path, {"digest.toml": SETTINGS})
        return entries(self)

    write(tmp_path, {"content/x.png": b"x"})
    monkeypatch.setattr(Store, "entries", overtaken)
    make(tmp_path)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")


def test_kept_build_that_fails_before_it_parses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kept library has seen go is gone in the next build, though this one came to nothing."""
    write(tmp_path, {f"content/{name}.md": article(name, tickers="[NVDA]") for name in "ab"})
    library = Library(Store(tmp_path / ".digest/cache.db"))
    make(tmp_path, library)
    make(tmp_path, library)
    (tmp_path / "content/b.md").unlink()
    write(tmp_path, {"content/tickers.yaml": "NVDA:\n  name: Nvidia\n"})

    def busy(*_: object) -> None:
        raise Busy.because("locked")

    monkeypatch.setattr(Store, "put_registry", busy)
    with pytest.raises(Busy):
        make(tmp_path, library)
    monkeypatch.undo()
    make(tmp_path, library)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")


def test_watcher_may_name_what_is_no_text(tmp_path: Path) -> None:
    """A file whose name is no UTF-8, and that is gone already, is nothing to a build."""
    write(tmp_path, {"content/a.md": article()})
    library = Library(Store(tmp_path / ".digest/cache.db"), tmp_path / "output")
    make(tmp_path, library)
    write(tmp_path, {"content/a.md": article("Edited")})
    library.expect(["x\udcff.md", "a.md"])
    make(tmp_path, library)
    assert "Edited" in page(tmp_path, "2024/05/17/a/index.html")


def test_cache_of_another_version_is_not_believed(tmp_path: Path) -> None:
    """What another version of digest kept is not looked at, however well it can be read."""
    write(tmp_path, {"content/a.md": article()})
    make(tmp_path)
    with closing(sqlite3.connect(tmp_path / ".digest/cache.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 1")
    assert make(tmp_path).parsed == 1
    assert make(tmp_path).parsed == 0


def test_cache_forgets_what_is_gone(tmp_path: Path) -> None:
    """A cache that has seen a site change holds no more than one that knows it as it is now."""
    write(tmp_path, {"content/a.md": article(), "content/tickers.yaml": "TSLA: Tesla\n"})
    write(tmp_path, {"content/b.md": article("B", tickers="[TSLA]", body="TSLA"), "content/x.png": b"x"})
    make(tmp_path)
    for name in ("b.md", "x.png"):
        (tmp_path / "content" / name).unlink()
    write(tmp_path, {"content/tickers.yaml": "TSLA: Tesla, Inc.\n"})
    make(tmp_path)
    make(tmp_path, output=tmp_path / "clean", cache=tmp_path / "clean.db")

    def held(cache: Path) -> dict[str, int]:
        with closing(sqlite3.connect(cache)) as connection:
            tables = ("parsed", "bodies", "registry", "pages", "sections", "builds")
            return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}

    assert held(tmp_path / ".digest/cache.db") == held(tmp_path / "clean.db")


def test_site_is_built_where_no_cache_can_be_kept(tmp_path: Path) -> None:
    """Where the cache's folder cannot be made, every build is a first one, and right."""
    write(tmp_path, {"content/a.md": article(), ".digest": "a file"})
    assert make(tmp_path).written
    write(tmp_path, {"content/a.md": article("Other")})
    make(tmp_path)
    assert "Other" in page(tmp_path, "2024/05/17/a/index.html")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_temporary_caches_go_with_their_build(tmp_path: Path, jobs: str) -> None:
    """A build beside a clean one leaves nothing in the folder for temporary files."""
    archive(tmp_path, 60)
    (tmp_path / "temporary").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "TMPDIR": str(tmp_path / "temporary")}
    command = [sys.executable, "-m", "digest", "build", "--verify", "-q", "-j", jobs]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_cache_for_which_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is too full for a cache, the site is built with a temporary one, and right."""
    cache, open_ = tmp_path / ".digest/cache.db", Store._open

    def cramped(store: Store) -> None:
        open_(store)
        if store.path == cache:
            store._connection.execute("PRAGMA max_page_count = 20")  # SQLite then says what it says of a full disk

    monkeypatch.setattr(Store, "_open", cramped)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    write(tmp_path, {f"content/a{number}.md": article(body="Some text. " * 500) for number in range(20)})
    make(tmp_path)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")
    assert list(tmp_path.glob("digest-*")) == []


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM bodies",
        "UPDATE bodies SET html = CAST('<p>A lie.</p>' AS BLOB)",
        r"UPDATE sources SET rows = CAST(replace(CAST(rows AS TEXT), 'Reuters', x'ff' || 'euters') AS BLOB)",
        "UPDATE parsed SET head = CAST(replace(CAST(head AS TEXT), 'Reuters', x'ff' || 'euters') AS BLOB)",
        "UPDATE sections SET paths = replace(paths, 'tickers/tsla/', 'zickers/tsla/')",
    ],
)
def test_damaged_cache_heals(tmp_path: Path, damage: str) -> None:
    """A cache that lost something, or holds something else, begins anew."""
    write(tmp_path, {"content/a.md": article(body="TSLA.", tickers="TSLA"), "content/b.md": article("B", source="Reuters")})
    make(tmp_path)
    with closing(sqlite3.connect(tmp_path / ".digest/cache.db", isolation_level=None)) as connection:
        connection.text_factory = bytes
        connection.execute(damage)
    write(tmp_path, {"content/a.md": article(), "templates/article.html": '{% extends "theme/article.html" %}{# mine #}'})
    make(tmp_path)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")


def test_outputs_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    """The cache keeps nothing of an output folder that was removed, and all of one that stands."""
    write(tmp_path, {"content/a.md": article()})
    for name in ("one", "two"):
        make(tmp_path, output=tmp_path / name)
    shutil.rmtree(tmp_path / "one")
    make(tmp_path)
    with closing(sqlite3.connect(tmp_path / ".digest/cache.db")) as connection:
        for table in ("pages", "sections", "builds"):
            kept = {Path(output).name for (output,) in connection.execute(f"SELECT DISTINCT output FROM {table}")}
            assert kept == {"output", "two"}


def test_two_builders_share_a_cache(tmp_path: Path) -> None:
    """A preview that keeps its library and a build beside it, on one cache file, both publish what is there."""
    write(tmp_path, {"content/a.md": article(body="One.")})
    library = Library(Store(tmp_path / ".digest/cache.db"))
    preview = {"output": tmp_path / ".digest/preview", "library": library}
    make(tmp_path, **preview)
    for text in ("Two.", "Three."):
        write(tmp_path, {"content/a.md": article(body=text), "content/b.md": article("B")})
        make(tmp_path)
        make(tmp_path, **preview)
        assert text in page(tmp_path, "2024/05/17/a/index.html")
        assert tree(tmp_path / "output") == tree(tmp_path / ".digest/preview")


def test_builds_of_one_output_take_turns(tmp_path: Path) -> None:
    """Builds that are started at the same moment all succeed, and leave what one of them would have left."""
    archive(tmp_path, 60)
    command = [sys.executable, "-m", "digest", "build", "-q", "-s", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    for _ in range(2):
        started = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(4)]
        for process in started:
            assert (process.communicate()[1], process.returncode) == (b"", 0)
        (tmp_path / "content/2022-01-01-story-0.md").write_text(article("Another title"), "utf-8")
    make(tmp_path, as_of=int(time.time()))
    make(tmp_path, output=tmp_path / "clean", cache=None, as_of=int(time.time()))
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")


def test_turns_outlive_their_file(tmp_path: Path) -> None:
    """Only one at a time has its turn, also when whoever had it last removes the file that is locked, as `clean` does."""
    inside: list[None] = []
    met = []

    def work() -> None:
        for _ in range(100):
            with turn(tmp_path / "a.lock"):
                inside.append(None)
                met.append(len(inside))
                inside.pop()
                (tmp_path / "a.lock").unlink()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == [1] * 400


@pytest.mark.skipif(not LOCKS.is_file(), reason="only Linux tells who waits for a lock")
def test_cleaning_waits_for_its_turn(tmp_path: Path) -> None:
    """`clean` lets a build of the same output end before it takes the files, the cache and the lock away."""
    make(write(tmp_path, {"content/a.md": article()}))
    before = tree(tmp_path / "output")
    (lock,) = (tmp_path / ".digest").glob("*.lock")
    command = [sys.executable, "-m", "digest", "clean", "-s", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with turn(lock):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        waits = re.compile(rf"-> FLOCK .* {process.pid} ").search
        while process.poll() is None and not waits(LOCKS.read_text()):
            pass
        assert tree(tmp_path / "output") == before
    assert process.wait() == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["content", "digest.toml"]


def test_killed_build_holds_nobody_up(tmp_path: Path) -> None:
    """Workers leave with a build that is killed, and the next build does not wait for them."""
    archive(tmp_path, 400)
    script = f"""
import os
from digest import work
from sites import make
from pathlib import Path
from typing import Any
work.Worker._parse = lambda *_: os.kill(os.getppid(), 9) or __import__("time").sleep(60)
make(Path({str(tmp_path)!r}), jobs=2)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", script], env=environment, check=False, stdin=subprocess.DEVNULL)
    assert killed.returncode == -9
    command = [sys.executable, "-m", "digest", "build", "-q", "-s", str(tmp_path)]
    assert subprocess.run(command, env=environment, check=False, timeout=100).returncode == 0


def test_library_that_was_torn_is_forgotten(tmp_path: Path) -> None:
    """A build that ends while it takes in what was parsed leaves a kept library no half of it."""
    source = write(tmp_path, {"content/a.md": article("One")}) / "content/a.md"
    library = Library(Store(tmp_path / ".digest/cache.db"))
    make(tmp_path, library=library)

    def torn(*_: object) -> None:
        raise DigestError([])

    source.write_text(article("Two"), "utf-8")
    with pytest.raises(DigestError):
        build(options(tmp_path), library, torn)
    for title in ("One", "Two"):
        source.write_text(article(title), "utf-8")
        make(tmp_path, library=library)
        make(tmp_path, output=tmp_path / "clean", cache=None)
        assert tree(tmp_path / "output") == tree(tmp_path / "clean")


@pytest.mark.parametrize("edited", ["a", "b"])
def test_kept_library_sees_what_another_builder_has_put_in(tmp_path: Path, edited: str) -> None:
    """What a kept library has not read yet may be another build's when it does: then it begins anew."""
    write(tmp_path, {f"content/{name}.md": article(name) for name in "abc"})
    library = Library(Store(tmp_path / ".digest/cache.db"))
    make(tmp_path)
    make(tmp_path)  # now the times of all files are surely past, so that the library need not look into its rows
    write(tmp_path, {"content/c.md": article("c, again")})
    make(tmp_path, library, output=tmp_path / "kept")
    write(tmp_path, {"content/a.md": article("a, again")})
    make(tmp_path)
    make(tmp_path)
    write(tmp_path, {f"content/{edited}.md": article("Once more")})
    make(tmp_path, library, output=tmp_path / "kept")
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "kept") == tree(tmp_path / "clean")


@pytest.mark.parametrize("last", [article("Moved back", "2024-05-10"), article("First edit")])
def test_two_builders_on_one_article(tmp_path: Path, last: str) -> None:
    """What a kept library puts in replaces what another builder has put in since, be it in another month, or of another text."""
    write(tmp_path, {"content/a.md": article(), "content/b.md": article("Other")})
    library = Library(Store(tmp_path / ".digest/cache.db"))
    make(tmp_path, library, output=tmp_path / "kept")
    write(tmp_path, {"content/a.md": article("First edit")})
    make(tmp_path, library, output=tmp_path / "kept")
    write(tmp_path, {"content/a.md": article("Moved", "2024-04-17")})
    make(tmp_path)
    write(tmp_path, {"content/a.md": last})
    make(tmp_path, library, output=tmp_path / "kept")
    make(tmp_path)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "output") == tree(tmp_path / "kept") == tree(tmp_path / "clean")


def test_list_that_changes_while_it_is_looked_at(tmp_path: Path) -> None:
    """Where the list of digest's files is not that of the look any more, each path still has its own state."""
    write(tmp_path, {"a.html": "a", "b.html": "b", RECORD: "a.html\n"})
    standing = Standing.look(tmp_path)
    assert standing.key
    write(tmp_path, {RECORD: "a.html\nb.html\n"})
    assert standing.paths == ["a.html", "b.html"]
    assert [standing.state(path) for path in standing.paths] == list(states(tmp_path, standing.paths))


def test_own_files_survive_a_clean_output(tmp_path: Path) -> None:
    """What is put where digest once wrote is not digest's."""
    write(tmp_path, {"content/a.md": article(), "content/pages/about.md": "---\ntitle: About\n---\nUs.\n"})
    make(tmp_path)
    assert publish.clean(tmp_path / "output") > 0
    (tmp_path / "content/pages/about.md").unlink()
    write(tmp_path, {"output/about/index.html": "mine"})
    make(tmp_path)
    assert page(tmp_path, "about/index.html") == "mine"


def test_forced_build_knows_its_files_without_the_list(tmp_path: Path) -> None:
    """A forced build after the list of digest's files was lost writes over what is known to be digest's."""
    write(tmp_path, {"content/a.md": article()})
    make(tmp_path)
    (tmp_path / "output" / RECORD).unlink()
    write(tmp_path, {"content/a.md": article("Other")})
    make(tmp_path, force=True)
    assert "Other" in page(tmp_path, "2024/05/17/a/index.html")


def test_media_that_cannot_be_copied_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that vanishes between the listing and the copy is an error with its path, not a trace."""
    write(tmp_path, {"content/a.md": article(), "content/x.png": b"x"})
    assemble = pipeline.Pipeline.assemble

    def vanish(self: pipeline.Pipeline, registry: Registry) -> Site:
        (tmp_path / "content/x.png").unlink()
        return assemble(self, registry)

    monkeypatch.setattr(pipeline.Pipeline, "assemble", vanish)
    with pytest.raises(ContentError, match=r"x\.png: error: cannot be copied: no such file"):
        make(tmp_path)


def test_cache_in_use_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache to which another process has been writing for too long is neither read as damaged nor thrown away."""
    monkeypatch.setattr("digest.store.PATIENCE", 0.1)
    write(tmp_path, {"content/a.md": article()})
    make(tmp_path)
    write(tmp_path, {"content/a.md": article("Other")})
    before = (tmp_path / ".digest/cache.db").stat().st_ino
    other = sqlite3.connect(tmp_path / ".digest/cache.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DigestError, match="the cache is in use"):
        make(tmp_path)
    other.close()
    make(tmp_path)
    assert (tmp_path / ".digest/cache.db").stat().st_ino == before
    assert "Other" in page(tmp_path, "2024/05/17/a/index.html")


class Cramped(FileIO):
    """A file on a disk that is full after a few bytes."""

    def write(self, data: Any) -> int:
        if self.tell() >= 5000:
            raise OSError(ENOSPC, "full")
        return super().write(data[: 5000 - self.tell()])


@pytest.mark.parametrize("hindrance", ["little is free", "no file can be made", "it fills up", "it cannot be read"])
def test_what_was_parsed_need_not_be_kept_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hindrance: str) -> None:
    """Where there is no room for what was just parsed, heads and bodies come from the cache: the site is the same."""
    write(tmp_path, {f"content/a{number}.md": article(f"Title {number}", body=f"Text {number}.") for number in range(50)})
    make(tmp_path, output=tmp_path / "roomy", cache=None)
    aside = tmp_path / "aside"
    if hindrance == "little is free":
        monkeypatch.setattr(work.Fresh, "SPARE", 1 << 60)
    elif hindrance == "no file can be made":
        monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: FileIO(tmp_path / "nowhere/aside", "x+"))
    elif hindrance == "it fills up":
        monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Cramped(aside, "w+"))
    else:
        monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: FileIO(aside, "w"))
    make(tmp_path)
    assert tree(tmp_path / "output") == tree(tmp_path / "roomy")
    assert aside.exists() is (hindrance in ("it fills up", "it cannot be read"))


def test_cache_can_be_read_while_another_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build need not wait for another one that is filling the same cache, not even after the very first one."""
    monkeypatch.setattr("digest.store.PATIENCE", 0.1)
    write(tmp_path, {"content/a.md": article()})
    make(tmp_path)
    other = sqlite3.connect(tmp_path / ".digest/cache.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert len(Store(tmp_path / ".digest/cache.db").states()) == 1
    other.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")
def test_killed_worker_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed ends the build with a message, and the output as it was."""
    monkeypatch.setattr(pipeline, "POOL_FROM", 1)
    write(tmp_path, {"content/a.md": article()})
    make(tmp_path)
    before = tree(tmp_path / "output")
    write(tmp_path, {"content/a.md": article("Other")})

    forks: list[int] = []

    def fork(fork: Callable[[], int] = os.fork) -> int:
        forks.append(fork())
        return forks[-1]

    def killed(*_: object) -> tuple[list[Any], dict[Any, Any]]:
        if not forks[-1]:
            os.kill(os.getpid(), 9)
        os.waitid(os.P_PID, forks[-1], os.WEXITED | os.WNOWAIT)
        return [], {}

    monkeypatch.setattr("digest.aside.can_fork", lambda: True)
    monkeypatch.setattr("os.fork", fork)
    monkeypatch.setattr(work.Worker, "_render", killed)
    with pytest.raises(DigestError, match="a process of this build was killed"):
        make(tmp_path, jobs=2)
    assert tree(tmp_path / "output") == before


def test_cache_cut_short_under_a_preview(tmp_path: Path) -> None:
    """A cache file that somebody overwrites while a preview has it open neither kills the process nor spoils the site."""
    write(tmp_path, {f"content/a{number}.md": article(body="Some text. " * 500) for number in range(20)})
    cache = tmp_path / ".digest/cache.db"
    library = Library(Store(cache))
    make(tmp_path, library=library)
    cache.write_bytes(b"not a database")
    write(tmp_path, {"templates/article.html": '{% extends "theme/article.html" %}{# mine #}'})
    make(tmp_path, library=library)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("edited", [False, True])
def test_order_in_the_settings_counts(tmp_path: Path, kept: bool, edited: bool) -> None:
    """Watchlists and the settings of templates are shown in their order, so another order is another site."""
    first, second = '[watchlists.a]\ntickers = ["NVDA"]\n', '[watchlists.b]\ntickers = ["NVDA"]\n'
    shown = "{% for name, value in site.params.items() %}{{ name }}={{ value }} {% endfor %}"
    settings = SETTINGS + "[params]\nx = 1\ny = 2\n"
    write(tmp_path, {"content/a.md": article(), "templates/404.html": shown, "digest.toml": settings + first + second})
    library = Library(Store(tmp_path / ".digest/cache.db"), tmp_path / "output") if kept else None
    make(tmp_path, library)
    swapped = settings.replace("x = 1\ny = 2", "y = 2\nx = 1") + second + first
    write(tmp_path, {"digest.toml": swapped, "content/a.md": article(body="Another text." if edited else "Some text.")})
    make(tmp_path, library)
    make(tmp_path, output=tmp_path / "clean", cache=None)
    assert page(tmp_path, "404.html").startswith("y=2 x=1")
    assert tree(tmp_path / "output") == tree(tmp_path / "clean")


def test_racy_edit_that_nobody_saw(tmp_path: Path) -> None:
    """A file that may have been written in the moment in which it was read is looked at again, whoever says what was saved."""
    write(tmp_path, {"content/a.md": article(), "content/b.md": article("Another")})
    ahead = time.time_ns() + 3_600 * 10**9
    os.utime(tmp_path / "content/a.md", ns=(ahead, ahead))
    library = Library(Store(tmp_path / ".digest/cache.db"), tmp_path / "output")
    make(tmp_path, library)
    write(tmp_path, {"content/a.md": article(body="Other text.")})
    library.expect(["b.md"])
    make(tmp_path, library)
    assert "Other text." in page(tmp_path, "2024/05/17/a/index.html")
