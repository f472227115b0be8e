"""The command line: what it says, and the status it leaves."""

import contextlib
import os
import pty
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from sites import article, tree, write

from digest import __version__
from digest.cli import main

SUMMARY = re.compile(
    r"\d+ articles?, \d+ editions?, \d+ tickers?, \d+ feeds?; \d+ written, \d+ unchanged, \d+ removed; "
    r"\d+ drafts?, \d+ scheduled(?: \(next due [\d-]+ [\d:]+\))?, \d+ expired; \d+\.\d\d s"
)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}


def run(*arguments: str | Path) -> str:
    """What a command printed; it must have gone well."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture
def site(tmp_path: Path) -> Path:
    later = article("Later", "2031-05-01T09:30")
    return write(tmp_path, {"content/a.md": article(tickers="[TSLA]", body="$TSLA"), "content/b.md": later})


def test_version_and_help() -> None:
    """`--version` names program and version; `-h` works everywhere."""
    assert run("--version") == f"digest {__version__}\n"
    for command in ((), ("build",), ("clean",)):
        assert run(*command, "-h").startswith("Usage: ")


def test_one_line_at_the_end(site: Path) -> None:
    """A build ends with one line that says what there is, what was done and what was left out."""
    said = run("build", "-s", site, "--as-of", "2024-06-01")
    assert SUMMARY.fullmatch(said.splitlines()[-1])
    assert said.startswith("1 article, 1 edition, 1 ticker, 5 feeds; ")
    assert "0 drafts, 1 scheduled (next due 2031-05-01 09:30), 0 expired" in said


FORKS = """
import os, sys
from digest.cli import main
fork, known = os.fork, []
os.fork = lambda: known.append("digest.inputs" in sys.modules) or fork()
main(["build", "-q", "-j", sys.argv[2], "-s", sys.argv[1]], standalone_mode=False)
print(known)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")
def test_first_build_loads_parsers_early(site: Path) -> None:
    """While it finds out what there is; whoever has a cache waits until that is known, as most builds parse little."""

    def forks(jobs: int) -> str:
        command = [sys.executable, "-c", FORKS, str(site), str(jobs)]
        return subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout.strip()

    assert forks(2) == "[False, True]"  # to parse, and to render
    assert forks(2) == "[]"
    first = tree(site / "output")
    write(site, {"content/c.md": article("New")})
    assert forks(2) == "[True, True]"
    (site / "content/c.md").unlink()
    shutil.rmtree(site / ".digest")
    assert forks(1) == "[]"
    assert tree(site / "output") == first


def test_settings_may_come_from_a_pipe(site: Path) -> None:
    """They are read once, by one process."""
    command = [sys.executable, "-m", "digest", "build", "-j", "2", "-s", str(site), "-c", "/dev/stdin"]
    given = 'title = "Piped"\nbase_url = "https://example.org/"\n'
    subprocess.run(command, env=ENVIRONMENT, check=True, input=given, text=True, timeout=60)
    assert "<title>Piped</title>" in (site / "output/index.html").read_text("utf-8")


@pytest.mark.parametrize("name", ["none", 300 * "x"])
def test_a_site_that_is_not_there(tmp_path: Path, name: str) -> None:
    """Whatever its name, in words."""
    command = [sys.executable, "-m", "digest", "build", "-j", "2", "-s", name]
    found = subprocess.run(command, env=ENVIRONMENT, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 2
    assert found.stderr.startswith(f"error: there is no folder {name}")


def test_quiet_says_nothing(site: Path) -> None:
    """-q leaves only errors."""
    assert run("build", "-s", site, "-q") == ""


def test_explain_and_verbose(site: Path) -> None:
    """--explain gives each page's reason, -v the paths and the time of each step."""
    said = run("build", "-s", site, "--explain", "-v")
    assert "new       2024/05/17/a/index.html" in said
    assert "wrote     2024/05/17/a/index.html" in said
    assert re.search(r"^  render +\d+\.\d{3} s$", said, re.MULTILINE)


def test_verify(site: Path) -> None:
    """--verify tells that a clean build gives the same files, and which do not when they do not."""
    assert "verified: a clean build gives the same files" in run("build", "-s", site, "--verify")
    cache = site / ".digest/cache.db"
    page = site / "output/2024/05/17/a/index.html"
    import sqlite3

    page.write_text("spoiled")
    state = page.stat()
    with closing(sqlite3.connect(cache, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE pages SET size = ?, modified = ?, changed = ?, inode = ? WHERE path = '2024/05/17/a/index.html'",
            (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino),
        )
    result = CliRunner().invoke(main, ["build", "-s", str(site), "--verify"])
    assert result.exit_code == 1
    assert "2024/05/17/a/index.html: error: different in a clean build" in result.stderr


def test_changed_list(site: Path) -> None:
    """--changed-list names what a deployment must upload or delete, one path a line."""
    listed = site / "changed.txt"
    run("build", "-s", site, "--changed-list", listed)
    assert set(listed.read_text().splitlines()) == set(tree(site / "output"))
    (site / "content/a.md").unlink()
    run("build", "-s", site, "--changed-list", listed)
    assert "2024/05/17/a/index.html" in listed.read_text().splitlines()
    run("build", "-s", site, "--changed-list", listed)
    assert listed.read_text() == ""


@pytest.mark.parametrize("option", [("--changed-list", "changed.txt"), ("--verify",)])
def test_watching_is_not_for_one_build(site: Path, option: tuple[str, ...]) -> None:
    """What tells of one build is refused beside --watch, before a list of changes that nobody has deployed is lost."""
    with contextlib.chdir(site):
        Path("changed.txt").write_text("feed.xml\n")
        result = CliRunner().invoke(main, ["build", "--watch", *option])
        assert Path("changed.txt").read_text() == "feed.xml\n"
    assert result.exit_code == 2
    assert f"{option[0]} is about one build: leave it out, or --watch" in result.stderr


def test_watching_says_what_is_asked(site: Path) -> None:
    """--explain and -v tell of every build that --watch makes."""
    command = [sys.executable, "-m", "digest", "build", "-w", "-v", "--explain", "-s", str(site), "--as-of", "2024-06-01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        assert process.stdout
        try:
            for why in ("new      ", "content  "):
                said = []
                for line in process.stdout:
                    said.append(line)
                    if SUMMARY.search(line):
                        break
                assert f"{why} 2024/05/17/a/index.html\n" in said
                assert "wrote     2024/05/17/a/index.html\n" in said
                assert any(line.startswith("  render ") for line in said)
                (site / "content/a.md").write_text(article("Another title", tickers="[TSLA]", body="$TSLA"))
        finally:
            process.kill()


@pytest.mark.parametrize("option", ["--as-of", "--base-url"])
def test_an_empty_value_is_none(site: Path, option: str) -> None:
    """An option whose value is empty, as that of a variable that is not set, does not count as left out."""
    result = CliRunner().invoke(main, ["build", "-s", str(site), option, ""])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{option}: error: '' is not a ")


def test_base_url_and_output(site: Path) -> None:
    """-b and -o stand in for the settings."""
    run("build", "-s", site, "-b", "https://other.example/x/", "-o", site / "other")
    assert "https://other.example/x/2024/05/17/a/" in (site / "other/feed.xml").read_text()
    assert not (site / "output").exists()


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("content/x", "lies in the content folder"),
        (".", "is the site's folder"),
        ("..", "holds the site's folder"),
        (".digest", "is digest's own folder .digest"),
        ("templates", "is the templates folder"),
    ],
)
def test_output_apart_from_the_sources(site: Path, output: str, problem: str) -> None:
    """-o leads to no folder of the site's own: that is wrong use, and nothing is written."""
    before = tree(site)
    result = CliRunner().invoke(main, ["build", "-s", str(site), "-o", str(site / output)])
    assert result.exit_code == 2
    assert result.stderr == f"--output: error: the output folder {problem} (give it a folder of its own)\n"
    assert tree(site) == before


def test_clean(site: Path) -> None:
    """`clean` removes what digest wrote, the cache included, and tells how much."""
    run("build", "-s", site)
    number = len(tree(site / "output"))
    assert run("clean", "-s", site) == f"removed {number} files and the cache\n"
    assert not (site / "output").exists()
    assert not (site / ".digest").exists()


def on_a_terminal(*command: str, **environment: str) -> bytes:
    """What a command shows on a terminal."""
    ours, theirs = pty.openpty()
    full = [sys.executable, *command]
    process = subprocess.Popen(full, stdout=theirs, stderr=theirs, env={**ENVIRONMENT, "TERM": "xterm", **environment})
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:
        pass  # Linux ends a terminal's stream with an error
    process.wait()
    os.close(ours)
    return shown


def test_colours(tmp_path: Path) -> None:
    """Messages are coloured on a terminal, and neither with NO_COLOR nor in a pipe."""
    write(tmp_path, {"content/a.md": article(colour="blue")})
    command = ("-m", "digest", "build", "-s", str(tmp_path))
    assert b"\x1b[33m\x1b[1mwarning:\x1b[0m" in on_a_terminal(*command, NO_COLOR="")
    assert b"\x1b[" not in on_a_terminal(*command, NO_COLOR="1")
    piped = subprocess.run([sys.executable, *command], env=ENVIRONMENT, capture_output=True, check=True)
    assert b"\x1b[" not in piped.stderr
    assert b"warning: unknown field" in piped.stderr


def test_progress_is_for_terminals(site: Path) -> None:
    """Work of more than a second tells how far it is, on a terminal only; shorter work does not."""
    clock = "import itertools, time; time.monotonic = itertools.count(0, {}).__next__; "
    tell = "from digest.terminal import progress; tell = progress(False); [tell('parse', done, 3) for done in (1, 2, 3)]"
    assert b"parse 2 of 3" in on_a_terminal("-c", clock.format(2) + tell)
    assert on_a_terminal("-c", clock.format(0.1) + tell) == b""
    piped = subprocess.run([sys.executable, "-c", clock.format(2) + tell], env=ENVIRONMENT, capture_output=True, check=True)
    assert piped.stderr == b""


def test_module_and_script_are_one(site: Path) -> None:
    """`python -m digest` is the command, and leaves its status."""
    broken = write(site / "broken", {"content/a.md": "no front matter"})
    command = [sys.executable, "-m", "digest", "build", "-q", "-s"]
    assert subprocess.run([*command, str(site)], env=ENVIRONMENT, check=False).returncode == 0
    assert subprocess.run([*command, str(broken)], env=ENVIRONMENT, check=False, capture_output=True).returncode == 1
    assert subprocess.run([*command, str(site / "none")], env=ENVIRONMENT, check=False, capture_output=True).returncode == 2
