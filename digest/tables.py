"""Tables of TOML made into structs, field by field, so that every mistake is told and none hides another.

Checks form: names, types, choices. What a value may be beyond that is left to whoever asked for the struct.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import UNSET

from digest.characters import clean
from digest.errors import did_you_mean

Key = tuple[str | int, ...]
"""The way to a value: the names of tables and settings, and places in lists, from 0."""

Wrong = Callable[[Key, str, str], None]
"""Is told a key, what is wrong there, and how to mend it."""

Struct = TypeVar("Struct", bound=msgspec.Struct)

WORDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a decimal number",
    list: "a list",
    dict: "a table",
    datetime: "a date",
    date: "a date",
    time: "a time",
}
"""What people call TOML's types."""


def struct(kind: type[Struct], table: Mapping[str, Any], wrong: Wrong, key: Key = ()) -> Struct:
    """The struct that a table stands for; a field that is wrong has its default, or is empty where it has none."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    values = {name: (get_origin(field.type) or field.type)() for name, field in fields.items() if field.required}
    for name in values.keys() - table.keys():
        wrong(key, f"'{dotted(key)}' needs '{name}'", "")
    for name, given in table.items():
        if name in fields:
            value = _value(fields[name].type, given, wrong, (*key, name))
            values |= {} if value is UNSET else {name: value}
        else:
            hint = did_you_mean(name, fields) or "known here: " + ", ".join(fields)
            wrong((*key, name), f"unknown setting '{dotted((*key, name))}'", hint)
    return kind(**values)


def _value(kind: Any, value: Any, wrong: Wrong, key: Key) -> Any:
    """A value as the type of a field wants it, or UNSET; of a list or a table, what is right in it."""
    if kind is Any:
        return _anything(value, wrong, key)
    inner = get_args(kind)
    is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    if get_origin(kind) is Literal:
        return _choice(inner, value, wrong, key)
    wanted = {tuple: list, dict: dict}.get(get_origin(kind), dict if is_struct else kind)
    if type(value) is not wanted:
        wrong(key, f"'{dotted(key)}': expected {WORDS[wanted]}, got {WORDS[type(value)]}", _hint(wanted, value, key))
        return UNSET
    if is_struct:
        return struct(kind, value, wrong, key)
    if wanted is str:
        return _text(value, wrong, key)
    return _items(inner[wanted is dict], value, wrong, key) if inner else value


def _anything(value: Any, wrong: Wrong, key: Key) -> Any:
    """A value of any type as it is, when nothing in it is more than pages and the cache can carry."""
    if isinstance(value, list | dict):
        _items(Any, value, wrong, key)
    elif isinstance(value, str):
        _text(value, wrong, key)
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        wrong(key, f"'{dotted(key)}' is too large for a number", "put it in quotes")
    return value


def _text(value: str, wrong: Wrong, key: Key) -> Any:
    if clean(value) == value:
        return value
    first = next(character for character in value if not clean(character))
    wrong(key, f"'{dotted(key)}' has a control character in it: U+{ord(first):04X}", "leave it out")
    return UNSET


def _items(kind: Any, items: Any, wrong: Wrong, key: Key) -> Any:
    """What is right in a list or in a table of such values."""
    if isinstance(items, dict):
        pairs = {name: _value(kind, item, wrong, (*key, name)) for name, item in items.items()}
        return {name: item for name, item in pairs.items() if item is not UNSET}
    found = [_value(kind, item, wrong, (*key, place)) for place, item in enumerate(items)]
    return tuple(item for item in found if item is not UNSET)


def _choice(choices: tuple[str, ...], value: Any, wrong: Wrong, key: Key) -> Any:
    if value in choices:
        return value
    quoted = [f"'{choice}'" for choice in choices]
    known = ", ".join(quoted[:-1]) + " or " + quoted[-1]
    got, hint = (f"'{value}'", did_you_mean(value, choices)) if isinstance(value, str) else (WORDS[type(value)], "")
    wrong(key, f"'{dotted(key)}' must be {known}, not {got}", hint)
    return UNSET


def _hint(wanted: type, value: Any, key: Key) -> str:
    if isinstance(value, dict):
        return f"write [[{dotted(key)}]]" if wanted is list else ""
    if isinstance(value, str):
        return "put it in brackets" if wanted is list else "leave out the quotes" if wanted is not dict else ""
    return "put it in quotes" if wanted is str and not isinstance(value, list) else ""


def dotted(key: Key) -> str:
    """A key as people write it; the place in a list is left to the line."""
    return ".".join(part for part in key if isinstance(part, str))


def locate(text: str, key: Key) -> tuple[int, int]:
    """Line and column at which a key is set in TOML, or (0, 0) where it is not.

    A value inside a list or an inline table is placed at the nearest key around it.
    """
    wanted = ".".join(map(str, key)) + "."
    best, at, table = 0, (0, 0), ""
    lists: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*(\[+)\s*([^]]+?)\s*]+", line)
        setting = re.match(r"(\s*)([\w.\"'-]+)\s*=", line)
        if header:
            name, column = re.sub(r"[\s\"']", "", header[2]), 1
            if header[1] == "[[":
                lists[name] = lists.get(name, -1) + 1
                name = f"{name}.{lists[name]}"
            table = name + "."
        elif setting:
            name, column = table + re.sub(r"[\"']", "", setting[2]), len(setting[1]) + 1
        else:
            continue
        if wanted.startswith(name + ".") and len(name) > best:
            best, at = len(name), (number, column)
    return at
