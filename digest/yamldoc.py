"""YAML in which every scalar is the text that was written, and every value knows where it stands.

The only door to PyYAML. Read is the part of YAML 1.1 that people write by hand: mappings, lists and text.
Nothing is guessed (`ON`, `0700`, `1:30`, `~` stay text; only a value left out is empty text), and what could
surprise or attack is refused: tags, anchors and aliases, merge keys, duplicate keys, several documents, deep
nesting. What a field's text must look like is left to the schemas of the callers; so are control characters,
which come through as they are.

The work is done on the parser's events, because they still carry anchors and tags, and need no recursion in
the parser. libyaml is used when PyYAML was built with it. It words its errors differently, so a text that it
rejects is read once more by the pure parser, whose word is final.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from digest.errors import ContentError, Diagnostic

DEPTH = 20
"""Mappings and lists may stand inside each other this deep."""

# Characters that YAML 1.1 forbids or takes for line breaks (YAML 1.2 section 5.4 does not); a stray one in a
# title must not stop a site. They pass the parser as private stand-ins of the same width: columns stay true.
_ODD_CODES = (
    range(0x09), range(0x0B, 0x0D), range(0x0E, 0x20), range(0x7F, 0xA0), range(0x2028, 0x202A), range(0xFEFF, 0xFF00),
    range(0xFFFE, 0x10000),
)  # fmt: skip
_ODD = re.compile(f"[{''.join([f'{chr(codes[0])}-{chr(codes[-1])}' for codes in _ODD_CODES])}]")
_STAND_IN = {code: 0x100000 + code for codes in _ODD_CODES for code in codes}
_RESTORE = {stand_in: code for code, stand_in in _STAND_IN.items()}

# As text, since few need them: whoever does compiles them.
_COMMENT = r"[ \t]+(#.*?)\s*$"
_ENTRY = r"\s*(?:- +)*(?P<lead>[^\s:#\[{\"'][^:]*:[ \t]+)(?P<value>\S.*?)\s*$"
_ITEM = r"\s*(?P<lead>-[ \t]+)(?P<value>\S.*?)\s*$"
_TIGHT = r"\s*(?P<key>[\w-]+):(?P<value>[^\s/].*?)\s*$"


class Node(msgspec.Struct, frozen=True):
    """A value and where it stands: lines count in the whole file, lines and columns from 1."""

    value: str | tuple[Node, ...] | dict[str, Node]
    line: int
    column: int
    key_line: int = 0
    """For a mapping's entry, where its key stands; else 0."""
    key_column: int = 0


def load(text: str, path: str, first_line: int = 1, *, mapping: bool = True, remarks: list[Diagnostic] | None = None) -> Node:
    """The document's root; an empty text is an empty mapping.

    `first_line` is the line of the file at which the text begins. Raises `ContentError` with every finding;
    a syntax error ends the search. With `mapping` the root must be a mapping. To `remarks` a warning is added for
    each value without quotes that a comment follows, since it may be meant as part of the value.
    """
    text = text.removeprefix("\ufeff")
    odd = _ODD.search(text) is not None
    if odd:
        text = text.translate(_STAND_IN)
    try:
        reader = _Reader(_FAST(text), path, first_line, odd)
        root = reader.document(mapping)
    except (yaml.YAMLError, ValueError):
        reader, root = _second_reading(text, path, first_line, odd, mapping)
    if reader.findings:
        raise ContentError(reader.findings)
    if remarks is not None and "#" in text:
        remarks += reader.remarks(text)
    return root


def plain(node: Node) -> Any:
    """The node's text, list or dict, without positions."""
    value = node.value
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(item) for item in value]


class _Pure(yaml.BaseLoader):
    """PyYAML's own parser, taught what libyaml does.

    Tabs may separate, a question mark may stand in text in brackets, escapes must stand for characters.
    """

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
            self.forward()
            super().scan_to_next_token()

    def scan_plain(self) -> Any:
        def peek(index: int = 0) -> str:  # a character that ends no text in place of one that would
            char: str = super(_Pure, self).peek(index)
            return "." if char == "?" else char

        vars(self)["peek"] = peek
        try:
            return super().scan_plain()
        finally:
            del vars(self)["peek"]

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> list[str] | None:
        blanks, breaks = "", 0
        while (char := self.peek()) in " \t\r\n" and not (char == "\t" and breaks and self.column < indent):
            if char in "\r\n":
                self.scan_line_break()  # type: ignore[no-untyped-call]
                breaks += 1
                self.allow_simple_key = True
                if self.prefix(3) in ("---", "...") and self.peek(3) in "\0 \t\r\n":
                    return None
            else:
                blanks += char
                self.forward()
        if breaks:
            return ["\n" * (breaks - 1) or " "]  # YAML 1.1 section 4.2.6, line folding
        return [blanks] if blanks else []

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Any) -> list[str]:
        try:
            text = "".join(super().scan_flow_scalar_non_spaces(double, start_mark))
            # JSON (RFC 8259 section 7) writes one character beyond U+FFFF as a pair of escapes.
            return [text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")]
        except (ValueError, OverflowError):
            raise yaml.scanner.ScannerError("double-quoted", start_mark, "", self.get_mark()) from None


_FAST: Any = getattr(yaml, "CBaseLoader", _Pure)


class _TooDeep(Exception):
    """Ends the reading; its diagnostic is already among the findings."""


class _Reader:
    """Builds nodes from a parser's events and gathers what is refused."""

    def __init__(self, loader: Any, path: str, first_line: int, odd: bool) -> None:
        self.loader = loader
        self.next = loader.get_event
        self.path = path
        self.first_line = first_line
        self.odd = odd
        self.findings: list[Diagnostic] = []
        self.scalar: Any = None
        """The last one read: what went wrong after it often went wrong in it."""
        self.unquoted: list[Any] = []
        """The values read that stand without quotes."""

    def document(self, mapping: bool) -> Node:
        """The only document's root."""
        self.next()  # the stream's start
        empty = Node({}, self.first_line, 1)
        if type(self.next()) is yaml.StreamEndEvent:
            return empty
        event = self.next()
        try:
            root = self.node(event, 1)
        except _TooDeep:
            return empty
        self.next()  # the document's end
        following = self.next()
        if type(following) is not yaml.StreamEndEvent:
            self.refuse(following.start_mark, "a second document begins here", "remove the line '---'")
        if type(event) is yaml.ScalarEvent and not event.value and not event.style:
            return empty
        if mapping and not isinstance(root.value, dict) and not self.findings:
            hint = _spaced(root.value) if isinstance(root.value, str) else ""
            self.refuse(event.start_mark, "expected fields, one 'name: value' on each line", hint)
        return root

    def node(self, event: Any, depth: int, key: Any = None) -> Node:
        kind = type(event)
        mark = event.start_mark
        value: str | tuple[Node, ...] | dict[str, Node]
        if kind is yaml.ScalarEvent:
            value = self.text(event)
            if not event.style:
                self.unquoted.append(event)
                if key and not value:
                    mark = key.end_mark  # the parsers place a value left out differently
        elif kind is yaml.AliasEvent:
            hint = "quote the value if the '*' belongs to it, else repeat what the alias stands for"
            self.refuse(mark, "aliases are not supported", hint)
            value = ""
        else:
            self.check(event)
            if depth > DEPTH:
                self.refuse(mark, f"nested deeper than {DEPTH} levels")
                raise _TooDeep
            value = self.entries(depth) if kind is yaml.MappingStartEvent else self.items(depth)
        if key is None:
            return Node(value, mark.line + self.first_line, mark.column + 1)
        start = key.start_mark
        return Node(value, mark.line + self.first_line, mark.column + 1, start.line + self.first_line, start.column + 1)

    def text(self, event: Any) -> str:
        self.scalar = event
        if event.tag is not None or event.anchor is not None:
            self.check(event)
        value: str = event.value
        return value.translate(_RESTORE) if self.odd else value

    def items(self, depth: int) -> tuple[Node, ...]:
        items = []
        while type(event := self.next()) is not yaml.SequenceEndEvent:
            items.append(self.node(event, depth + 1))
        return tuple(items)

    def entries(self, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while type(event := self.next()) is not yaml.MappingEndEvent:
            mark = event.start_mark
            key = self.key(event, depth)
            value = self.node(self.next(), depth + 1, event)
            if key in entries:
                first = entries[key].key_line
                self.refuse(mark, f"duplicate key '{key}', first on line {first}", "remove one of the two")
            elif key is not None:
                entries[key] = value
        return entries

    def key(self, event: Any, depth: int) -> str | None:
        """The key's text, or None for one that is refused."""
        mark = event.start_mark
        if type(event) is not yaml.ScalarEvent:
            self.node(event, depth + 1)
            if type(event) is not yaml.AliasEvent:
                hint = "quote it if the bracket belongs to it"
                self.refuse(mark, "a key must be text, not a list or a mapping", hint)
            return None
        key = self.text(event)
        if key == "<<" and not event.style:
            self.refuse(mark, "merge keys ('<<') are not supported", "write the fields out")
            return None
        if key == "":
            if type(self.loader) is not _Pure:
                raise yaml.YAMLError  # the parsers place what is not there differently
            self.refuse(mark, "a key is missing before the colon")
            return None
        return key

    def check(self, event: Any) -> None:
        """Refuses an anchor or an explicit tag; `!` alone only says that plain text is text."""
        if event.anchor is not None:
            hint = "quote the value if the '&' belongs to it, else remove it"
            self.refuse(event.start_mark, f"anchors ('&{event.anchor}') are not supported", hint)
        if event.tag is not None and event.tag != "!":
            tag = event.tag.replace("tag:yaml.org,2002:", "!!", 1)
            hint = "quote the value if the '!' belongs to it, else remove the tag"
            self.refuse(event.start_mark, f"tags ('{tag}') are not supported", hint)

    def refuse(self, mark: Any, message: str, hint: str = "") -> None:
        place = mark.line + self.first_line, mark.column + 1
        self.findings.append(Diagnostic(self.path, *place, message, hint))

    def remarks(self, text: str) -> Iterator[Diagnostic]:
        """Warnings of comments behind values without quotes."""
        lines = _lines(text)
        for event in self.unquoted:
            end = event.end_mark
            comment = re.compile(_COMMENT).match(lines[end.line], end.column) if end.line < len(lines) else None
            if comment:
                written = comment[1].translate(_RESTORE) if self.odd else comment[1]
                hint = _quoted(lines[end.line], event.start_mark.column) if event.value else ""
                message = f"'{written}' is a comment in YAML and is left out"
                place = end.line + self.first_line, comment.start(1) + 1
                yield Diagnostic(self.path, *place, message, hint or "quote the value if it belongs to it", "warning")


def _second_reading(text: str, path: str, first_line: int, odd: bool, mapping: bool) -> tuple[_Reader, Node]:
    """The pure parser's reading of what the fast one rejected; raises `ContentError` if it does so too."""
    try:
        loader = _Pure(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + first_line
        column = error.position - text.rfind("\n", 0, error.position)
        raise ContentError([Diagnostic(path, line, column, "a character that is not text")]) from None
    reader = _Reader(loader, path, first_line, odd)
    try:
        return reader, reader.document(mapping)
    except yaml.MarkedYAMLError as error:
        reader.refuse(*_explain(error, text.translate(_RESTORE) if odd else text, reader.scalar))
    except ValueError as error:  # a number of YAML's own that is too long for Python
        reader.findings.append(Diagnostic(path, first_line, 1, f"not YAML: {error}"))
    raise ContentError(reader.findings)


# What PyYAML says, with facts of ours behind it; whether to blame the start of the construct or the place
# where it broke; what to say instead; how to mend it. The first row that fits counts; one that shows the line
# mended, `{quote}` or `{space}`, fits only where it can be mended so.
_NO_START = r"an alias|an anchor|a tag|cannot start|not allowed|node content"
_FAULTS = (
    (r"found character '\\t'", False, "a tab cannot indent", "use spaces"),
    (r"mapping values", False, "a colon and a space inside the value", "{quote}"),
    (r"mapping values", False, "a field where none can begin", "finish the line above, or align with it"),
    (r"could not find expected ':'", True, "expected 'name: value'", "{space}"),
    (r"could not find expected ':'", True, "expected 'name: value'", "indent a line that goes on from above"),
    (r"quoted scalar: found unexpected", True, "the quote is never closed", "add the closing quote"),
    (r"double-quoted", False, "no such escape", r"write \\ for a backslash, or use single quotes"),
    (r"block scalar", True, "text cannot stand behind '|' or '>', only below", "{quote}"),
    (r"a flow node.*stream end", False, "a bracket is never closed", "close it"),
    (r"a flow node", False, "expected an item before '{at}'", "quote the item if the mark belongs to it"),
    (_NO_START, True, "a value cannot begin with '{at}'", "{quote}"),
    (_NO_START, True, "text cannot begin with '{at}'", "quote it"),
    (r"a flow .* or .* on a later line", True, "the bracket '{at}' is never closed", "close it"),
    (r"a flow .* or ", False, "expected a comma or the closing bracket", "quote an item that holds either"),
    (r"block end.* after a quote on a later line", True, "the quote is not closed on its line", "close it"),
    (r"block end.* after a quote", False, "text after the closing quote", "{quote}"),
    (r"block end.*<scalar>", False, "text after the closing bracket", "{quote}"),
    (r"block end.*'[]}]'", False, "no bracket is open here", "remove it"),
    (r"<block |<document start>", False, "the line does not go on from those above", "check its indentation"),
)


def _explain(error: yaml.MarkedYAMLError, text: str, scalar: Any) -> tuple[Any, str, str]:
    """Where a syntax error really is, what it is in plain words, and how to mend it.

    `scalar` is the event of the last text that was read whole, or None.
    """
    mark: Any = error.problem_mark
    start: Any = error.context_mark or mark
    said = f"{error.context}: {error.problem}"
    if "block end" in said and scalar and scalar.style in ("'", '"') and scalar.end_mark.line == mark.line:
        said += " after a quote"
        start = scalar.start_mark
    if start.line < mark.line:
        said += " on a later line"
    lines = _lines(text)
    for pattern, at_start, message, hint in _FAULTS:
        place = start if at_start else mark
        line = lines[place.line] if place.line < len(lines) else ""
        hints = {"{quote}": _quoted(line, place.column), "{space}": _spaced(line)}
        if re.search(pattern, said) and (mended := hints.get(hint, hint)):
            return place, message.replace("{at}", line[place.column : place.column + 1]), mended
    return mark, f"not YAML: {error.problem}", ""


def _lines(text: str) -> list[str]:
    return re.split("\r\n|\r|\n", text)


def _spaced(line: str) -> str:
    """A hint for `name:value`, or nothing."""
    found = re.match(_TIGHT, line)
    return f"put a space after the colon: {found['key']}: {found['value']}" if found else ""


def _quoted(line: str, column: int) -> str:
    """A hint that shows the line's value in quotes, or nothing when no value is at fault there."""
    found = re.match(_ENTRY, line) or re.match(_ITEM, line)
    if not found or column < found.start("value"):
        return ""
    value, before = found["value"], line[found.start("value") : column]
    if before.count("[") > before.count("]") or before.count("{") > before.count("}"):
        return ""  # what needs quotes is one item of a list
    if len(value) > 1 and value[0] in "'\"" and value[0] == value[-1]:
        value = value[1:-1]
    value = f'"{value}"' if "\\" not in value and '"' not in value else "'" + value.replace("'", "''") + "'"
    return f"quote the value: {found['lead']}{value}"
