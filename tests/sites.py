"""Small real sites for tests: written into a folder, built, looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from digest import config as settings
from digest.build import Audience, Options, Report, build
from digest.library import Library
from digest.standing import RECORD

AS_OF = 1_716_600_000  # 2024-05-25 in UTC
SETTINGS = 'title = "Test digest"\nbase_url = "https://example.org/news/"\ntimezone = "America/New_York"\n'


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write files below a folder, with the settings of a site unless they are among them."""
    for path, content in {"digest.toml": SETTINGS, **files}.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def article(title: str = "A story", date: str = "2024-05-17", body: str = "Some text.", **fields: Any) -> str:
    """An article's file."""
    lines = [f"title: {title}", f"date: {date}", *(f"{name}: {value}" for name, value in fields.items())]
    return "---\n" + "\n".join(lines) + f"\n---\n{body}\n"


def options(folder: Path, **changes: Any) -> Options:
    """Options that build the site in a folder as a command in that folder would."""
    audience = Audience(changes.pop("as_of", AS_OF), changes.pop("drafts", False), changes.pop("future", False))
    config = settings.load(folder)
    values = {"root": folder, "config": config, "output": folder / config.output, "cache": folder / ".digest/cache.db"}
    return Options(audience=audience, **{**values, **changes})


def make(folder: Path, library: Library | None = None, **changes: Any) -> Report:
    """Build the site in a folder."""
    return build(options(folder, **changes), library)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path, but for digest's own list."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found.pop(RECORD, None)
    return found


def page(folder: Path, path: str) -> str:
    """A page of the output."""
    return (folder / "output" / path).read_text("utf-8")
