"""The program's own key: what else than its arguments an output depends on."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

from digest.fingerprint import digest, fingerprint

SHAPING = ("feedgen", "jinja2", "lxml", "markdown", "markupsafe", "msgspec", "nh3", "pyromark", "python_dateutil", "pyyaml")
"""Distributions whose version shapes output, as the names of their metadata begin."""


@cache
def key() -> bytes:
    """The key of the package's own code and of the versions of the libraries that shape output.

    Versions are read off the names of the metadata: asking importlib.metadata costs more than an unchanged build.
    """
    package = Path(__file__).parent
    code = [(path.name, digest(path.read_bytes())) for path in sorted(package.glob("*.py"))]
    versions = set()
    for folder in sys.path:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")) and name.split("-")[0].lower() in SHAPING:
                versions.add(name.lower())
    return fingerprint((sys.version_info[:3], code, sorted(versions)))


def theme() -> Path:
    """The folder of the theme: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    shipped = package / "theme"
    return shipped if shipped.is_dir() else package.parent / "templates"


def compiled() -> Path | None:
    """The folder for what is compiled of the theme, beside the package's own bytecode; None where Python is to write none."""
    from importlib.util import cache_from_source

    if sys.dont_write_bytecode or not sys.implementation.cache_tag:
        return None
    return Path(cache_from_source(__file__)).parent / "theme"
