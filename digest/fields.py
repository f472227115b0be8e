"""Front matter, field by field: what was written in, typed values out, and a diagnostic for each that cannot be.

The rules of form are here; which fields an article has is said in `articles`.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from digest.characters import clean
from digest.errors import Diagnostic, did_you_mean
from digest.moments import Moment, read_moment
from digest.urls import check_url
from digest.yamldoc import Node, plain


class Fields:
    """The front matter of one file. Every reader takes a field's name, and gives an empty value where it is absent."""

    def __init__(self, path: str, nodes: dict[str, Node], zone: ZoneInfo) -> None:
        self.path = path
        self.nodes = nodes
        self.zone = zone
        self.problems: list[Diagnostic] = []

    def at(self, name: str) -> tuple[int, int]:
        """Line and column of a field's name; the file's head where it is absent."""
        node = self.nodes.get(name)
        return (node.key_line or node.line, node.key_column or node.column) if node else (1, 1)

    def wrong(self, node: Node, message: str, hint: str = "", severity: str = "error") -> None:
        self.problems.append(Diagnostic(self.path, node.line, node.column, message, hint, severity))

    def _clean(self, node: Node, value: str) -> str:
        text = clean(value)
        if text != value:
            self.wrong(node, "control characters were dropped", "retype the text around them", "warning")
        return text.strip()

    def text_of(self, node: Node, what: str) -> str:
        if not isinstance(node.value, str):
            self.wrong(node, f"{what} must be text", "quote it if it begins with [ or {")
            return ""
        return self._clean(node, node.value)

    def text(self, name: str) -> str:
        node = self.nodes.get(name)
        return self.text_of(node, f"'{name}'") if node else ""

    def line(self, name: str) -> str:
        """Text without a line break."""
        value = self.text(name)
        if "\n" in value:
            self.wrong(self.nodes[name], f"'{name}' must be one line")
        return value

    def texts(self, name: str, separator: str = "") -> list[tuple[str, Node]]:
        """The items of a list, or of one text cut at `separator` (a pattern; empty: not cut)."""
        node = self.nodes.get(name)
        if node is None:
            return []
        if isinstance(node.value, dict):
            self.wrong(node, f"'{name}' must be a text or a list", f"write {name}: [one, two]")
            return []
        if isinstance(node.value, str):
            whole = self._clean(node, node.value)
            return [(part, node) for part in (re.split(separator, whole) if separator else [whole]) if part]
        found = [(self.text_of(item, f"an item of '{name}'"), item) for item in node.value]
        return [(text, item) for text, item in found if text]

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(name)
        if not value:
            return default
        if value not in choices:
            known = ", ".join(choices[:-1]) + " or " + choices[-1]
            self.wrong(
                self.nodes[name], f"'{name}' must be {known}, not '{value}'", did_you_mean(value, choices) or f"write {known}"
            )
            return default
        return value

    def flag(self, name: str) -> bool:
        return self.choice(name, ("true", "false"), "false") == "true"

    def number(self, name: str) -> int:
        value = self.text(name)
        if not value:
            return 0
        if not re.fullmatch(r"[+-]?\d{1,9}", value):
            self.wrong(self.nodes[name], f"'{name}' must be a whole number, not '{value}'")
            return 0
        return int(value)

    def moment_of(self, node: Node, what: str) -> Moment | None:
        value = self.text_of(node, what)
        if not value:
            return None
        try:
            return read_moment(value, self.zone)
        except ValueError as error:
            self.wrong(node, f"{what}: {error}", "write 2024-05-17 or 2024-05-17T11:41, with -04:00 behind it if need be")
            return None

    def moment(self, name: str) -> Moment | None:
        node = self.nodes.get(name)
        return self.moment_of(node, f"'{name}'") if node else None

    def day_of(self, node: Node, what: str) -> str:
        value = self.text_of(node, what)
        try:
            return date.fromisoformat(value).isoformat() if value else ""
        except ValueError:
            self.wrong(node, f"{what}: '{value}' is not a date", "write 2024-05-17")
            return ""

    def day(self, name: str) -> str:
        node = self.nodes.get(name)
        return self.day_of(node, f"'{name}'") if node else ""

    def url_of(self, node: Node, what: str) -> str:
        value = self.text_of(node, what)
        if value and (problem := check_url(value)):
            self.wrong(node, f"{what}: {problem}", "it must begin with https:// or http://")
            return ""
        return value

    def table(self, name: str, known: tuple[str, ...]) -> dict[str, Node]:
        """A map's entries; unknown ones are reported."""
        node = self.nodes.get(name)
        if node is None:
            return {}
        return self.table_of(node, f"'{name}'", known)

    def table_of(self, node: Node, what: str, known: tuple[str, ...]) -> dict[str, Node]:
        if not isinstance(node.value, dict):
            self.wrong(node, f"{what} must be a map", "with the entries " + ", ".join(known))
            return {}
        for key, entry in node.value.items():
            if key not in known:
                where = Node("", entry.key_line, entry.key_column)
                hint = did_you_mean(key, known) or "known here: " + ", ".join(known)
                self.wrong(where, f"{what} has no '{key}'", hint)
        return {key: entry for key, entry in node.value.items() if key in known}

    def extra(self, names: list[str]) -> dict[str, Any]:
        """The fields that digest does not know, as text, lists and maps."""
        return {name: plain(self.nodes[name]) for name in names}
