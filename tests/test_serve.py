"""Serving: what is served is what is written, however it was saved, and nobody else's business."""

import contextlib
import gc
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from previews import PATIENCE, Preview
from sites import SETTINGS, article, page, write
from sites import options as made_options

from digest import serve
from digest.errors import SettingsError
from digest.preview import Builder, Outcome, _holds_until

PAGE = "2024/05/17/{}/"


def site(folder: Path, **files: str | bytes) -> Path:
    content = {"content/a.md": article("First", body="Old text."), "content/chart.png": b"\x89PNG" + bytes(1000)}
    return write(folder, content | files)


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preview]:
    """One server for all tests that leave its site whole; each has an article of its own."""
    with Preview(site(tmp_path_factory.mktemp("site"))) as running:
        yield running


# What is served


def test_the_site_is_served_below_its_base_path(preview: Preview) -> None:
    """Pages stand at their own addresses, with addresses of this server in them; the root leads to the site."""
    status, headers, body = preview.request(PAGE.format("a"))
    assert (status, headers["content-type"], headers["cache-control"]) == (200, "text/html; charset=utf-8", "no-store")
    assert f"http://127.0.0.1:{preview.port}/news/2024/05/17/a/".encode() in body
    assert preview.said == [f"Serving at http://127.0.0.1:{preview.port}/news/ (Ctrl-C ends it)"]
    for path in ("/", "/news"):
        status, headers, _ = preview.request(path)
        assert (status, headers["location"]) == (307, "/news/")


def test_addresses_are_clean(preview: Preview) -> None:
    """A page's address without its last slash leads to the page, with its query; the file's own name serves it too."""
    status, headers, _ = preview.request("2024/05/17/a?x=1")
    assert (status, headers["location"]) == (307, "/news/2024/05/17/a/?x=1")
    assert preview.request("2024/05/17/a/index.html")[0] == 200


def test_a_missing_page_is_the_site_s_own(preview: Preview) -> None:
    """What is not there is answered by the site's 404 page, below the base path and beside it."""
    own = (preview.root / ".digest/preview/404.html").read_bytes()
    for path in ("nowhere/", "/elsewhere/"):
        status, _, body = preview.request(path)
        assert status == 404
        assert body.replace(body[body.index(b'<script src="/.digest') : body.index(b"</head>")], b"") == own


@pytest.mark.parametrize(("path", "kind"), [
    ("feed.xml", "application/rss+xml; charset=utf-8"),
    ("atom.xml", "application/atom+xml; charset=utf-8"),
    ("feed.json", "application/feed+json"),
    ("feeds.opml", "text/x-opml; charset=utf-8"),
    ("sitemap.xml", "application/xml; charset=utf-8"),
    ("robots.txt", "text/plain; charset=utf-8"),
    ("assets/style.css", "text/css; charset=utf-8"),
    ("assets/favicon.svg", "image/svg+xml"),
    ("media/chart.png", "image/png"),
])  # fmt: skip
def test_content_types_are_right(preview: Preview, path: str, kind: str) -> None:
    """Every kind of file has its own type, and browsers are told not to guess."""
    status, headers, body = preview.request(path)
    assert (status, headers["content-type"], headers["x-content-type-options"]) == (200, kind, "nosniff")
    assert body == (preview.root / ".digest/preview" / path).read_bytes()


@pytest.mark.parametrize("path", [PAGE.format("a"), "media/chart.png", "feed.xml"])
def test_unchanged_files_are_not_sent_again(preview: Preview, path: str) -> None:
    """A client that has a file's version gets 304 and no body; one that has another gets the file."""
    etag = preview.request(path)[1]["etag"]
    status, headers, body = preview.request(path, If_None_Match=f'"other", W/{etag}')
    assert (status, headers["etag"], body) == (304, etag, b"")
    assert preview.request(path, If_None_Match='"other"')[0] == 200


def test_parts_of_files_can_be_asked_for(preview: Preview) -> None:
    """A range of bytes is answered with that range; one beyond the end with 416."""
    status, headers, body = preview.request("media/chart.png", Range="bytes=1-3")
    assert (status, headers["content-range"], body) == (206, "bytes 1-3/1004", b"PNG")
    assert preview.request("media/chart.png", Range="bytes=2000-")[0] == 416


def test_heads_have_no_bodies(preview: Preview) -> None:
    """HEAD is answered as GET is, without the body."""
    for path in (PAGE.format("a"), "media/chart.png", "/.digest/livereload.js"):
        status, headers, body = preview.request(path, "HEAD")
        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) == len(preview.request(path)[2])


def test_the_script_is_never_on_disk(preview: Preview) -> None:
    """Pages carry the script as served, once, and not as built."""
    assert preview.page(PAGE.format("a")).count('<script src="/.digest/livereload.js"') == 1
    built = (path.read_bytes() for path in (preview.root / ".digest/preview").rglob("*") if path.is_file())
    assert not any(b"livereload" in data for data in built)
    assert b"EventSource" in preview.request("/.digest/livereload.js")[2]


def test_without_live_reload_pages_are_as_built(tmp_path: Path) -> None:
    """With --no-livereload nothing is added, and there are no events; changes are built all the same."""
    with Preview(site(tmp_path), live=False) as preview:
        assert preview.request("")[2] == (tmp_path / ".digest/preview/index.html").read_bytes()
        assert preview.request("/.digest/events")[0] == 404
        (tmp_path / "content/a.md").write_text(article("First", body="New text."))
        assert preview.outcomes.get(timeout=PATIENCE).number == 2
        assert "New text." in preview.page(PAGE.format("a"))


def test_a_site_at_the_root_is_served_there(tmp_path: Path) -> None:
    """A site without a base path stands at the root, and its clean addresses too."""
    with Preview(site(tmp_path, **{"digest.toml": 'base_url = "https://example.org"\n'})) as preview:
        assert preview.request("/")[0] == 200
        assert preview.request("/2024/05/17/a")[1]["location"] == "/2024/05/17/a/"
        assert preview.request("//2024/05/17/a")[0] == 404


def test_the_settings_file_can_be_another(tmp_path: Path) -> None:
    """A settings file named with -c is watched wherever it is, and its mistakes are shown with their lines."""
    write(tmp_path, {"settings/draft.toml": SETTINGS})
    with Preview(site(tmp_path / "site"), tmp_path / "settings/draft.toml") as preview:
        told = preview.states()
        next(told)
        write(tmp_path, {"settings/draft.toml": SETTINGS.replace("Test digest", "Other digest")})
        next(told)
        assert "Other digest" in preview.page("")
        write(tmp_path, {"settings/draft.toml": SETTINGS + "wrong\n"})
        problem = next(told)["problems"][0]
        assert problem["where"].startswith("draft.toml:4")
        assert problem["source"][-1]["text"] == "wrong"


def test_the_output_is_left_alone(preview: Preview) -> None:
    """The preview is built beside the site's output, never into it."""
    assert not (preview.root / "output").exists()


def test_drafts_are_shown_with_a_badge_unless_published(tmp_path: Path) -> None:
    """Drafts and scheduled articles are shown and marked; --published shows what readers would see."""
    drafts = {"content/d.md": article("Secret", draft="true"), "content/s.md": article("Later", "2999-01-01")}
    with Preview(site(tmp_path, **drafts)) as preview:
        assert "badge draft" in preview.page("")
        assert "badge scheduled" in preview.page("2999/01/01/")
    with Preview(tmp_path, published=True) as preview:
        assert "Secret" not in preview.page("")
        assert preview.request("2999/01/01/")[0] == 404


def test_an_article_appears_when_it_is_due(tmp_path: Path) -> None:
    """With --published, a scheduled article is there at its moment, without a change to any file."""
    due = datetime.now(UTC) + timedelta(seconds=2)
    scheduled = {"content/s.md": article("Due soon", due.isoformat(timespec="seconds"))}
    with Preview(site(tmp_path, **scheduled), published=True) as preview:
        assert "Due soon" not in preview.page("")
        preview.until("", "Due soon")


def test_a_time_that_is_asked_for_stands_still(tmp_path: Path) -> None:
    """A site that is built as of another time does not change by itself, however many articles fall due after it."""
    write(tmp_path, {"content/a.md": article("First"), "content/b.md": article("Later", "2024-06-01")})
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    builder = Builder(lambda: made_options(tmp_path), None, None)
    thread = threading.Thread(target=builder.run, args=(outcomes.put,))
    thread.start()
    first = outcomes.get(timeout=PATIENCE)
    assert first.report
    assert first.report.skipped.valid_until
    assert _holds_until(first) is None
    (tmp_path / "content/a.md").write_text(article("Edited"))
    assert outcomes.get(timeout=PATIENCE).number == 2
    assert "Edited" in page(tmp_path, "index.html")
    builder.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert outcomes.empty()


# How files are saved: each pattern is what the program really does to the disk


def _plain(file: Path, text: str) -> None:
    file.write_text(text)


def _vim(file: Path, text: str) -> None:
    probe, backup = file.with_name("4913"), file.with_name(file.name + "~")
    probe.touch()
    probe.unlink()
    file.rename(backup)
    file.write_text(text)
    file.chmod(0o644)
    backup.unlink()


def _emacs(file: Path, text: str) -> None:
    lock = file.with_name(f".#{file.name}")
    lock.symlink_to("editor@host.4711:1716600000")
    file.with_name(f"#{file.name}#").write_text("half")
    file.rename(file.with_name(file.name + "~"))
    file.write_text(text)
    file.with_name(f"#{file.name}#").unlink()
    lock.unlink()


def _code(file: Path, text: str) -> None:
    with file.open("r+") as open_file:
        open_file.truncate(0)
        open_file.flush()
        open_file.write(text)
        os.fsync(open_file.fileno())


def _nano(file: Path, text: str) -> None:
    lock = file.with_name(f".{file.name}.swp")
    lock.write_bytes(b"nano")
    with file.open("w") as open_file:
        open_file.writelines(line + "\n" for line in text.splitlines())
    lock.unlink()


def _jetbrains(file: Path, text: str) -> None:
    fresh, old = file.with_name(file.name + "___jb_tmp___"), file.with_name(file.name + "___jb_old___")
    fresh.write_text(text)
    file.rename(old)
    fresh.rename(file)
    old.unlink()


def _move(file: Path, text: str) -> None:
    elsewhere = file.parents[2] / "elsewhere.md"
    elsewhere.write_text(text)
    elsewhere.rename(file)


def _rsync(file: Path, text: str) -> None:
    fresh = file.with_name(f".{file.name}.Xa81Qz")
    fresh.write_text(text)
    os.utime(fresh, (1_700_000_000, 1_700_000_000))  # -t: the times are the source's
    fresh.replace(file)


def _delete_and_put_back(file: Path, text: str) -> None:
    file.unlink()
    file.write_text(text)


@pytest.mark.parametrize(
    "save", [_plain, _vim, _emacs, _code, _nano, _jetbrains, _move, _rsync, _delete_and_put_back], ids=lambda save: save.__name__
)
def test_every_way_of_saving_is_followed(preview: Preview, save: Callable[[Path, str], None]) -> None:
    """However an editor saves an article, new or known, its page and its lists are what was saved, and nothing else is."""
    name = save.__name__.strip("_").replace("_", "-")
    file = preview.root / f"content/saved/{name}.md"
    file.parent.mkdir(exist_ok=True)
    file.write_text(article(f"{name} one", body="Before."))
    preview.until(PAGE.format(name), "Before.")
    save(file, article(f"{name} two", body="After."))
    preview.until(PAGE.format(name), "After.")
    assert f"{name} two" in preview.page("2024/05/17/")
    shown = [path.name for path in (preview.root / ".digest/preview/2024/05/17").iterdir()]
    assert not [each for each in shown if "tmp" in each or "4913" in each or "~" in each]


def test_times_that_stand_still_hide_nothing(preview: Preview) -> None:
    """A file of the same size whose time of change is put back is shown as it is."""
    file = preview.root / "content/still.md"
    file.write_text(article("Still", body="One one."))
    preview.until(PAGE.format("still"), "One one.")
    before = file.stat()
    file.write_text(article("Still", body="Two two."))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    preview.until(PAGE.format("still"), "Two two.")


def test_a_checkout_is_one_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switching a branch in which 1,000 articles differ is built once, twice at most, and right."""
    for pause in ("QUIET", "CLOSED"):
        monkeypatch.setattr(f"digest.watch.{pause}", 0.5)  # a pause of git's, on a machine with much to do, is no end
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]

    def run(*arguments: str) -> None:
        subprocess.run([*git, *arguments], check=True, capture_output=True)

    write(tmp_path, {f"content/{n % 20}/n{n}.md": article(f"N{n}", f"{2000 + n % 20}-01-01", "main") for n in range(1000)})
    (tmp_path / ".gitignore").write_text(".digest/\n")
    run("init", "-q", "-b", "main")
    run("add", ".")
    run("commit", "-qm", "main")
    write(tmp_path, {f"content/{n % 20}/n{n}.md": article(f"N{n}", f"{2000 + n % 20}-01-01", "other") for n in range(1000)})
    run("checkout", "-qb", "other")
    run("commit", "-qam", "other")
    with Preview(tmp_path) as preview:
        assert "other" in preview.page("2000/01/01/n0/")
        run("checkout", "-q", "main")
        last = max(preview.until(f"{2000 + n % 20}/01/01/n{n}/", "<p>main</p>") for n in (0, 500, 999))
        assert last <= 3


def test_a_renamed_folder_is_followed(preview: Preview) -> None:
    """Articles in a folder that is renamed stay, and their next changes are seen."""
    write(preview.root, {"content/old/inside.md": article("Inside", body="Before.")})
    preview.until(PAGE.format("inside"), "Before.")
    (preview.root / "content/old").rename(preview.root / "content/renamed")
    (preview.root / "content/renamed/inside.md").write_text(article("Inside", body="After."))
    preview.until(PAGE.format("inside"), "After.")


def test_a_file_in_new_folders_is_seen(preview: Preview) -> None:
    """An article in folders that were created a moment ago is there, and its next change too."""
    write(preview.root, {"content/new/er/est/deep.md": article("Deep", body="Before.")})
    preview.until(PAGE.format("deep"), "Before.")
    write(preview.root, {"content/new/er/est/deep.md": article("Deep", body="After.")})
    preview.until(PAGE.format("deep"), "After.")


def test_the_content_folder_can_be_replaced_or_linked(tmp_path: Path) -> None:
    """Another folder in the place of the content folder, and a link in its place, are followed."""
    with Preview(site(tmp_path)) as preview:
        (tmp_path / "content").rename(tmp_path / "before")
        write(tmp_path, {"content/a.md": article("First", body="Replaced.")})
        preview.until(PAGE.format("a"), "Replaced.")
        write(tmp_path, {"shared/a.md": article("First", body="Linked.")})
        shutil.rmtree(tmp_path / "content")
        (tmp_path / "content").symlink_to("shared")
        preview.until(PAGE.format("a"), "Linked.")
        (tmp_path / "shared/a.md").write_text(article("First", body="Through the link."))
        preview.until(PAGE.format("a"), "Through the link.")


def test_templates_settings_and_the_registry_are_watched(tmp_path: Path) -> None:
    """A template of the site's own, a setting and the ticker registry show at once when they change."""
    with Preview(site(tmp_path, **{"content/t.md": article("Chips", tickers="NVDA")})) as preview:
        write(tmp_path, {"templates/404.html": "<title>Ours</title>"})
        preview.until("nowhere/", "<title>Ours</title>")
        write(tmp_path, {"content/tickers.yaml": "NVDA: Nvidia Corporation\n"})
        preview.until("tickers/nvda/", "Nvidia Corporation")
        write(tmp_path, {"digest.toml": SETTINGS.replace("Test digest", "Renamed digest")})
        preview.until("", "Renamed digest")
        write(tmp_path, {"digest.toml": SETTINGS.replace("/news/", "/elsewhere/")})
        preview.until("/elsewhere/", "Test digest")
        assert preview.request("/")[1]["location"] == "/elsewhere/"


def test_polling_serves_as_well(tmp_path: Path) -> None:
    """With --poll changes are followed where the system cannot tell of them."""
    with Preview(site(tmp_path), poll=0.02) as preview:
        (tmp_path / "content/a.md").write_text(article("First", body="Polled."))
        preview.until(PAGE.format("a"), "Polled.")


def test_what_no_event_tells_of_is_seen_after_a_save(preview: Preview) -> None:
    """A save is believed to be the only change, and once it is shown the whole site is looked at: nobody tells of a change
    that was made through a hard link elsewhere.
    """
    write(preview.root, {"content/linked.md": article("Linked"), "content/saved.md": article("Saved")})
    preview.until(PAGE.format("saved"), "Saved")
    elsewhere = preview.root / "elsewhere.md"
    os.link(preview.root / "content/linked.md", elsewhere)
    elsewhere.write_text(article("Linked", body="Through the other name."))
    (preview.root / "content/saved.md").write_text(article("Saved", body="Through its own."))
    preview.until(PAGE.format("saved"), "Through its own.")
    preview.until(PAGE.format("linked"), "Through the other name.")


@pytest.mark.skipif(sys.platform != "linux", reason="only here a name can be any bytes")
def test_a_failed_build_forgets_nothing(tmp_path: Path) -> None:
    """What made a build fail makes the next one fail, though another file was saved before that."""
    strange = Path(os.fsdecode(os.fsencode(tmp_path / "content") + b"/\xff.md"))
    with Preview(site(tmp_path)) as preview:
        strange.write_bytes(b"")
        assert preview.outcomes.get(timeout=PATIENCE).report is None
        (tmp_path / "content/a.md").write_text(article("First", body="New text."))
        assert preview.outcomes.get(timeout=PATIENCE).report is None
        assert "New text." not in preview.page(PAGE.format("a"))
        strange.unlink()
        preview.until(PAGE.format("a"), "New text.")


# What pages are told


def test_a_request_waits_for_the_build_of_what_was_seen(preview: Preview) -> None:
    """Once a change is noticed, no request is answered with what was before it."""
    file = preview.root / "content/wait.md"
    for number in range(5):
        seen = preview.server.builder.watcher.bursts
        file.write_text(article("Wait", body=f"Number {number}."))
        while preview.server.builder.watcher.bursts == seen:
            pass
        assert f"Number {number}." in preview.page(PAGE.format("wait"))


def test_a_page_is_told_of_its_own_changes_only(preview: Preview) -> None:
    """Another page's change leaves a page's version as it was; its own, a style sheet's and an asset's each change theirs."""
    write(preview.root, {"content/own.md": article("Own", "2020-01-01"), "content/other.md": article("Other", "2024-05-17")})
    preview.until("2020/01/01/own/", "Own")
    preview.until(PAGE.format("other"), "Other")
    told = preview.states("/news/2020/01/01/own/")
    versions = next(told)["versions"]

    def after(files: dict[str, str | bytes], part: str | None) -> dict[str, str]:
        write(preview.root, files)
        for state in told:
            now: dict[str, str] = state["versions"]
            if part is None or now[part] != versions[part]:
                assert {name for name in now if now[name] != versions[name]} == ({part} if part else set())
                return now
        raise AssertionError

    versions = after({"content/other.md": article("Other", "2024-05-17", "Another text.")}, None)
    versions = after({"content/own.md": article("Own", "2020-01-01", "Another text.")}, "page")
    versions = after({"templates/assets/style.css": "body { color: red }"}, "styles")
    versions = after({"content/picture.png": b"\x89PNG"}, "assets")
    shutil.rmtree(preview.root / "templates")


def test_a_failed_build_is_told_with_its_source(tmp_path: Path) -> None:
    """Every error is told with file, line, column, source and hint while the last good site is served, until it is mended."""
    with Preview(site(tmp_path, **{"content/b.md": article("Second")})) as preview:
        told = preview.states()
        assert next(told)["problems"] == []
        write(tmp_path, {"content/a.md": "---\ntitle: First\ndate: 2024-05-17\ntickrs: NVDA\ndraft: maybe\n---\nText.\n"})
        write(tmp_path, {"content/b.md": "---\ntitle: <b>Second</b>\n---\nText.\n"})
        state = next(state for state in told if state["failed"] and len(state["problems"]) > 1)
        problems = {problem["where"]: problem for problem in state["problems"]}
        assert set(problems) == {"content/a.md:4:1", "content/a.md:5:8", "content/b.md:1:1"}
        draft = problems["content/a.md:5:8"]
        assert draft["severity"] == "error"
        assert problems["content/a.md:4:1"]["hint"] == "did you mean 'tickers'?"
        assert [line["text"] for line in draft["source"]] == ["date: 2024-05-17", "tickrs: NVDA", "draft: maybe", "---", "Text."]
        assert [line["number"] for line in draft["source"]] == [3, 4, 5, 6, 7]
        assert [line["number"] for line in problems["content/b.md:1:1"]["source"]] == [1, 2, 3]
        assert [problem["severity"] for problem in state["problems"]] == ["error", "error", "warning"]
        assert (state["errors"], state["warnings"]) == (2, 1)
        assert "Old text." in preview.page(PAGE.format("a"))
        write(tmp_path, {"content/a.md": article("First", body="Mended."), "content/b.md": article("Second")})
        assert not next(state for state in told if not state["failed"])["problems"]
        assert "Mended." in preview.page(PAGE.format("a"))


def test_broken_settings_are_told_like_any_error(tmp_path: Path) -> None:
    """A mistake in the settings file is shown with its line, and mended without a restart."""
    with Preview(site(tmp_path)) as preview:
        told = preview.states()
        next(told)
        write(tmp_path, {"digest.toml": SETTINGS + 'titel = "x"\n'})
        problem = next(state for state in told if state["failed"])["problems"][0]
        assert (problem["where"], problem["source"][-1]["text"]) == ("digest.toml:4:1", 'titel = "x"')
        write(tmp_path, {"digest.toml": SETTINGS})
        assert not next(state for state in told if not state["failed"])["problems"]


def test_a_site_that_never_was_built_is_told_too(tmp_path: Path) -> None:
    """When the first build fails, pages say so and come to life once it is mended."""
    with Preview(site(tmp_path, **{"content/a.md": "no front matter"})) as preview:
        status, _, body = preview.request("")
        assert status == 503
        assert b"/.digest/livereload.js" in body
        told = preview.states()
        assert next(told)["failed"]
        write(tmp_path, {"content/a.md": article("First")})
        assert next(state for state in told if not state["failed"])["versions"]["page"]
        assert preview.request("")[0] == 200


def test_a_fault_of_our_own_is_told_and_survived(tmp_path: Path) -> None:
    """An exception in our own code is shown with its trace, and the next change is built as if it had never been."""
    with Preview(site(tmp_path)) as preview:
        told = preview.states()
        next(told)
        preview.fault = ZeroDivisionError("a mistake")
        write(tmp_path, {"content/a.md": article("First", body="New text.")})
        state = next(state for state in told if state["failed"])
        assert "ZeroDivisionError: a mistake" in state["problems"][0]["message"]
        assert "Traceback" in state["trace"]
        preview.fault = None
        write(tmp_path, {"content/a.md": article("First", body="Newer text.")})
        preview.until(PAGE.format("a"), "Newer text.")


def test_warnings_are_told_without_failing(tmp_path: Path) -> None:
    """A warning is told beside the page, which is built."""
    with Preview(site(tmp_path, **{"content/a.md": article("First", colour="red")})) as preview:
        state = next(preview.states())
        assert not state["failed"]
        assert [(problem["severity"], problem["where"]) for problem in state["problems"]] == [("warning", "content/a.md:4:1")]


def test_a_page_that_moved_says_where_it_is(tmp_path: Path) -> None:
    """An article whose slug, date or file's name changes is found at its old address, through several moves."""
    with Preview(site(tmp_path, **{"content/b.md": article("Second")})) as preview:
        told = preview.states("/news/2024/05/17/a/")
        next(told)
        write(tmp_path, {"content/a.md": article("First", slug="new-slug")})
        assert next(state for state in told if state["moved"])["moved"] == "/news/2024/05/17/new-slug/"
        write(tmp_path, {"content/a.md": article("First", "2024-05-18", slug="new-slug")})
        assert next(told)["moved"] == "/news/2024/05/18/new-slug/"
        (tmp_path / "content/a.md").write_text(article("First", "2024-05-18"))
        assert next(told)["moved"] == "/news/2024/05/18/a/"
        (tmp_path / "content/a.md").rename(tmp_path / "content/renamed.md")
        assert next(told)["moved"] == "/news/2024/05/18/renamed/"
        status, _, body = preview.request(PAGE.format("a"))
        assert status == 404
        assert b'data-moved="/news/2024/05/18/renamed/"' in body


def test_a_page_that_is_gone_says_so(tmp_path: Path) -> None:
    """A deleted article's page becomes the 404 page with a word on what was there; put back, it is there again."""
    with Preview(site(tmp_path, **{"content/b.md": article("Second")})) as preview:
        told = preview.states("/news/2024/05/17/b/")
        assert next(told)["versions"]["page"]
        (tmp_path / "content/b.md").unlink()
        state = next(told)
        assert (state["versions"]["page"], state["moved"], state["note"]) == ("", "", "content/b.md was deleted.")
        assert b"b.md was deleted." in preview.request(PAGE.format("b"))[2]
        write(tmp_path, {"content/b.md": article("Second")})
        assert next(told)["versions"]["page"]
        assert preview.request(PAGE.format("b"))[0] == 200


# Who is answered: raw sockets, because clients mend what they send


def _ask(preview: Preview, target: str, *lines: str, host: str | None = None, method: str = "GET") -> bytes:
    head = [f"{method} {target} HTTP/1.1", f"Host: {host or f'127.0.0.1:{preview.port}'}", "Connection: close", *lines]
    return preview.raw("\r\n".join([*head, "", ""]).encode("latin-1"))


def _status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST:{}", "[::1]:{}"])
def test_our_own_names_are_answered(preview: Preview, host: str) -> None:
    """This machine's own names, with our port, are ours."""
    assert _status(_ask(preview, "/news/", host=host.format(preview.port))) == 200


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:{}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{}", "localhost.evil.example:{}",
    "0.0.0.0:{}", "localhost.:{}", "2130706433:{}", "[::]:{}", "user@localhost:{}", "localhost:{}:1", "localhost:{}, evil",
    " ", ":{}", "192.168.0.1:{}",
])  # fmt: skip
def test_other_names_are_refused(preview: Preview, host: str) -> None:
    """A page of another site that has its name resolve to this machine learns nothing."""
    response = _ask(preview, "/news/", host=host.format(preview.port))
    assert _status(response) in (400, 403)
    assert b"Test digest" not in response


@pytest.mark.parametrize("request_", [
    b"GET /news/ HTTP/1.0\r\n\r\n",
    b"GET /news/ HTTP/1.1\r\n\r\n",
    b"GET /news/ HTTP/1.1\r\nHost: evil.example\r\nHost: 127.0.0.1:PORT\r\n\r\n",
    b"GET http://evil.example/news/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
], ids=["none in 1.0", "none in 1.1", "two", "absolute"])  # fmt: skip
def test_doubtful_hosts_are_refused(preview: Preview, request_: bytes) -> None:
    """A request without a host, with two, or for somebody else as at a proxy, is refused."""
    response = preview.raw(request_.replace(b"PORT", str(preview.port).encode()))
    assert _status(response) in (400, 403)
    assert b"Test digest" not in response


@pytest.mark.parametrize("path", [
    "../../digest.toml", "..%2f..%2fdigest.toml", "%2e%2e/%2e%2e/digest.toml", "%2E%2E%2F%2E%2E%2Fdigest.toml",
    "..\\..\\digest.toml", "..%5c..%5cdigest.toml", "%252e%252e/%252e%252e/digest.toml",
    "..%c0%af..%c0%afdigest.toml", "assets/../../../digest.toml",
    "%00", "index.html%00.png", "./index.html", "assets/./style.css", "//index.html", "/index.html", "%2findex.html",
    ".digest-files", ".nojekyll", "assets/.hidden", "C:/index.html", "%ff%fe", "\xff", "....//....//digest.toml",
])  # fmt: skip
def test_nothing_outside_the_preview_is_served(preview: Preview, path: str) -> None:
    """No spelling of a path leads out of the preview, to hidden files, or to a file by a second name."""
    response = _ask(preview, f"/news/{path}")
    assert _status(response) in (400, 404)
    assert b"base_url" not in response


@pytest.mark.parametrize(
    "target", ["/../digest.toml", "*", "digest.toml", "/.digest/", "/.digest/cache.db", "//evil.example/news/"]
)
def test_odd_targets_find_nothing(preview: Preview, target: str) -> None:
    """Targets that are no path below the base find nothing, and lead nowhere else."""
    response = _ask(preview, target)
    assert _status(response) in (400, 404)
    assert b"location" not in response.lower()


def test_links_do_not_lead_out(preview: Preview) -> None:
    """A link in the preview's folder that leads outside is not followed, whether to a file or to a folder."""
    folder = preview.root / ".digest/preview"
    (folder / "leak.txt").symlink_to(preview.root / "digest.toml")
    (folder / "leaks").symlink_to(preview.root)
    assert preview.request("leak.txt")[0] == 404
    assert preview.request("leaks/digest.toml")[0] == 404
    (folder / "inside.txt").symlink_to(folder / "robots.txt")
    assert preview.request("inside.txt")[0] == 200
    for name in ("leak.txt", "leaks", "inside.txt"):
        (folder / name).unlink()


def test_folders_are_not_listed(preview: Preview) -> None:
    """A folder without a page of its own is not there, with a slash or without."""
    for path in ("assets/", "assets", "media/"):
        assert preview.request(path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_reading_is_all_that_is_allowed(preview: Preview, method: str) -> None:
    """Every method but GET and HEAD is refused, on pages and on our own addresses."""
    for target in ("/news/", "/.digest/events", "/.digest/livereload.js"):
        response = _ask(preview, target, method=method)
        assert _status(response) == 405
        assert b"allow: GET, HEAD" in response


@pytest.mark.parametrize("line", [
    "Origin: http://evil.example", "Origin: null", "Origin: http://127.0.0.1:1", "Origin: https://127.0.0.1:{}",
    "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site",
])  # fmt: skip
def test_events_are_for_our_own_pages(preview: Preview, line: str) -> None:
    """Another site's page cannot listen to the events, nor read anything else: nothing allows it to."""
    assert _status(_ask(preview, "/.digest/events", line.format(preview.port))) == 403
    response = _ask(preview, "/news/", line.format(preview.port))
    assert b"access-control" not in response.lower()
    assert b"cross-origin-resource-policy: same-origin" in response.lower()


def test_heads_are_bounded(preview: Preview) -> None:
    """A head that is too long is refused before it is read to its end, however it comes to be."""
    for request in (
        b"GET /" + b"a" * 100_000,
        b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000,
    ):
        with contextlib.suppress(ConnectionError):
            assert _status(preview.raw(request)) in (400, 431)


def test_bodies_are_not_waited_for(preview: Preview) -> None:
    """A request that announces a body which never comes is answered at once."""
    assert _status(_ask(preview, "/news/", "Content-Length: 1000000000")) == 200


def test_slow_heads_are_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that does not bring its request in time is closed: a first one, and a second one after an answer."""
    monkeypatch.setattr(serve, "HEAD_SECONDS", 0.05)
    with Preview(site(tmp_path)) as preview:
        host = f"Host: 127.0.0.1:{preview.port}\r\n"
        for before in ("", f"HEAD /news/robots.txt HTTP/1.1\r\n{host}\r\n"):
            for begun in ("GET / HT", f"GET / HTTP/1.1\r\n{host}X:"):
                with socket.create_connection(("127.0.0.1", preview.port), timeout=PATIENCE) as connection:
                    connection.sendall(before.encode())
                    assert not before or connection.recv(65536)
                    connection.sendall(begun.encode())
                    while connection.recv(65536):
                        pass


def test_event_streams_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more pages may listen than there is room for; one that leaves makes room."""
    monkeypatch.setattr("digest.application.STREAMS", 2)
    with Preview(site(tmp_path)) as preview:
        first, second = preview.states(), preview.states()
        next(first)
        next(second)
        assert preview.request("/.digest/events")[0] == 503
        second.close()
        while preview.server.application.streams > 1:  # until the server has seen it leave
            pass
        third = preview.states()
        assert next(third)["build"] == 1


def test_connections_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more connections are kept than there is room for, and there is room again when they are gone."""
    monkeypatch.setattr(serve, "CONNECTIONS", 4)
    with Preview(site(tmp_path)) as preview:
        idle = [socket.create_connection(("127.0.0.1", preview.port), timeout=PATIENCE) for _ in range(6)]
        assert _status(_ask(preview, "/news/")) == 503
        more = [socket.create_connection(("127.0.0.1", preview.port), timeout=PATIENCE) for _ in range(3)]
        with contextlib.suppress(ConnectionResetError):
            assert more[-1].recv(1) == b""
        for connection in (*idle, *more):
            connection.close()
        while preview.server.server_state.connections:
            pass
        assert _status(_ask(preview, "/news/")) == 200


def test_the_network_is_warned_of(tmp_path: Path) -> None:
    """Any address but this machine's own is bound with a warning that names the risk; addresses stay usable here."""
    with Preview(site(tmp_path), host="0.0.0.0") as preview:
        assert "can read the preview" in preview.warned[0].message
        assert _status(_ask(preview, "/news/")) == 200
        assert _status(_ask(preview, "/news/", host=f"0.0.0.0:{preview.port}")) == 403
    with Preview(site(tmp_path), host="localhost") as preview:
        assert not preview.warned


# Beginning and end


def test_a_browser_is_opened_if_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --open the site is shown once it is built."""
    opened: queue.SimpleQueue[str] = queue.SimpleQueue()
    monkeypatch.setattr("webbrowser.open", opened.put)
    with Preview(site(tmp_path), browse=True) as preview:
        assert opened.get(timeout=PATIENCE) == f"http://127.0.0.1:{preview.port}/news/"


def test_a_taken_port_moves_on(tmp_path: Path) -> None:
    """When the port is taken the next one is used, and that is said; a second server of a site has a folder of its own."""
    with Preview(site(tmp_path)) as first, Preview(tmp_path, published=True, port=first.port) as second:
        assert second.port > first.port
        assert second.said[0] == f"Port {first.port} is taken; using {second.port}"
        assert f":{second.port}/news/" in second.page("")
        assert f":{first.port}/news/" in first.page("")
        assert (tmp_path / f".digest/preview-{second.port}/index.html").is_file()


def test_an_address_that_cannot_be_had_is_said() -> None:
    """A host that is not this machine's, and one that does not exist, are errors of use."""
    for host in ("192.0.2.1", "no such host"):
        with pytest.raises(SettingsError):
            serve.bind(host, 0)


def test_wrong_settings_end_it_at_the_start(tmp_path: Path) -> None:
    """Without settings to begin with there is nothing to serve."""
    with pytest.raises(SettingsError):
        Preview(tmp_path).run()


RUNNING = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from digest import preview, serve
from previews import options
root = Path(sys.argv[1])
terminal = preview.Terminal(lambda outcome: print("built", flush=True), lambda text: print(text, flush=True), print)
if __name__ == "__main__":
    serve.serve(lambda: options(root), None, terminal, port=0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter there")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_well(tmp_path: Path, sent: signal.Signals) -> None:
    """Ctrl-C, or a request to end, ends the server with status 0 and frees the port, though a page is listening."""
    here = [str(Path(serve.__file__).parent.parent), str(Path(__file__).parent)]
    command = [sys.executable, "-c", RUNNING, str(site(tmp_path)), *here]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stderr
            assert process.stdout.readline() == "built\n"
            port = int(process.stdout.readline().split("/news/")[0].rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as listening:
                listening.sendall(f"GET /.digest/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                received = b""
                while b"data:" not in received:
                    received += listening.recv(65536)
                process.send_signal(sent)
                assert process.wait(PATIENCE) == 0
            assert process.stderr.read() == ""
            serve.bind("127.0.0.1", port).close()
        finally:
            process.kill()


def test_it_ends_during_the_first_build(tmp_path: Path) -> None:
    """A server that is stopped at once ends, whatever the builder is about."""
    preview = Preview(site(tmp_path))
    preview.thread.start()
    preview._servers.get(timeout=PATIENCE).stop()
    preview.thread.join(PATIENCE)
    assert not preview.thread.is_alive()
    assert threading.active_count() < 50


def test_a_connection_that_comes_as_it_ends_is_closed(tmp_path: Path) -> None:
    """A browser that connects in the very moment in which the server stops is let in and cut off, not forgotten."""
    connection = socket.socket()
    with contextlib.closing(connection), Preview(site(tmp_path)) as preview:

        def connect_and_stop() -> None:  # in the loop, whose next turn takes the connection and begins the end
            connection.connect(("127.0.0.1", preview.port))
            preview.server.stop()

        with warnings.catch_warnings(record=True) as leaked:
            warnings.simplefilter("always", ResourceWarning)
            preview.server._in_loop(connect_and_stop)
            preview.thread.join(PATIENCE)
            gc.collect()
        assert not leaked
        connection.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
