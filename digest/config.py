"""Settings: `digest.toml`, or the table `[tool.digest]` of a `pyproject.toml`, made into one frozen `Config`.

Checks form and range. Whether a path that a setting names exists is found out where it is used.
"""

from __future__ import annotations

import re
import tomllib
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_type_hints
from urllib.parse import urlsplit

import msgspec

from digest import notation
from digest.errors import Diagnostic, SettingsError, did_you_mean

FILE = "digest.toml"
LOCAL_URL = "http://localhost:8000/"
"""Stands in while `base_url` is not set."""

Format = Literal["rss", "atom", "json"]


class Markdown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    engine: Literal["markdown", "pyromark"] = "markdown"
    """`pyromark` is CommonMark in Rust, an extra: `digest[fast]`."""
    smarty: bool = False
    """Curly quotes and dashes out of plain ones."""


class Feeds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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


class Watchlist(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tickers: tuple[str, ...]
    title: str = ""
    description: str = ""


class MenuItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    url: str


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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
    watchlists: dict[str, Watchlist] = {}
    menu: tuple[MenuItem, ...] = ()
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


def load(folder: Path, file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Return the settings of the site in `folder`, out of `file` or of the first settings file found there.

    `overrides` are settings that the command line gives. Raises `SettingsError` with everything that is wrong.
    """
    file = file or find(folder)
    label = file.name
    try:
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise SettingsError([Diagnostic(str(file), 0, 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise SettingsError([Diagnostic(label, 0, 0, "is not UTF-8", "save it as UTF-8")]) from None
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([_syntax_error(label, text, str(error))]) from None
    prefix = ""
    if file.name == "pyproject.toml":
        prefix = "tool.digest."
        table = table.get("tool", {}).get("digest", {})
    return _convert(table, overrides or {}, label, text, prefix)


def find(folder: Path) -> Path:
    """Return the settings file of the site in `folder`; raise `SettingsError` when there is none."""
    file = folder / FILE
    if file.is_file():
        return file
    project = folder / "pyproject.toml"
    if project.is_file() and re.search(r"^\[tool\.digest[].]", project.read_text("utf-8", "replace"), re.MULTILINE):
        return project
    what = f"no {FILE} in {folder}" if folder.is_dir() else f"there is no folder {folder}"
    hint = f'name the site\'s folder with -s, or write {FILE} with: title = "My digest"'
    raise SettingsError([Diagnostic("", 0, 0, what, hint)])


def _syntax_error(label: str, text: str, message: str) -> Diagnostic:
    match = re.search(r"(.*) \(at line (\d+), column (\d+)\)", message)
    if match:
        return Diagnostic(label, int(match[2]), int(match[3]), f"not valid TOML: {match[1][0].lower()}{match[1][1:]}")
    return Diagnostic(
        label, text.count("\n") + 1, 1, f"not valid TOML: {message.split(' (', maxsplit=1)[0]}", "is something unclosed?"
    )


def _convert(table: Mapping[str, Any], overrides: Mapping[str, Any], label: str, text: str, prefix: str) -> Config:
    problems: list[Diagnostic] = []
    values: dict[str, Any] = {}

    def wrong(key: str, message: str, hint: str = "") -> None:
        if key in overrides:
            problems.append(Diagnostic("--" + key.replace("_", "-"), 0, 0, message, hint))
        else:
            problems.append(Diagnostic(label, *_locate(text, prefix + key), message, hint))

    for key, value in {**table, **overrides}.items():
        if key not in _TYPES:
            hint = did_you_mean(key, _TYPES) or "the settings are: " + ", ".join(_TYPES)
            wrong(key, f"unknown setting '{key}'", hint)
            continue
        try:
            values[key] = msgspec.convert(value, _TYPES[key])
        except msgspec.ValidationError as error:
            wrong(*_explain(key, str(error)))
    for key, message, hint in _range_errors(values):
        wrong(key, message, hint)
    if problems:
        raise SettingsError(problems)
    return Config(**values)


_TYPES: dict[str, Any] = get_type_hints(Config)
_PARTS: dict[str, type[msgspec.Struct]] = {"markdown": Markdown, "feeds": Feeds, "watchlists": Watchlist, "menu": MenuItem}


def _explain(key: str, message: str) -> tuple[str, str, str]:
    """Key, message and hint out of msgspec's `Expected X, got Y - at $.path`."""
    what, _, where = message.partition(" - at ")
    inner = re.sub(r"\[[^]]*]", "", where.strip("`").removeprefix("$")).strip(".")
    full = f"{key}.{inner}" if inner else key
    unknown = re.search(r"unknown field `(.*)`", what)
    if unknown:
        full = f"{full}.{unknown[1]}"
        known = [field.name for field in msgspec.structs.fields(_PARTS[key])]
        return full, f"unknown setting '{full}'", did_you_mean(unknown[1], known) or "known here: " + ", ".join(known)
    missing = re.search(r"missing required field `(.*)`", what)
    if missing:
        return full, f"'{full}' needs '{missing[1]}'", ""
    return full, f"'{full}': {what[0].lower()}{what[1:].replace('`', '')}", ""


def _range_errors(values: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    found = []
    if url := values.get("base_url", ""):
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
        except ValueError:
            good = False
        if not good or re.search(r"[\s<>\"]", url):
            found.append(("base_url", f"'{url}' is not an absolute web address", "write https://example.org/ or so"))
    if (zone := values.get("timezone")) is not None:
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            hint = did_you_mean(zone, zoneinfo.available_timezones()) or "use an IANA name: America/New_York"
            found.append(("timezone", f"unknown time zone '{zone}'", hint))
    feeds = values.get("feeds", Feeds())
    for name in ("items", "group_items", "ttl"):
        if not 1 <= getattr(feeds, name) <= 1000:
            found.append((f"feeds.{name}", f"'feeds.{name}' must be between 1 and 1000", ""))
    if not 1 <= values.get("home_editions", 1) <= 100:
        found.append(("home_editions", "'home_editions' must be between 1 and 100", ""))
    if feeds.hub and not feeds.hub.startswith(("http://", "https://")):
        found.append(("feeds.hub", f"'{feeds.hub}' is not an absolute web address", ""))
    for name in ("content", "templates", "output"):
        if values.get(name, "x").strip() in ("", ".", "/"):
            found.append((name, f"'{name}' must be a folder of its own", f'write {name} = "{name}"'))
    return found + _watchlist_errors(values.get("watchlists", {}))


def _watchlist_errors(watchlists: Mapping[str, Watchlist]) -> list[tuple[str, str, str]]:
    found = []
    for name, watchlist in watchlists.items():
        for ticker in watchlist.tickers:
            try:
                notation.parse(ticker)
            except ValueError as error:
                found.append((f"watchlists.{name}.tickers", str(error), "write it as TSLA or LON:VOD"))
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            hint = "use lower-case letters, digits and hyphens; `title` is for people"
            found.append((f"watchlists.{name}", f"'{name}' cannot be part of an address", hint))
    return found


def _locate(text: str, key: str) -> tuple[int, int]:
    """Line and column at which a dotted key is set in TOML, or (0, 0) where it is not, as when the command line set it.

    A value inside a list or an inline table is placed at the nearest key around it.
    """
    best, at, table = 0, (0, 0), ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^]]+?)\s*]+", line)
        setting = re.match(r"(\s*)([\w.\"'-]+)\s*=", line)
        if header:
            table = header[1] + "."
            name, column = header[1], 1
        elif setting:
            name, column = table + setting[2].replace('"', "").replace("'", ""), len(setting[1]) + 1
        else:
            continue
        if (key == name or key.startswith(name + ".")) and len(name) > best and name != "tool.digest":
            best, at = len(name), (number, column)
    return at
