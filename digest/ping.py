"""Telling a WebSub hub which feeds have changed, once they are where readers find them.

WebSub (https://www.w3.org/TR/websub/) leaves to publisher and hub how they talk. Hubs understand what its forerunner,
PubSubHubbub 0.4, said in section 7.1: a form is posted with `hub.mode=publish` and the feed's address as `hub.url`.
The hub then fetches the feed and passes it on.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode

from digest import config, urls
from digest.errors import Diagnostic, DigestError, SettingsError
from digest.feeditems import uri

TRIES = 4
"""Pauses of 2, 4 and 8 seconds lie between them."""

TIMEOUT = 10
"""Seconds for an answer."""

TOO_MANY_REQUESTS = 429

FEEDS = {urls.EDITIONS, *(format.file for format in urls.FORMATS.values())}
"""Names of the files that are feeds."""

Pause = Callable[[float], None]


def announce(
    site: Path,
    settings: Path | None,
    changed_list: Path,
    overrides: Mapping[str, Any] | None = None,
    pause: Pause = time.sleep,
) -> str:
    """Tell the hub of the site in `site` about the feeds in a list of changed paths; return what was done, in one line.

    The list is what a build wrote, one path below the output folder a line. Feeds that a build removed are in it too:
    the hub finds out. Raises `SettingsError` where no hub or address is set or the list cannot be read, and
    `DigestError` with every feed that the hub has not taken.
    """
    found = config.load(site, settings, overrides)
    if not found.feeds.hub:
        hint = 'write hub = "https://…" under [feeds] in the settings'
        raise SettingsError([Diagnostic("", 0, 0, "there is no hub to tell", hint)])
    if not found.base_url:
        hint = 'write base_url = "https://…" in the settings'
        raise SettingsError([Diagnostic("", 0, 0, "a hub needs the address at which the feeds are published", hint)])
    hint = "digest build --changed-list writes it"
    try:
        lines = changed_list.read_text("utf-8").splitlines()
    except OSError as error:
        raise SettingsError.at(changed_list, "cannot be read", error, hint) from None
    except UnicodeDecodeError:
        raise SettingsError([Diagnostic(str(changed_list), 0, 0, "cannot be read: it is not UTF-8", hint)]) from None
    hub, feeds = uri(found.feeds.hub), feeds_among(lines)
    if not feeds:
        return "no feed has changed"
    failed = ping(hub, [uri(found.origin + found.base + urls.escape(path)) for path in feeds], pause=pause)
    if failed:
        hint = "the feeds are published: this only delays those who wait for the hub; run the command again"
        raise DigestError([Diagnostic(url, 0, 0, f"the hub {hub} {reason}", hint) for url, reason in failed.items()])
    return f"told {hub} of {len(feeds)} feed{'s'[: len(feeds) != 1]}"


def feeds_among(paths: Iterable[str]) -> list[str]:
    """Those of these paths that are feeds which a build wrote; media that bear such a name are not."""
    kept = (path for path in paths if path.rpartition("/")[2] in FEEDS)
    return [path for path in kept if not path.startswith(("media/", "assets/"))]


def ping(hub: str, urls: Iterable[str], tries: int = TRIES, pause: Pause = time.sleep) -> dict[str, str]:
    """Post each URL to the hub, and return what the hub did instead of taking it, by URL: empty when all went well.

    What may pass (no answer, 429, 5xx) is tried up to `tries` times, with pauses in seconds that double from 2; any
    other answer is final, a redirection too, for a form that is posted does not follow it.
    """
    waiting = dict.fromkeys(urls, "")
    failed: dict[str, str] = {}
    for attempt in range(tries):
        if attempt and waiting:
            pause(2.0**attempt)
        waiting = _round(hub, list(waiting), failed)
    return failed | waiting


def _round(hub: str, urls: list[str], failed: dict[str, str]) -> dict[str, str]:
    """Post each URL once; return those to try again, and why. Those that were refused are added to `failed`."""
    again: dict[str, str] = {}
    for number, url in enumerate(urls):
        try:
            _post(hub, url)
        except HTTPError as error:
            passing = error.code == TOO_MANY_REQUESTS or error.code >= 500
            (again if passing else failed)[url] = f"answered {_answer(error)}"
        except (OSError, HTTPException, UnicodeError) as error:  # the last of a name that no host can have
            reason = error.reason if isinstance(error, URLError) else error
            # Whoever does not answer now would let each of the others wait as long.
            return again | dict.fromkeys(urls[number:], f"cannot be reached: {reason}")
    return again


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Lets a redirection be an error: Python would go on with a GET and take its answer for a yes."""

    def redirect_request(self, *_: Any) -> None:
        """None: there is nothing to go on with."""


_open = urllib.request.build_opener(_NoRedirect).open


def _post(hub: str, url: str) -> None:
    form = urlencode({"hub.mode": "publish", "hub.url": url}).encode()
    with _open(urllib.request.Request(hub, form, {"User-Agent": "digest"}), timeout=TIMEOUT):
        pass


def _answer(error: HTTPError) -> str:
    """What the hub said, on one line: the status and the beginning of the text."""
    with error:
        said = " ".join(error.read(1000).decode("utf-8", "replace").split())
    shown = "".join(filter(str.isprintable, said))[:200]
    return f"{error.code} {error.reason}" + (f": {shown}" if shown else "")
