"""Files of the preview as a browser asks for them: addresses to files, their types and their versions.

Nothing but regular files below the folder is ever found, whatever an address says.
"""

from __future__ import annotations

import mimetypes
import os
import stat
from pathlib import Path
from typing import NamedTuple

_TYPES = {
    ".avif": "image/avif",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".opml": "text/x-opml; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
_OTHERS = mimetypes.MimeTypes()  # Python's own table: the system's may say anything

_FEEDS = ((b"<rss", "application/rss+xml"), (b"<feed", "application/atom+xml"))
_JSON_FEED = b"https://jsonfeed.org/version/"


class Found(NamedTuple):
    """A file that may be served."""

    path: str
    stat: os.stat_result

    @property
    def version(self) -> str:
        """Another one after every change."""
        return f"{self.stat.st_ino:x}-{self.stat.st_mtime_ns:x}-{self.stat.st_size:x}"


def find(folder: Path, address: str) -> Found | None:
    """The file at a decoded address below the site's base; that of a folder is its `index.html`.

    Hidden files, `..`, backslashes, NUL and links that lead out of the folder find nothing.
    """
    parts = (address + "index.html" if address == "" or address.endswith("/") else address).split("/")
    if any(part == "" or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    try:
        inside = os.path.realpath(folder)
        path = os.path.realpath(os.path.join(inside, *parts))
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if not path.startswith(inside.rstrip(os.sep) + os.sep) or not stat.S_ISREG(found.st_mode):
        return None
    return Found(path, found)


def media_type(path: str) -> str:
    """The type of a file by its name, and of feeds by their first bytes, as servers of published sites give it."""
    extension = os.path.splitext(path)[1].lower()
    if extension in (".xml", ".json"):
        with open(path, "rb") as file:
            head = file.read(1000)
        if extension == ".json":
            return "application/feed+json" if _JSON_FEED in head else _TYPES[extension]
        kind = next((kind for mark, kind in _FEEDS if mark in head), "application/xml")
        return f"{kind}; charset=utf-8"
    return _TYPES.get(extension) or _OTHERS.guess_type("x" + extension)[0] or "application/octet-stream"
