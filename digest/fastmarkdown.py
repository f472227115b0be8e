"""Python-Markdown, faster: the same output to the byte, in a sixth of the time.

An article is mostly text in which nothing happens, while Python-Markdown tries every rule on every piece of it. Here a
block or a text that no rule can touch is recognised by one regular expression; links, code, line breaks and plain
emphasis, which are nearly all that is left, are written at once; whatever is less simple goes to Python-Markdown itself,
text by text. The three last walks over the tree (prettify, unescape, serialize) are one.

What is relied on beyond the public API is the order of those steps and the names of the rules, the same in the versions
that `TESTED` names; with any other, `converter` gives Python-Markdown as it comes. The one difference left is where
Python-Markdown fails: the number in a placeholder that it forgets to replace. Cleaning is left to `markup`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import chain
from typing import Any, Self
from xml.etree.ElementTree import Element, SubElement

import markdown
from markdown.blockparser import BlockParser
from markdown.extensions import Extension
from markdown.extensions.def_list import DefListExtension
from markdown.extensions.footnotes import FootnoteExtension
from markdown.extensions.sane_lists import SaneListExtension
from markdown.extensions.tables import TableExtension
from markdown.inlinepatterns import Pattern, SimpleTagInlineProcessor
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import InlineProcessor, PrettifyTreeprocessor, UnescapeTreeprocessor
from markdown.util import AtomicString, code_escape

TESTED = ((3, 10), (3, 11))
"""The first and the last minor version whose output the tests have compared."""

# A block in which every line starts so that only the paragraph rule can want it: no indent, marker, heading, quote,
# rule, underline, table or definition. Emphasis and links may start a line, a digit a later one; a backslash the first
# only, as Python-Markdown takes `\\|` for the line below a table's head.
_START = r"(?:[^\s#*+\-_=>\[:|%s]|\*{1,3}[^\s*]|\[)"
_FIRST_LINE = re.compile(_START % r"\d").match
_PARAGRAPH = re.compile(_START % r"\d" + r"[^\n]*(?:\n" + _START % r"\\" + r"[^\n]*)*\Z").match

# What must stand in a block before these rules can apply to it.
_BLOCK_NEEDS = {
    "table": "|",
    "hashheader": "#",
    "setextheader": "\n",
    "quote": ">",
    "deflist": ":",
    "footnote": "]:",
    "reference": "]:",
}

# One of these must stand in a text before these rules can apply to it.
_INLINE_NEEDS = {
    "backtick": ("`",),
    "escape": ("\\",),
    "footnote": ("[^",),
    "reference": ("[",),
    "link": ("](",),
    "image_link": ("![",),
    "image_reference": ("![",),
    "short_reference": ("[",),
    "short_image_ref": ("![",),
    "autolink": ("<",),
    "automail": ("<",),
    "linebreak": ("  \n",),
    "html": ("<",),
    "entity": ("&",),
    "not_strong": ("*", "_"),
    "em_strong": ("*", "_"),
    "em_strong2": ("_",),
    "del": ("~~",),
}
_BY_REFERENCE = ("reference", "image_reference", "short_reference", "short_image_ref")

# Every branch of these starts with a literal, which lets the regular expression engine skip to it; a plain `in` is
# quicker still, so that texts are asked with it first.
_TAG = re.compile(r"<(?![\s\d])").search
_CODE = r"`(?<!``)([^`]+)`(?!`)"
_LINK = r"\[(?<!!\[)([^\[\]`\\*_<~\n]+)\]\(([^\s()<>\"'`\\\[\]]+)(?: \"(?!')([^\"()<>`\\\[\]\n]+)\")?\)"
_TOKEN = re.compile(f"{_CODE}|{_LINK}").sub
_TOKEN_OR_BREAK = re.compile(rf"{_CODE}|{_LINK}|  \n(?=\S)").sub
_EMPHASIS = re.compile(r"\*(?<!\*\*)(\*?)(?![\s*])([^*]+)(?<!\s)\*\1(?!\*)|_(?<!\w_)(?![\s_])([^*_]+)(?<!\s)_(?!\w)").sub
_LOOSE = re.compile(r"_(?:(?<!\w_)|(?!\w))").search
_SPACES_ONLY = re.compile("\n  *\n").search
_SPACE = re.compile(r"\s").sub
_ESCAPED = re.compile("\x02(\\d+)\x03")
_BARE_AMPERSAND = re.compile(r"&(?!(?:#[0-9]+|#x[0-9a-f]+|[0-9a-z]+);)", re.IGNORECASE)
_VOID = frozenset(("br", "hr", "img"))


class _Strikethrough(Extension):
    """`~~deleted~~`, as CommonMark's relatives have it."""

    def extendMarkdown(self, md: markdown.Markdown) -> None:
        md.inlinePatterns.register(SimpleTagInlineProcessor(r"(~~)(?!\s)(.+?)(?<!\s)~~", "del"), "del", 55)
        md.ESCAPED_CHARS += ["$", "~"]


class _FencedCode(Extension):
    """Python-Markdown's fenced code, loaded where there is any: with it comes Pygments, if that is installed."""

    def extendMarkdown(self, md: markdown.Markdown) -> None:
        md.preprocessors.register(_Fences(md), "fenced_code_block", 25)


class _Fences(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        return self._stock.run(lines) if any(line.startswith(("```", "~~~")) for line in lines) else lines

    @cached_property
    def _stock(self) -> Preprocessor:
        from markdown.extensions.fenced_code import FencedBlockPreprocessor, FencedCodeExtension

        return FencedBlockPreprocessor(self.md, FencedCodeExtension().getConfigs())


def _create(kind: type[markdown.Markdown], smarty: bool, fenced_code: Extension) -> markdown.Markdown:
    # As instances: Python-Markdown looks names up among the metadata of all that is installed, which takes long.
    extensions: list[Extension] = [
        TableExtension(use_align_attribute=True),
        FootnoteExtension(BACKLINK_TEXT="&#8617;&#65038;"),  # an arrow, and the wish that it be no emoji
        fenced_code,
        DefListExtension(),
        SaneListExtension(),
        _Strikethrough(),
    ]
    if smarty:
        from markdown.extensions.smarty import SmartyExtension

        extensions.append(SmartyExtension())
    return kind(extensions=extensions)


def stock(smarty: bool = False) -> markdown.Markdown:
    """Python-Markdown's own converter for our dialect: what `converter` is measured by."""
    from markdown.extensions.fenced_code import FencedCodeExtension

    return _create(markdown.Markdown, smarty, FencedCodeExtension())


def converter(smarty: bool = False) -> markdown.Markdown:
    """A converter for our dialect: the fast one where its identity with the stock one has been tested."""
    tested = TESTED[0] <= markdown.__version_info__[:2] <= TESTED[1]
    return _create(_FastMarkdown if tested and not smarty else markdown.Markdown, smarty, _FencedCode())


class _FastMarkdown(markdown.Markdown):
    """`markdown.Markdown` with quicker stages. Extensions may not add rules that want plain text, as smarty does."""

    def build_parser(self) -> Self:
        super().build_parser()
        # The block rules already hold this very parser, so it changes its class instead of being replaced.
        self.parser.__class__ = _FastBlockParser
        self.treeprocessors.register(_FastInline(self), "inline", 20)
        # `_html` does the work of these two; rules look them up by name, so they stay and stand idle.
        self.treeprocessors.register(_NoPrettify(self), "prettify", 10)
        self.treeprocessors.register(_NoUnescape(self), "unescape", 0)
        return self

    def convert(self, source: str) -> str:
        if not source.strip():
            return ""
        idle = set()
        if not (
            "\t" in source or "\r" in source or "\x02" in source or "\x03" in source or _SPACES_ONLY(source) or source[-1] == " "
        ):
            idle.add(self.preprocessors["normalize_whitespace"])
            source += "\n\n"
        if "<" not in source and "&#" not in source:
            idle.add(self.preprocessors["html_block"])
        if "```" not in source and "~~~" not in source:
            idle.add(self.preprocessors["fenced_code_block"])
        needed = [preprocessor for preprocessor in self.preprocessors if preprocessor not in idle]
        self.lines = source.split("\n") if needed else [source]  # which the parser would only join again
        for preprocessor in needed:
            self.lines = preprocessor.run(self.lines)
        root: Any = self.parser.parseDocument(self.lines).getroot()
        for treeprocessor in self.treeprocessors:
            changed = treeprocessor.run(root)
            root = root if changed is None else changed
        output = _html(root, self._block_level).strip()
        for postprocessor in self.postprocessors:
            output = postprocessor.run(output)
        return output.strip()

    @cached_property
    def _block_level(self) -> frozenset[str]:
        return frozenset(self.block_level_elements)


class _FastBlockParser(BlockParser):
    """Tries only the rules that can apply to a block."""

    _rules: tuple[tuple[Any, str], ...] = ()

    def parseBlocks(self, parent: Element, blocks: list[str]) -> None:
        if len(self._rules) != len(self.blockprocessors):
            known = {self.blockprocessors[n]: need for n, need in _BLOCK_NEEDS.items() if n in self.blockprocessors}
            self._rules = tuple((rule, known.get(rule, "")) for rule in self.blockprocessors)
            self._paragraph = self.blockprocessors["paragraph"]
        while blocks:
            block = blocks[0]
            if (_PARAGRAPH if "\n" in block else _FIRST_LINE)(block) and "]:" not in block:
                if self.state.isstate("list"):
                    self._paragraph.run(parent, blocks)
                else:
                    SubElement(parent, "p").text = blocks.pop(0)
                continue
            for rule, need in self._rules:
                if need in block and rule.test(parent, block) and rule.run(parent, blocks) is not False:
                    break


class _NoPrettify(PrettifyTreeprocessor):
    def run(self, root: Element) -> None:
        return None


class _NoUnescape(UnescapeTreeprocessor):
    def run(self, root: Element) -> None:
        return None


class _FastInline(InlineProcessor):
    """Writes simple texts itself and hands each other text to Python-Markdown with the rules that it can need."""

    _rules: tuple[tuple[Pattern, tuple[str, ...], bool], ...] = ()
    inlinePatterns: Any
    """The rules that Python-Markdown is to try on the text at hand."""

    def run(self, tree: Element, ancestors: list[str] | None = None) -> Element:
        registry = self.md.inlinePatterns
        if len(self._rules) != len(registry):
            known = {registry[name]: needs for name, needs in _INLINE_NEEDS.items() if name in registry}
            named = {registry[name] for name in _BY_REFERENCE if name in registry}
            self._rules = tuple((rule, known.get(rule, ("",)), rule in named) for rule in registry)
        elements = list(_in_order(tree))
        if any(e.tail and not isinstance(e.tail, AtomicString) and not _plain(e.tail) for e in elements):
            # A heading without a blank line after it in a list: rare, and Python-Markdown walks such trees in its own way.
            self.inlinePatterns = registry
            return super().run(tree, ancestors)
        for element in elements:
            text = element.text
            if not text or isinstance(text, AtomicString) or _plain(text):
                continue
            html = _simple(text, self.md.references)
            if html is None:
                self._stock(element, text)
            else:
                element.text = html
        return tree

    def _stock(self, element: Element, text: str) -> None:
        shell = Element(element.tag)
        shell.text = text
        box = Element("div")
        box.append(shell)
        self.inlinePatterns = [
            rule
            for rule, needs, by_reference in self._rules
            if any(need in text for need in needs) and (self.md.references or not by_reference)
        ]
        super().run(box)
        if len(element):
            # Python-Markdown comes by once more where an element had children before, and reads what it made again.
            super().run(shell)
        element.text = shell.text
        element[0:0] = list(shell)


def _in_order(tree: Element) -> Iterator[Element]:
    """All elements below the tree in Python-Markdown's order, breadth first: footnotes are numbered by it."""
    queue = [tree]
    for parent in queue:
        for child in parent:
            yield child
            if len(child):
                queue.append(child)


def _plain(text: str) -> bool:
    """Whether no rule can change the text. An entity stays as it is with or without its rule."""
    return not (
        "[" in text or "*" in text or "_" in text or "`" in text or "<" in text or "\\" in text or "  \n" in text or "~~" in text
    )


class _Html(AtomicString):
    """A text that is finished HTML."""


def _simple(text: str, references: object) -> _Html | None:
    """What the text makes, if it is simple enough."""
    if "\x02" in text:
        return None
    tokens: list[str] = []

    def stash(match: re.Match[str]) -> str:
        code, label, url, title = match.groups()
        if code is not None:
            tokens.append(f"<code>{code_escape(code.strip())}</code>")
        elif label is None:
            tokens.append("<br />\n")
        elif title is None:
            tokens.append(f'<a href="{_escape_entities(url)}">{_escape_entities(label)}</a>')
        else:
            title = _SPACE(" ", title.strip())
            tokens.append(f'<a href="{_escape_entities(url)}" title="{_escape_entities(title)}">{_escape_entities(label)}</a>')
        return "\x02"

    if "  \n" in text:
        text = _TOKEN_OR_BREAK(stash, text)
    elif "[" in text or "`" in text:
        text = _TOKEN(stash, text)
    if (
        "`" in text
        or "\\" in text
        or "~~" in text
        or "___" in text
        or "  \n" in text
        or ("[" in text and ("](" in text or "[^" in text or references))
        or ("<" in text and ("@" in text or _TAG(text)))
    ):
        return None
    html = _escape_entities(text)
    if "*" in html or "_" in html:
        html = _EMPHASIS(_emphasised, html)
        if "*" in html or ("_" in html and _LOOSE(html)):
            return None
    if tokens:
        pieces = html.split("\x02")
        html = "".join(chain.from_iterable(zip(pieces, tokens, strict=False))) + pieces[-1]
    return _Html(html)


def _emphasised(match: re.Match[str]) -> str:
    second, starred, underscored = match.groups()
    return f"<strong>{starred}</strong>" if second else f"<em>{starred or underscored}</em>"


def _html(root: Element, block_level: frozenset[str]) -> str:
    """The inside of the root as XHTML, with Python-Markdown's line breaks between blocks."""
    parts: list[str] = []
    for child in root:
        _write(child, parts.append, block_level, True)
    return "".join(parts)


def _write(element: Element, put: Callable[[str], None], block_level: frozenset[str], in_block: bool) -> None:
    tag, text = element.tag, element.text
    tail = _escape(element.tail) if element.tail else ""
    in_block = in_block and tag in block_level
    start = tag
    if element.attrib:
        for name, value in sorted(element.items()):
            start += f' {name}="{_escape(value).replace(chr(34), "&quot;")}"'
    if in_block and not tail.strip():
        tail = "\n"
    elif tag == "br":
        tail = "\n" + tail if tail.strip() else "\n"
    if tag in _VOID:
        put(f"<{start} />{tail}")
        return
    if len(element):
        first = element[0]
        if tag == "pre":
            in_block = False
            if first.tag == "code" and not len(first) and first.text is not None:
                first.text = first.text.rstrip() + "\n"
        elif in_block and first.tag in block_level and (not text or not text.strip()):
            text = "\n"
        put(f"<{start}>{_escape(text)}" if text else f"<{start}>")
        for child in element:
            _write(child, put, block_level, in_block)
        put(f"</{tag}>{tail}")
    elif tag == "code" and text:
        put(f"<code>{_escape_entities(text)}</code>{tail}")
    else:
        put(f"<{start}>{_escape(text) if text else ''}</{tag}>{tail}")


def _escape(text: str) -> str:
    if isinstance(text, _Html):
        return text
    if "\x02" in text:
        text = _ESCAPED.sub(lambda match: chr(int(match[1])), text)
    return _escape_entities(text)


def _escape_entities(text: str) -> str:
    if "&" in text:
        text = _BARE_AMPERSAND.sub("&amp;", text)
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    return text
