"""YAML as text with positions: what it accepts, what it refuses, and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest import yamldoc
from digest.errors import ContentError, Diagnostic
from digest.yamldoc import Node, load, plain


def read(text: str) -> Any:
    return plain(load(text, "a.md"))


def complaints(text: str, first_line: int = 1) -> list[str]:
    with pytest.raises(ContentError) as caught:
        load(text, "a.md", first_line)
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


@pytest.mark.parametrize("word", ["ON", "NO", "TRUE", "null", "~", "0700", "1:30", "1e3", "2024-05-17", "0x1F", ".inf", "="])
def test_plain_scalars_stay_the_text_that_was_written(word: str) -> None:
    """No word of YAML's own becomes a boolean, a number, a date or nothing."""
    assert read(f"field: {word}\nlist: [{word}]") == {"field": word, "list": [word]}


def test_a_value_left_out_is_empty_text() -> None:
    """A field without a value is empty text, like one with empty quotes."""
    assert read("a:\nb: ''\nc:\n  - \n  - x\n") == {"a": "", "b": "", "c": ["", "x"]}


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "\ufeff"])
def test_an_empty_text_is_an_empty_mapping(text: str) -> None:
    """Nothing written means no fields."""
    assert load(text, "a.md").value == {}


def test_lists_maps_and_quoted_texts_are_read_in_all_their_styles() -> None:
    """Block and flow styles, quotes, folded and literal text mean what YAML says."""
    text = (
        "flow: {name: Reuters, url: https://x.y/a#b}\n"
        "block:\n  - a\n  - - b\n    - c\n  - d: e\n"
        "folded: >-\n  one\n  two\n"
        "literal: |\n  one\n   two\n"
        "long: one\n  two\n\n  three\n"
        'escapes: "\\u00e9\\n"\n'
        "quotes: 'it''s'\n"
        "jekyll: ! 'text'\n"
    )
    assert read(text) == {
        "flow": {"name": "Reuters", "url": "https://x.y/a#b"},
        "block": ["a", ["b", "c"], {"d": "e"}],
        "folded": "one two",
        "literal": "one\n two\n",
        "long": "one two\nthree",
        "escapes": "é\n",
        "quotes": "it's",
        "jekyll": "text",
    }


def test_nodes_know_where_key_and_value_stand_in_the_file() -> None:
    """Lines count from the given first line, columns from 1, for values and for the keys of entries."""
    root = load("title: x\nsource:\n  name:  Reuters\ntags: [a, b]\n", "a.md", 2).value
    assert isinstance(root, dict)
    source = root["source"].value
    tags = root["tags"].value
    assert isinstance(source, dict)
    assert isinstance(tags, tuple)
    assert source["name"] == Node("Reuters", line=4, column=10, key_line=4, key_column=3)
    assert tags[1] == Node("b", line=5, column=11)


def test_characters_that_yaml_forbids_come_through_without_moving_a_column() -> None:
    """Control characters, a stray BOM and the line separators of Unicode are text like any other."""
    text = "title: a\x07b\u2028c\x85d\ufeffe\u2029\nnext: {a\x00: b}\n"
    assert read(text) == {"title": "a\x07b\u2028c\x85d\ufeffe\u2029", "next": {"a\x00": "b"}}
    assert complaints("title: \x07\u2028: x: y\n")[0].startswith("a.md:1:10: ")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_counts_as_one_line(newline: str) -> None:
    """Windows and old Mac files read and count like any other."""
    text = newline.join(["a: b", "c: |", "  d", "  e", "f: g: h"])
    assert complaints(text) == ['a.md:5:5: error: a colon and a space inside the value (quote the value: f: "g: h")']


MISTAKES = {
    "title: Tesla: the pivot": '1:13: a colon and a space inside the value (quote the value: title: "Tesla: the pivot")',
    'a: b "c": d': "1:9: a colon and a space inside the value (quote the value: a: 'b \"c\": d')",
    "a: b\n  c: d": "2:4: a field where none can begin (finish the line above, or align with it)",
    "a:\n\tb: c": "2:1: a tab cannot indent (use spaces)",
    "a: b\n\tc: d": "2:1: a tab cannot indent (use spaces)",
    'a: b\ntitle: "Tesla\ndate: x\n': "2:8: the quote is never closed (add the closing quote)",
    'a: "Tesla\nb: "x"\nc: d': "1:4: the quote is not closed on its line (close it)",
    "a: 'Tesla's pivot'": '1:11: text after the closing quote (quote the value: a: "Tesla\'s pivot")',
    'a: "Tesla" it\'s': "1:12: text after the closing quote (quote the value: a: '\"Tesla\" it''s')",
    "a: [Update] Tesla": '1:13: text after the closing bracket (quote the value: a: "[Update] Tesla")',
    "a: [b, c\nd: e": "1:4: the bracket '[' is never closed (close it)",
    "a: {b: c\nd: e": "1:4: the bracket '{' is never closed (close it)",
    "a: [b,": "1:7: a bracket is never closed (close it)",
    "a: [b, , c]": "1:8: expected an item before ',' (quote the item if the mark belongs to it)",
    "a: [b]]": "1:7: no bracket is open here (remove it)",
    "a: [b c: d: e]": "1:11: expected a comma or the closing bracket (quote an item that holds either)",
    "a: [b, @c]": "1:8: text cannot begin with '@' (quote it)",
    "a: @b": "1:4: a value cannot begin with '@' (quote the value: a: \"@b\")",
    "- `b`": "1:3: a value cannot begin with '`' (quote the value: - \"`b`\")",
    "a: **b**": "1:4: a value cannot begin with '*' (quote the value: a: \"**b**\")",
    "a: - b": "1:4: a value cannot begin with '-' (quote the value: a: \"- b\")",
    "a: > 5 %": "1:4: text cannot stand behind '|' or '>', only below (quote the value: a: \"> 5 %\")",
    'a: "C:\\qew"': "1:8: no such escape (write \\\\ for a backslash, or use single quotes)",
    'a: "\\U00110000"': "1:7: no such escape (write \\\\ for a backslash, or use single quotes)",
    'a: "\\ud800"': "1:11: no such escape (write \\\\ for a backslash, or use single quotes)",
    "a: b\ndate:2024\nc: d": "2:1: expected 'name: value' (put a space after the colon: date: 2024)",
    "a: b\nsome words\n": "2:1: expected 'name: value' (indent a line that goes on from above)",
    "a: b\n- c": "2:1: the line does not go on from those above (check its indentation)",
    " a: b\nc: d": "2:1: the line does not go on from those above (check its indentation)",
    "a: \ud800": "1:4: a character that is not text",
    "date:2024": "1:1: expected fields, one 'name: value' on each line (put a space after the colon: date: 2024)",
    "- a": "1:1: expected fields, one 'name: value' on each line",
    "*a": "1:1: aliases are not supported (quote the value if the '*' belongs to it, else repeat what the alias stands for)",
    "a: !!int 3": "1:4: tags ('!!int') are not supported (quote the value if the '!' belongs to it, else remove the tag)",
    "a: !!python/object:os.system {}": "1:4: tags ('!!python/object:os.system') are not supported"
    " (quote the value if the '!' belongs to it, else remove the tag)",
    "a: &b c": "1:4: anchors ('&b') are not supported (quote the value if the '&' belongs to it, else remove it)",
    "<<: {a: b}": "1:1: merge keys ('<<') are not supported (write the fields out)",
    "a: b\n---\nc: d": "2:1: a second document begins here (remove the line '---')",
    "? [a]\n: b": "1:3: a key must be text, not a list or a mapping (quote it if the bracket belongs to it)",
    '"": b': "1:1: a key is missing before the colon",
    "a: b\nc: d\na: e": "3:1: duplicate key 'a', first on line 1 (remove one of the two)",
    "a: {b: c, b: d}": "1:11: duplicate key 'b', first on line 1 (remove one of the two)",
}


@pytest.mark.parametrize("text", MISTAKES)
@pytest.mark.parametrize("parser", ["fast", "pure"])
def test_every_mistake_is_placed_explained_and_mended(text: str, parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole message, the same with libyaml and without."""
    if parser == "pure":
        monkeypatch.setattr(yamldoc, "_FAST", yamldoc._Pure)
    assert complaints(text) == ["a.md:" + MISTAKES[text].replace(": ", ": error: ", 1)]


UNSURE = "quote the value if it belongs to it"
REMARKS = {
    "title: Apple #1 in sales": ("1:14: warning: '#1 in sales'", 'quote the value: title: "Apple #1 in sales"'),
    "a:\n  - b\n  - c \t#d ": ("3:8: warning: '#d'", 'quote the value: - "c \t#d"'),
    "a: b\n  c #d\u2028e\nf: g": ("2:5: warning: '#d\u2028e'", UNSURE),
    "a: #b": ("1:4: warning: '#b'", UNSURE),
    "a: {b: c #d\n}": ("1:10: warning: '#d'", UNSURE),
    "a: C#\nb: c#d": (),
    "# all\na: b\n# of\n\n  # these\nc: d": (),
    "a: 'b' # c\nd: \"e\" # f\ng: [h, i] # j\nk: # l\n  - m\nn: | # o\n  p #q\nr: {s: t} # u\nv: [w, # x\n  y]": (),
}


@pytest.mark.parametrize("text", REMARKS)
@pytest.mark.parametrize("parser", ["fast", "pure"])
def test_a_comment_that_may_be_meant_as_text_is_remarked(text: str, parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only behind a value without quotes; one on a line of its own, or behind quotes or brackets, is surely meant."""
    if parser == "pure":
        monkeypatch.setattr(yamldoc, "_FAST", yamldoc._Pure)
    remarks: list[Diagnostic] = []
    load(text, "a.md", remarks=remarks)
    found, hint = REMARKS[text] or ("", "")
    assert list(map(str, remarks)) == ([f"a.md:{found} is a comment in YAML and is left out ({hint})"] if found else [])


def test_all_refused_things_are_reported_at_once() -> None:
    """What is no syntax error does not hide what follows it, and lines count in the whole file."""
    found = complaints("a: &x b\nc: *x\na: !!str d\n", first_line=2)
    assert [line.split(" are not")[0] for line in found] == [
        "a.md:2:4: error: anchors ('&x')",
        "a.md:3:4: error: aliases",
        "a.md:4:1: error: duplicate key 'a', first on line 2 (remove one of the two)",
        "a.md:4:4: error: tags ('!!str')",
    ]


def test_nesting_ends_at_its_limit_however_deep_the_text_goes() -> None:
    """Twenty levels are read; one more, or a hundred thousand, is an error and not a crash."""
    assert read("a: " + "[" * 19 + "]" * 19)["a"]
    for depth in (20, 100_000):
        assert complaints("a: " + "[" * depth) == ["a.md:1:23: error: nested deeper than 20 levels"]


def test_a_list_is_welcome_where_the_caller_says_so() -> None:
    """With `mapping=False` any root will do."""
    assert plain(load("- a\n- b\n", "a.yaml", mapping=False)) == ["a", "b"]
    assert plain(load("text", "a.yaml", mapping=False)) == "text"


# Not among the pieces: a tab or a "#" right behind "|" or ">", and a tab behind a tag, which libyaml alone
# lets pass. Nobody writes them on purpose.
PIECES = [
    "a",
    "b c",
    " ",
    "\n",
    "\n  ",
    "\n- ",
    "- ",
    ":",
    ": ",
    "'",
    '"',
    "[",
    "]",
    "{",
    "}",
    ",",
    " #",
    "\t",
    "&x",
]
PIECES += [
    "*x",
    "!!s ",
    "?",
    "---\n",
    "...",
    "%",
    "\\",
    "<<",
    "\r\n",
    "\u2028",
    "\x00",
    "é",
    "0700",
    "@",
    " |\n  ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map(lambda pieces: "a: " + "".join(pieces)))
@example("a: \n? b c\n")
@example("a: {? }\n")
@example("a: {a?}")
@example("a: [what?, why ?, a?b, {c? d: e??}, ?f]\nb: g? h")
@example("%YAML 1." + "1" * 5000 + "\n---\na: b\n")
def test_any_text_is_read_or_refused_alike_by_both_parsers(text: str) -> None:
    """libyaml and the pure parser give the same values or diagnostics, and never another exception."""

    def outcome(fast: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(yamldoc, "_FAST", fast)
            remarks: list[Diagnostic] = []
            try:
                return load(text, "a.md", remarks=remarks), remarks
            except ContentError as error:
                return error.diagnostics

    assert outcome(yamldoc._FAST) == outcome(yamldoc._Pure)


@given(st.text())
def test_any_text_in_double_quotes_comes_back(text: str) -> None:
    """What is quoted as JSON is read back character by character."""
    assert read(f"a: {json.dumps(text)}\n") == {"a": text}
    assert read(f"a: {json.dumps(text, ensure_ascii=False)}\n") == {"a": text}
