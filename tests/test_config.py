"""Settings: every mistake is told, at its own line, with a remedy, and with status 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from sites import article, make, write

from digest import config
from digest.errors import SettingsError


def problems(folder: Path, text: str, name: str = config.FILE) -> list[str]:
    """What is wrong with these settings, without the name of their file; nothing when they are right."""
    (folder / name).write_text(text, "utf-8")
    try:
        config.load(folder, folder / name)
    except SettingsError as error:
        assert error.code == 2
        return [str(problem).removeprefix(f"{name}:").replace("error: ", "") for problem in error.diagnostics]
    return []


def test_every_mistake_of_a_table_is_told(tmp_path: Path) -> None:
    """One mistake hides no other, in a table or in a list, and each is told at its own line."""
    text = """\
title = 3
home_editions = 0
[feeds]
group_formats = ["rss2", "atom", 1]
ttl = 0
item = 3
full_text = "yes"
[markdown]
engine = "pyro"
[watchlists.a]
title = "No tickers"
[watchlists.b]
title = 1979-05-27
tickers = "TSLA"
[[menu]]
name = "Feeds"
url = "/feeds/"
[[menu]]
nam = "About"
url = ["/about/"]
"""
    assert problems(tmp_path, text) == [
        "1:1: 'title': expected text, got a whole number (put it in quotes)",
        "2:1: 'home_editions' must be between 1 and 100",
        "4:1: 'feeds.group_formats' must be 'rss', 'atom' or 'json', not 'rss2' (did you mean 'rss'?)",
        "4:1: 'feeds.group_formats' must be 'rss', 'atom' or 'json', not a whole number",
        "5:1: 'feeds.ttl' must be between 1 and 1000",
        "6:1: unknown setting 'feeds.item' (did you mean 'items'?)",
        "7:1: 'feeds.full_text': expected true or false, got text (leave out the quotes)",
        "9:1: 'markdown.engine' must be 'markdown' or 'pyromark', not 'pyro'",
        "10:1: 'watchlists.a' needs 'tickers'",
        "13:1: 'watchlists.b.title': expected text, got a date (put it in quotes)",
        "14:1: 'watchlists.b.tickers': expected a list, got text (put it in brackets)",
        "18:1: 'menu' needs 'name'",
        "19:1: unknown setting 'menu.nam' (did you mean 'name'?)",
        "20:1: 'menu.url': expected text, got a list",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('broken_links = "warn"', "1:1: 'broken_links' must be 'error' or 'warning', not 'warn' (did you mean 'warning'?)"),
        ("broken_links = true", "1:1: 'broken_links' must be 'error' or 'warning', not true or false"),
        ("home_editions = 4.0", "1:1: 'home_editions': expected a whole number, got a decimal number"),
        ("feeds = 3", "1:1: 'feeds': expected a table, got a whole number"),
        ('[menu]\nname = "A"\nurl = "/a/"', "1:1: 'menu': expected a list, got a table (write [[menu]])"),
        ("ignore = [3]", "1:1: 'ignore': expected text, got a whole number (put it in quotes)"),
        ("watchlists.b.tickers = []\nwatchlists.b.titl = 1", "2:1: unknown setting 'watchlists.b.titl' (did you mean 'title'?)"),
        ('[ watchlists . "b" ]\ntickers = 3', "2:1: 'watchlists.b.tickers': expected a list, got a whole number"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_the_words_of_people(tmp_path: Path, text: str, problem: str) -> None:
    """What was expected and what is there are named as TOML's users call them, with the choices or the remedy."""
    assert problems(tmp_path, text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('title = "a\\u0000b"', "1:1: 'title' has a control character in it: U+0000 (leave it out)"),
        ('content = "a\\u0000b"', "1:1: 'content' has a control character in it: U+0000 (leave it out)"),
        ('[params]\na = [{b = "\\u0001"}]', "2:1: 'params.a.b' has a control character in it: U+0001 (leave it out)"),
        ("[params]\na.b = 18446744073709551616", "2:1: 'params.a.b' is too large for a number (put it in quotes)"),
        ("feeds.items = 18446744073709551616", "1:1: 'feeds.items' must be between 1 and 1000"),
        ("[params]\na = -9223372036854775809", "2:1: 'params.a' is too large for a number (put it in quotes)"),
        ('language = "en_US"', "1:1: 'en_US' is not the tag of a language (write en, en-US or so)"),
        ('language = "e<n"', "1:1: 'e<n' is not the tag of a language (write en, en-US or so)"),
        ('language = ""', "1:1: '' is not the tag of a language (write en, en-US or so)"),
        ('base_url = "https://[/"', "1:1: 'https://[/' is not a web address (write https://example.org/ or so)"),
        ('base_url = "https://a.org:x/"', "1:1: 'https://a.org:x/' is not a web address (write https://example.org/ or so)"),
        ('base_url = "https://a.org/?b"', "1:1: 'https://a.org/?b' goes on behind its path (write https://example.org/ or so)"),
        ('feeds.hub = "http://["', "1:1: 'http://[' is not a web address (write https://hub.example/ or so)"),
        ('feeds.hub = "http://"', "1:1: 'http://' is not a web address (write https://hub.example/ or so)"),
        ('feeds.hub = "https://a b/"', "1:1: 'https://a b/' has a space or a quote in it (write https://hub.example/ or so)"),
        ('feeds.group_formats = ["rss", "rss"]', "1:1: 'feeds.group_formats' names 'rss' more than once"),
        ('feeds.formats = ["json", "json"]', "1:1: 'feeds.formats' names 'json' more than once"),
        (
            '[[menu]]\nurl = "https://a.org/"\n[[menu]]\nname = "About"\nurl = "abuot"',
            "5:1: 'abuot' is not a web address (begin it with / for what is on the site, else with https://)",
        ),
    ],
)
def test_what_would_spoil_pages_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """A value that pages, feeds or the cache cannot carry, or that leads nowhere, is told where it is set."""
    assert problem in problems(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        'language = "zh-Hant-TW"\nfeeds.group_formats = []\nbase_url = "http://[::1]:8000/news"',
        'menu = [{name = "A", url = "/a/"}, {name = "B", url = "//b.org/"}, {name = "C", url = "mailto:desk@example.org"}]',
        'disclaimer = """two\nlines\tand a tab"""\nhome_exchanges = ["lse", "FOO"]',
        "[params]\na = [1.5, true, 18446744073709551615, -9223372036854775808, 2024-05-17, {b = []}]",
    ],
)
def test_what_pages_can_carry_is_accepted(tmp_path: Path, text: str) -> None:
    """Odd settings that are right pass, and a site can be built with them."""
    assert problems(tmp_path, text) == []
    make(write(tmp_path, {"digest.toml": text, "content/a.md": article(tickers="[TSLA]")}))


def test_params_are_as_they_are_written(tmp_path: Path) -> None:
    """Whatever stands in `params` reaches templates as TOML has it, lists as lists."""
    text = "[params]\na = [1, [2.5], {b = ['c']}]\n"
    assert problems(tmp_path, text) == []
    assert config.load(tmp_path).params == {"a": [1, [2.5], {"b": ["c"]}]}


def test_a_misspelt_home_exchange_is_warned_of(tmp_path: Path) -> None:
    """An exchange that is nearly a known one gets a warning; any other stands for itself, as in tickers."""
    report = make(write(tmp_path, {"digest.toml": 'home_exchanges = ["NASDQ", "FOO"]', "content/a.md": article()}))
    assert [str(warning) for warning in report.warnings if "exchange" in warning.message] == [
        "warning: home_exchanges names 'NASDQ', which digest does not know (did you mean 'NASDAQ'?)"
    ]


@pytest.mark.parametrize(
    "header", ["[tool.digest]", "[ tool . digest ]", '[tool."digest"]', "[tool]\ndigest.home_editions = 1\n[tool.digest.feeds]"]
)
def test_the_table_in_a_pyproject_is_found(tmp_path: Path, header: str) -> None:
    """However TOML lets the table's name be written, a site with it is found, and its mistakes have their lines."""
    text = f"[project]\nname = 'site'\n{header}\nitem = 3\n"
    (tmp_path / config.PROJECT).write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=rf"^pyproject\.toml:{text.count(chr(10))}:1: error: unknown setting '[a-z.]*item'"):
        config.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "line"), [("tool = 1", "1:1:"), ("tool.digest = 1", "1:1:"), ("[tool]\ndigest = []", "2:1:"), ("", "")]
)
def test_a_pyproject_without_the_table(tmp_path: Path, text: str, line: str) -> None:
    """A project's file that is named, and has no table of settings, does not stand for a site with none."""
    (problem,) = problems(tmp_path, text, config.PROJECT)
    assert problem == f"{line} has no table [tool.digest] (write [tool.digest] above the settings)"


def test_a_project_that_is_no_site(tmp_path: Path) -> None:
    """A project that only speaks of digest is no site; one whose file is broken is told so."""
    (tmp_path / config.PROJECT).write_text("[project]\ndependencies = ['digest']\n[tool.other]\ndigest = 1\n")
    with pytest.raises(SettingsError, match=r"no digest\.toml in "):
        config.load(tmp_path)
    (tmp_path / config.PROJECT).write_text("[tool.digest]\ntitle = \n")
    with pytest.raises(SettingsError, match=r"pyproject\.toml:2:9: error: not valid TOML: "):
        config.load(tmp_path)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """A settings file, or a site's folder, that the system does not let in is told as such."""
    with pytest.raises(SettingsError, match=r"error: cannot be read: Is a directory"):
        config.load(tmp_path, tmp_path)
    with pytest.raises(SettingsError, match=r"error: there is no folder "):
        config.load(tmp_path / ("x" * 300))


OWN = "give it a folder of its own"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('output = "content"', "the output folder is the content folder"),
        ('output = "content/public"', "the output folder lies in the content folder"),
        ('output = "link/public"', "the output folder lies in the content folder"),
        ('output = "templates"', "the output folder is the templates folder"),
        ('output = ".digest"', "the output folder is digest's own folder .digest"),
        ('output = ".digest/preview"', "the output folder lies in digest's own folder .digest"),
        ('output = "."', "the output folder is the site's folder"),
        ('output = ".."', "the output folder holds the site's folder"),
        ('output = "/"', "the output folder holds the site's folder"),
        ('output = ""', "the output folder is the site's folder"),
        ('output = "sources"\ncontent = "sources/news"', "the output folder holds the content folder"),
        ('content = "./"', "the content folder is the site's folder"),
        ('content = "content/.."', "the content folder is the site's folder"),
        ('content = ".."', "the content folder holds the site's folder"),
        ('content = "output"', "the content folder is the output folder"),
        ('content = "output/content"', "the content folder lies in the output folder"),
        ('content = ".digest/content"', "the content folder lies in digest's own folder .digest"),
        ('templates = "content"', "the templates folder is the content folder"),
        ('templates = "content/templates"', "the templates folder lies in the content folder"),
        ('templates = "output/templates"', "the templates folder lies in the output folder"),
        ('templates = "."', "the templates folder is the site's folder"),
    ],
)
def test_folders_lie_apart(tmp_path: Path, text: str, problem: str) -> None:
    """A folder that a build writes is none that it reads, nor in one, nor around one, and neither is the site's own."""
    (tmp_path / "content").mkdir()
    (tmp_path / "link").symlink_to("content")
    name = problem.split()[1]
    assert problems(tmp_path, text) == [f'1:1: {problem} ({OWN}, such as {name} = "{name}")']


def test_folders_may_be_anywhere_else(tmp_path: Path) -> None:
    """Folders in the site's folder, outside of it and beside each other are fine, and names that only begin alike."""
    for text in (
        'output = "../public"\ncontent = "../news"\ntemplates = "../look"',
        'output = "content-built"\ntemplates = "content.theme"',
        'output = "web/public"\ncontent = "web/content"\ntemplates = "web/templates"',
        'content = "output"\noutput = "content"',
    ):
        assert problems(tmp_path, text) == []


def test_a_link_that_brings_folders_together(tmp_path: Path) -> None:
    """Where a link makes two folders one, the settings are wrong without a line of theirs being so."""
    (tmp_path / "content").mkdir()
    (tmp_path / "output").symlink_to("content")
    assert problems(tmp_path, 'title = "A"') == [f" the output folder is the content folder ({OWN})"]
