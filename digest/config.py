"""Settings: `digest.toml`, or the table `[tool.digest]` of a `pyproject.toml`, made into one frozen `Config`.

Checks form and range. Whether a path that a setting names exists is found out where it is used.
"""

from __future__ import annotations

import os
import re
import tomllib
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from digest import notation, tables, urls
from digest.errors import Diagnostic, SettingsError, did_you_mean

FILE = "digest.toml"
PROJECT = "pyproject.toml"
CACHE = ".digest"
FOLDERS = ("content", "templates", "output")
"""The settings that are folders; each is in the folder of its name unless it is set."""
LOCAL_URL = "http://localhost:8000/"
"""Stands in while `base_url` is not set."""

Format = Literal["rss", "atom", "json"]


class Markdown(msgspec.Struct, frozen=True):
    engine: Literal["markdown", "pyromark"] = "markdown"
    """`pyromark` is CommonMark in Rust, an extra: `digest[fast]`."""
    smarty: bool = False
    """Curly quotes and dashes out of plain ones."""


class Feeds(msgspec.Struct, frozen=True):
    formats: tuple[Format, ...] = ("rss", "atom", "json")
    """Formats of the site's own feed."""
    items: int = 50
    """The newest articles in the site's own feeds."""
    group_items: int = 20
    """The newest articles in the feed of a ticker, tag, source or watchlist."""
    full_text: bool = True
    """Whole articles, else summaries only."""
    group_formats: tuple[Format, ...] = ("rss",)
    """Formats of the feeds of tickers, tags, sources and watchlists."""
    ttl: int = 60
    """Minutes that a reader may wait before it asks again."""
    hub: str = ""
    """WebSub hub to announce."""


class Outputs(msgspec.Struct, frozen=True):
    """What a site can do without."""

    data: bool = True
    """Tickers as JSON, for programs."""
    sitemaps: bool = True


class Watchlist(msgspec.Struct, frozen=True):
    tickers: tuple[str, ...]
    title: str = ""
    description: str = ""


class MenuItem(msgspec.Struct, frozen=True):
    name: str
    url: str


class Config(msgspec.Struct, frozen=True):
    """Every setting of a site."""

    title: str = "Digest"
    base_url: str = ""
    """Where the site will be served, absolute, maybe with a path: `https://example.org/news/`."""
    description: str = ""
    language: str = "en"
    """BCP 47."""
    timezone: str = "UTC"
    """IANA name; days, and dates without an offset, are in it."""
    author: str = ""
    copyright: str = ""
    notice: str = ""
    disclaimer: str = ""
    image: str = ""
    """Default picture for social cards: a media file's path below the content folder."""
    content: str = "content"
    templates: str = "templates"
    output: str = "output"
    ignore: tuple[str, ...] = ()
    """Glob patterns of paths below the content folder that are left out."""
    broken_links: Literal["error", "warning"] = "error"
    home_exchanges: tuple[str, ...] = ()
    """Exchanges whose symbols stand bare; default: those of the United States."""
    home_editions: int = 4
    """Editions on the home page."""
    markdown: Markdown = Markdown()
    feeds: Feeds = Feeds()
    outputs: Outputs = Outputs()
    watchlists: dict[str, Watchlist] = {}
    menu: tuple[MenuItem, ...] = ()
    extra: tuple[str, ...] = ()
    """Fields of the site's own in front matter, for its own templates, as `content.extra`."""
    params: dict[str, Any] = {}
    """For the site's own templates, as `site.params`."""

    @property
    def url(self) -> str:
        """The base URL with a slash at its end."""
        return (self.base_url or LOCAL_URL).rstrip("/") + "/"

    @property
    def origin(self) -> str:
        """Scheme and host: `https://example.org`."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def base(self) -> str:
        """The base path: `/`, `/news/`."""
        return urlsplit(self.url).path


def load(
    folder: Path, file: Path | None = None, overrides: Mapping[str, Any] | None = None, output: Path | None = None
) -> Config:
    """Return the settings of the site in `folder`, out of `file` or of the first settings file found there.

    `overrides` are settings that the command line gives, and `output` the folder that it names in place of the setting.
    Raises `SettingsError` with everything that is wrong.
    """
    file = file or find(folder)
    text, table, prefix = _read(file)
    overrides = overrides or {}
    given = {*overrides, "output"} if output else {*overrides}
    problems: list[Diagnostic] = []

    def wrong(key: tables.Key, message: str, hint: str = "") -> None:
        if key[0] in given:
            problems.append(Diagnostic("--" + str(key[0]).replace("_", "-"), 0, 0, message, hint))
        else:
            problems.append(Diagnostic(file.name, *tables.locate(text, (*prefix, *key)), message, hint))

    config = tables.struct(Config, {**table, **overrides}, wrong)
    _check_ranges(config, wrong)
    _check_addresses(config, overrides, wrong)
    _check_folders(config, folder, output, wrong)
    _check_watchlists(config, wrong)
    if problems:
        raise SettingsError(problems)
    return config


def find(folder: Path) -> Path:
    """Return the settings file of the site in `folder`; raise `SettingsError` when there is none."""
    file, project = folder / FILE, folder / PROJECT
    if os.path.isfile(file):
        return file
    if os.path.isfile(project):
        text = _text(project)
        if "digest" in text and _of_digest(_table(project, text)) is not None:
            return project
    what = f"no {FILE} in {folder}" if os.path.isdir(folder) else f"there is no folder {folder}"
    hint = f'name the site\'s folder with -s, or write {FILE} with: title = "My digest"'
    raise SettingsError([Diagnostic("", 0, 0, what, hint)])


def _read(file: Path) -> tuple[str, dict[str, Any], tables.Key]:
    """A settings file's text, the table with the settings in it, and where in the file that table stands."""
    text = _text(file)
    table = _table(file, text)
    if file.name != PROJECT:
        return text, table, ()
    own, place = _of_digest(table), ("tool", "digest")
    if not isinstance(own, dict):
        hint = "write [tool.digest] above the settings"
        raise SettingsError([Diagnostic(file.name, *tables.locate(text, place), "has no table [tool.digest]", hint)])
    return text, own, place


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except OSError as error:
        raise SettingsError([Diagnostic(str(file), 0, 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise SettingsError([Diagnostic(file.name, 0, 0, "is not UTF-8", "save it as UTF-8")]) from None


def _table(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([_syntax_error(file.name, text, str(error))]) from None


def _of_digest(table: dict[str, Any]) -> Any:
    """What stands under `tool.digest`, be it a table or not; None where there is nothing."""
    tool = table.get("tool")
    return tool.get("digest") if isinstance(tool, dict) else None


def _syntax_error(label: str, text: str, message: str) -> Diagnostic:
    match = re.search(r"(.*) \(at line (\d+), column (\d+)\)", message)
    if match:
        return Diagnostic(label, int(match[2]), int(match[3]), f"not valid TOML: {match[1][0].lower()}{match[1][1:]}")
    return Diagnostic(
        label, text.count("\n") + 1, 1, f"not valid TOML: {message.split(' (', maxsplit=1)[0]}", "is something unclosed?"
    )


def _check_ranges(config: Config, wrong: tables.Wrong) -> None:
    if not re.fullmatch(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", config.language):
        wrong(("language",), f"'{config.language}' is not the tag of a language", "write en, en-US or so")
    try:
        zoneinfo.ZoneInfo(config.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = did_you_mean(config.timezone, zoneinfo.available_timezones()) or "use an IANA name: America/New_York"
        wrong(("timezone",), f"unknown time zone '{config.timezone}'", hint)
    feeds = config.feeds
    for name in ("items", "group_items", "ttl"):
        if not 1 <= getattr(feeds, name) <= 1000:
            wrong(("feeds", name), f"'feeds.{name}' must be between 1 and 1000", "")
    if not 1 <= config.home_editions <= 100:
        wrong(("home_editions",), "'home_editions' must be between 1 and 100", "")
    for name in ("formats", "group_formats"):
        formats = getattr(feeds, name)
        for format in {format for format in formats if formats.count(format) > 1}:
            wrong(("feeds", name), f"'feeds.{name}' names '{format}' more than once", "")


def _check_addresses(config: Config, overrides: Mapping[str, Any], wrong: tables.Wrong) -> None:
    if config.base_url or "base_url" in overrides:
        problem = urls.check_url(config.base_url)
        if not problem and re.search("[?#]", config.base_url):
            problem = f"'{config.base_url}' goes on behind its path"
        if problem:
            wrong(("base_url",), problem, "write https://example.org/ or so")
    if config.feeds.hub and (problem := urls.check_url(config.feeds.hub)):
        wrong(("feeds", "hub"), problem, "write https://hub.example/ or so")
    for place, item in enumerate(config.menu):
        if item.url and not item.url.startswith("/") and not _OTHER_SCHEME(item.url) and (problem := urls.check_url(item.url)):
            wrong(("menu", place, "url"), problem, "begin it with / for what is on the site, else with https://")


_OTHER_SCHEME = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*:[^\s<>\"\\]+").fullmatch
"""Matches `mailto:desk@example.org` and the like."""


def _check_folders(config: Config, site: Path, output: Path | None, wrong: tables.Wrong) -> None:
    """What is read and what is written must lie apart: else a build publishes its own output, or overwrites its sources."""
    places = {name: os.path.realpath(site / getattr(config, name)) for name in FOLDERS}
    if output:
        places["output"] = os.path.realpath(output)
    # Of two that meet, the one is to blame that is not where it is by default.
    moved = [name for name in FOLDERS if places[name] != os.path.realpath(site / name)]
    root = os.path.realpath(site)
    others = {"the site's folder": root, f"digest's own folder {CACHE}": os.path.realpath(site / CACHE)}
    for name in sorted(FOLDERS, key=moved.__contains__):
        place = places[name]
        for what, other in others.items():
            how = "is" if place == other else "lies in" if _lies_in(place, other) else "holds" if _lies_in(other, place) else ""
            if how and (other != root or how != "lies in"):
                example = f', such as {name} = "{name}"' if name in moved and not (output and name == "output") else ""
                wrong((name,), f"the {name} folder {how} {what}", f"give it a folder of its own{example}")
                break
        else:
            others[f"the {name} folder"] = place


def _lies_in(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))


def _check_watchlists(config: Config, wrong: tables.Wrong) -> None:
    for name, watchlist in config.watchlists.items():
        for ticker in watchlist.tickers:
            try:
                notation.parse(ticker)
            except ValueError as error:
                wrong(("watchlists", name, "tickers"), str(error), "write it as TSLA or LON:VOD")
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            hint = "use lower-case letters, digits and hyphens; `title` is for people"
            wrong(("watchlists", name), f"'{name}' cannot be part of an address", hint)
