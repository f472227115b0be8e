"""Kinds of content: what a file below the content folder is, by its path alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from digest.errors import Diagnostic

REGISTRY = "tickers.yaml"

_MARKDOWN = (".md", ".markdown")


def is_markdown(path: str) -> bool:
    """Whether a file is parsed, however its ending is written; all but the registry are media otherwise."""
    return path.endswith(_MARKDOWN) or path.lower().endswith(_MARKDOWN)  # nearly all are written in lower case


_FOLDERS = {"editions/": "note", "pages/": "page"}


def kind_of(path: str) -> str:
    """What a Markdown file below the content folder is: `article`, `note` or `page`."""
    folder, slash, _ = path.partition("/")
    return _FOLDERS.get(folder + slash, "article")


# As text, since few sites have media: whoever does compiles them.
_ARTICLE = r"(?is)(.*[^/])\.(?:(?:md|markdown)\.txt|mdx|mdown|mkdn?|rst)"
_REGISTRY = r"(?i)tickers\.ya?ml"


def misnamed(media: Iterable[str]) -> list[Diagnostic]:
    """Warnings of media that were hardly meant to be any."""
    problems = []
    for path in media:
        article = re.fullmatch(_ARTICLE, path)
        if article or re.fullmatch(_REGISTRY, path):
            hint = f"an article's name ends in .md: rename it to {article[1]}.md" if article else f"rename it to {REGISTRY}"
            problems.append(Diagnostic(path, 0, 0, "it is published as it is", hint, "warning"))
    return problems
