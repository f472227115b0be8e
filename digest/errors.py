"""Diagnostics: where something is wrong, what, and how to mend it.

Every mistake of a user travels as a `Diagnostic`; the exceptions here only carry them to the command line.
Printing them, and deciding which of them end a build, is left to `terminal` and `build`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import msgspec


class Diagnostic(msgspec.Struct, frozen=True, order=True):
    """One finding, in the shape that editors and compilers share: `path:line:column: severity: message (hint)`."""

    path: str
    """The file, relative to the site's root, with forward slashes; empty when no file is to blame."""
    line: int
    """1-based; 0 when the whole file is meant."""
    column: int
    """1-based; 0 when the whole line is meant."""
    message: str
    hint: str = ""
    """How to mend it; empty when the message says all."""
    severity: str = "error"
    """`error` ends the build before it publishes; `warning` does not, unless the build is strict."""

    def __str__(self) -> str:
        where = self.path
        if self.line:
            where += f":{self.line}"
            if self.column:
                where += f":{self.column}"
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where + ': ' if where else ''}{self.severity}: {self.message}{hint}"


class DigestError(Exception):
    """The work cannot be done, for reasons that `diagnostics` tell. Exit status `code`."""

    code = 1

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(diagnostics))
        super().__init__("\n".join(map(str, self.diagnostics)))

    @classmethod
    def at(cls, path: str | Path, what: str, error: OSError, hint: str = "") -> Self:
        """What the system would not do with a file or folder: `what` is wrong with it, and `error` says why."""
        reason = (error.strerror or str(error)).lower()
        return cls([Diagnostic(str(path), 0, 0, f"{what}: {reason}", hint)])

    def __reduce__(self) -> tuple[type[DigestError], tuple[tuple[Diagnostic, ...]]]:
        return type(self), (self.diagnostics,)  # from a worker's process to ours


class ContentError(DigestError):
    """Content or templates are wrong: exit status 1."""


class SettingsError(DigestError):
    """Settings or the command's use are wrong: exit status 2."""

    code = 2


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is most likely a misspelling of, or None when none is close."""
    import difflib  # only for those who have misspelt something

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or an empty string."""
    match = nearest(word, known)
    return f"did you mean '{match}'?" if match else ""
