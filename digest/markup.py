"""Markdown to clean HTML whose links stay symbolic (see `references`), and its summary.

Which HTML may reach a reader is said in `cleaning`; what a reference means is left to the caller.

The dialect is Python-Markdown's with tables, footnotes, fenced code, definition lists, sane lists (a list keeps its kind
and its first number) and `~~deleted~~`. The engine `pyromark` is CommonMark instead, with the same extensions. There a
list needs no blank line before it, two spaces nest one, `_` and `*` pair by CommonMark's rules, a footnote stands where
it is defined and has no link back, and smart punctuation is pulldown-cmark's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from html import escape, unescape
from itertools import islice
from typing import NamedTuple

import msgspec

from digest import cleaning
from digest.characters import may_hold_controls
from digest.config import Markdown
from digest.errors import Diagnostic, SettingsError
from digest.references import Reference
from digest.weaving import TAGS, Problem, Weaver, position_of


class Markup(msgspec.Struct, frozen=True):
    """A body, parsed."""

    html: str
    """Clean; its links are tokens for `references.resolve`."""
    references: tuple[Reference, ...] = ()
    problems: tuple[Problem, ...] = ()
    clean: str = ""
    """The same without tokens."""
    lead: str = ""
    """What of that stands before the mark `<!-- more -->`; empty where there is none."""

    @property
    def summary(self) -> str:
        """Plain text, at most `SUMMARY` characters; empty when the body says nothing. Made anew whenever it is asked for."""
        return _plain(self.lead) or _first_words(self.clean)


SUMMARY = 400
"""The most characters of a summary."""

# Marks that travel through the engine and the cleaner inside the text. They are control characters, like those of
# `references`, which `render` drops from what an author wrote, so nobody can forge them.
_MORE = "\x04"
_GUARD = "\x05"
"""Follows a dollar that was escaped: no ticker is meant."""

# As text, since few bodies need them: whoever does compiles them.
_CONTROL = "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"
_NUMBER = "&#(?:[0-9]+|[xX][0-9a-fA-F]+);?"
_DEEP = r"(?m)^[ ]{0,3}(?:>[ ]?){100}"
_REMOVED = r"(?is)<!--.*?-->|<(audio|embed|form|iframe|object|script|style|video)\b"
_CONFLICT = "(?m)^<{7} "
# What Python-Markdown takes for prose: a list or a table right below a line of text. As such a line may begin with a dash,
# a list needs another item or a colon above it.
_LIST = (
    r"(?m)^(?![ ]{4}|\t|[ ]{0,3}(?:[>#|<]|(?:[-*+]|\d+\.)[ \t]))(?P<above>[^\n]*\S)[ ]*"
    r"(?P<start>\n[ ]{0,3}(?:[-*+]|1\.)[ ]+)[*_\[]*(?P<word>\w*)(?P<more>[^\n]*\n[ ]{0,3}(?:[-*+]|2\.)[ ])?"
)
_TABLE = (
    r"(?m)^(?![ ]{0,3}#)(?=[^\n]*\S)[^\n]*\n(?=[^\n]*\|)[^\n]*"
    r"(?P<rule>\n[ ]{0,3}\|?(?:[ ]*:?-+:?[ ]*\|)+(?:[ ]*:?-+:?)?)[ ]*$"
)

_MARKER = re.compile(r"<!--\s*(?:more|excerpt)\s*-->\n?", re.IGNORECASE)
_MARKER_LINE = re.compile(r"^ {0,3}<!--\s*(?:more|excerpt)\s*-->[ \t]*$", re.IGNORECASE | re.MULTILINE)
# An ampersand, as what follows a reference to a control character stands in its place in the end.
_WRITTEN_TAG = re.compile("<[a-zA-Z/!?&]").search
_UNDERLINE = re.compile(r"\n([-=])[ ]*(?=\n|\Z)").search
_LIQUID = re.compile(r"\{%[^{}\n]*%\}|\{\{[^{}\n]*\}\}").findall
_LISTED = re.compile(r"\n {0,3}(?:[-*+]|1\.) ").search
FOREIGN_TAGS = 20
"""The most tags of another generator of which a body tells."""

_WORD = re.compile(r"\w+").findall
_CODE = re.compile(r"<(pre|code)[ >].*?</\1>", re.DOTALL)
_FOOTNOTE_MARK = re.compile('<sup (?:id="fnref|class="footnote-reference").*?</sup>', re.DOTALL)
_BREAK = re.compile(
    r"</?(?:p|div|li|[uo]l|d[ltd]|br|hr|h[1-6]|t[hdr]|table|blockquote|pre|figure|figcaption|details|summary)\b[^>]*>"
)
_SUMMARISED = (
    re.compile("<p[ >].*?</p>", re.DOTALL),
    re.compile("<li[ >].*?(?=</?li|</?[uo]l)", re.DOTALL),
    re.compile("<h[1-6][ >].*?</h[1-6]>", re.DOTALL),
)


class _Draft(NamedTuple):
    """A body on its way, in the engine's raw HTML."""

    text: str
    raw: str | None
    """None where it nests too deeply."""
    problems: list[Problem]


def render(texts: Iterable[str], settings: Markdown) -> list[Markup]:
    """The bodies that these texts make in Markdown: each the same for the same text and settings, always.

    A body that nests too deeply is empty and has a problem of severity `error`; every other problem is a warning.
    Raises `SettingsError` when the engine is unknown or not installed. One step is done for all of them, then the next:
    what a step needs is then in the processor's caches.
    """
    return [_finished(draft) for draft in [_converted(text, settings) for text in texts]]


def _converted(text: str, settings: Markdown) -> _Draft:
    convert = _engine(settings)
    text, problems = _without_controls(text)
    try:
        if text.count(">") >= 100 and re.search(_DEEP, text):
            raise RecursionError
        raw = convert(text.replace("\\$", "\\$" + _GUARD) if "\\$" in text else text)
    except RecursionError:
        _engine.cache_clear()  # it was left in the middle of its work
        problems.append(Problem(0, 0, "nested too deeply", "take out some levels of lists or quotes", "error"))
        return _Draft(text, None, problems)
    return _Draft(text, _without_references_to_controls(raw, text), problems)


def _finished(draft: _Draft) -> Markup:
    text, raw, problems = draft
    if raw is None:
        return Markup("", problems=tuple(problems))
    marked = _MARKER.sub(_MORE, raw, count=1) if "<!--" in raw else raw
    # What else stands on the marker's line an engine may take for HTML.
    written = "<" in text and bool(_WRITTEN_TAG(_MARKER_LINE.sub("", text, count=1)))
    above, more, below = cleaning.clean(marked, written).partition(_MORE)
    html = above + below.replace(_MORE, "")
    problems += _remarks(text, raw, html)
    weaver = Weaver(text, problems)
    woven = weaver.weave(TAGS.sub(lambda tag: tag[0].replace(_GUARD, ""), html) if _GUARD in html else html)
    return Markup(woven.replace(_GUARD, ""), tuple(weaver.references), tuple(problems), html, above if more else "")


def load(settings: Markdown) -> None:
    """Load ahead of time what bodies are made with. Raises as `render` does."""
    _engine(settings)


@cache
def _engine(settings: Markdown) -> Callable[[str], str]:
    """Markdown to raw HTML."""
    if settings.engine == "markdown":
        return _python_markdown(settings.smarty)
    if settings.engine == "pyromark":
        return _pyromark(settings.smarty)
    message = f"markdown.engine is '{settings.engine}'"
    raise SettingsError([Diagnostic("", 0, 0, message, "write 'markdown' or 'pyromark'")])


def _python_markdown(smarty: bool) -> Callable[[str], str]:
    from digest import fastmarkdown

    converter = fastmarkdown.converter(smarty)
    return lambda text: converter.reset().convert(text)


def _pyromark(smarty: bool) -> Callable[[str], str]:
    try:
        import pyromark
    except ImportError:
        message = "markdown.engine is 'pyromark', which is not installed"
        raise SettingsError([Diagnostic("", 0, 0, message, "pip install 'digest[fast]'")]) from None
    on = pyromark.Options
    options = on.ENABLE_TABLES | on.ENABLE_FOOTNOTES | on.ENABLE_STRIKETHROUGH | on.ENABLE_DEFINITION_LIST
    if smarty:
        options |= on.ENABLE_SMART_PUNCTUATION
    convert = pyromark.Markdown(options=options).html
    style = re.compile('(<t[hd]) style="text-align: (left|center|right)"').sub
    return lambda text: style(r'\1 align="\2"', convert(text))


def _without_controls(text: str) -> tuple[str, list[Problem]]:
    """The text without characters that neither HTML nor XML may hold, and what to say about it."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not may_hold_controls(text):
        return text, []
    first = re.search(_CONTROL, text)
    if not first:
        return text, []
    message = f"a control character was dropped (U+{ord(first[0]):04X})"
    problem = Problem(*position_of(text, first.start()), message, "retype the passage")
    return re.sub(_CONTROL, "", text), [problem]


def _without_references_to_controls(html: str, text: str) -> str:
    """The engine's HTML without what got round `_without_controls`: character references, and marks that an engine left.

    Before it is cleaned, not after: `java&#1;script:` is no scheme, and would be one.
    """
    if "&#" in text:
        html = re.sub(_NUMBER, lambda number: number[0] if re.sub(_CONTROL, "", unescape(number[0])) else "", html)
    elif "\x02" not in html and "\x03" not in html:
        return html
    return re.sub(_CONTROL, lambda control: control[0] if control[0] == _GUARD else "", html)


def _remarks(text: str, raw: str, html: str) -> Iterator[Problem]:
    """What an author will not have meant; `raw` is the engine's HTML, and `html` what is left of it."""
    yield from _accidental_heading(text, html)
    if "<" in text:
        yield from _left_out(text, raw)
    if "{" in html or "|" in html or "&lt;" in html or _LISTED(html):
        prose = _CODE.sub("", html)
        yield from _accidental_prose(text, prose)
        for tag in islice(dict.fromkeys(_LIQUID(prose)), FOREIGN_TAGS):
            written = unescape(tag)
            message = f"'{written}' is a tag of another generator and will be seen by readers"
            yield Problem(*position_of(text, text.find(written)), message, "take it out, or put it in backticks")


def _accidental_heading(text: str, html: str) -> Iterator[Problem]:
    underline = _UNDERLINE(text)
    if underline:
        start = text.rfind("\n", 0, underline.start()) + 1
        line = text[start : underline.start()].strip()
        level = "h2" if underline[1] == "-" else "h1"
        if line and f"<{level}>{escape(line, quote=False)}</{level}>" in html:
            message = f"'{line}' is read as a heading, because the line below it is '{underline[1]}'"
            yield Problem(*position_of(text, start), message, "put a blank line between them, or take the lower one out")


def _accidental_prose(text: str, prose: str) -> Iterator[Problem]:
    """Lists, tables and marks of git that readers see as they were written; `prose` is HTML without code."""
    plain = TAGS.sub("", prose)
    for found in re.finditer(_LIST, text):
        meant = found["more"] or found["above"].strip("*_").endswith(":")
        if meant and re.search(re.escape(found["start"] + found["word"]) + r"(?!\w)", plain):
            place = position_of(text, found.start("start") + 1)
            yield Problem(*place, "a list right below a line of text is read as text", "put a blank line before it")
    for found in re.finditer(_TABLE, text):
        if found["rule"].strip() in plain:
            place = position_of(text, text.index("\n", found.start()) + 1)
            yield Problem(*place, "a table right below a line of text is read as text", "put a blank line before it")
    if (conflict := re.search(_CONFLICT, text)) and escape(conflict[0]) in plain:
        place = position_of(text, conflict.start())
        yield Problem(*place, "a merge conflict of git is not resolved", "keep one side, and take the marks out")


def _left_out(text: str, raw: str) -> Iterator[Problem]:
    """HTML elements that the allow-list does not name, each once."""
    for name in dict.fromkeys(name.lower() for name in re.findall(_REMOVED, raw)):
        if name:  # else a comment
            place = position_of(text, text.lower().find(f"<{name}"))
            yield Problem(*place, f"<{name}> is not allowed and is left out", "link to it instead, or take it out")


def _first_words(html: str) -> str:
    """The text of the first paragraph that has any, else of the first list item, else of the first heading."""
    for pattern in _SUMMARISED:
        for block in pattern.finditer(html):
            if words := _plain(block[0]):
                return words
    return ""


def _plain(html: str) -> str:
    """The text that a reader sees in this HTML, on one line, cut at a word where it is longer than a summary."""
    if "<sup" in html:
        html = _FOOTNOTE_MARK.sub("", html)
    text = unescape(TAGS.sub("", _BREAK.sub(" ", html))).replace(_GUARD, "")
    text = " ".join(text.split())
    if len(text) <= SUMMARY:
        return text
    end = text.rfind(" ", 0, SUMMARY)
    if end < SUMMARY // 2:  # a script without spaces, or one very long word
        end = SUMMARY - 1
    return text[:end].rstrip(" ,;:-\u2013\u2014") + "…"
