"""Markdown to clean HTML whose links stay symbolic (see `references`), and its summary.

Cleaning is an allow-list by nh3, so that no script, style or address of another scheme than http, https, mailto and tel
reaches a reader. What a reference means is left to the caller.

The dialect is Python-Markdown's with tables, footnotes, fenced code, definition lists, sane lists (a list keeps its kind
and its first number) and `~~deleted~~`. The engine `pyromark` is CommonMark instead, with the same extensions. There a
list needs no blank line before it, two spaces nest one, `_` and `*` pair by CommonMark's rules, a footnote stands where
it is defined and has no link back, and smart punctuation is pulldown-cmark's.

In the finished body a heading's id is its text behind `at:` (`#at:key-points`), an author's own ids get the same prefix,
and `fn:` and `fnref:` are footnotes: no id of a page can be taken, nor a name in its scripts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from html import escape, unescape
from urllib.parse import unquote

import msgspec
import nh3

from digest.characters import may_hold_controls
from digest.config import Markdown
from digest.errors import Diagnostic, SettingsError
from digest.notation import mentions
from digest.references import HERE, Reference, mention, token


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a body, and where in the given text; line 0 when unknown."""

    line: int
    column: int
    message: str
    hint: str = ""
    severity: str = "warning"


class Markup(msgspec.Struct, frozen=True):
    """A body, parsed."""

    html: str
    """Clean; its links are tokens for `references.resolve`."""
    references: tuple[Reference, ...]
    summary: str
    """Plain text, at most `SUMMARY` characters; empty when the body says nothing."""
    problems: tuple[Problem, ...]


SUMMARY = 400
"""The most characters of a summary."""

# Marks that travel through the engine and the cleaner inside the text. They are control characters, like those of
# `references`, which `render` drops from what an author wrote, so nobody can forge them.
_MORE = "\x04"
_GUARD = "\x05"
"""Follows a dollar that was escaped: no ticker is meant."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_MARKER = re.compile(r"<!--\s*(?:more|excerpt)\s*-->\n?", re.IGNORECASE)
_DEEP = re.compile(r"^[ ]{0,3}(?:>[ ]?){100}", re.MULTILINE).search
_UNDERLINE = re.compile(r"\n([-=])[ ]*(?=\n|\Z)").search
_LIQUID = re.compile(r"\{%[^{}\n]*%\}|\{\{[^{}\n]*\}\}").search
_BAD_SCHEME = re.compile(
    r"""(?:\]\(\s*<?|\]:\ *<?|(?:href|src)=["']?|<)((?!https?:|mailto:|tel:)[a-z][a-z0-9+.-]*:)""", re.IGNORECASE
).search

_QUOTING_TAG = re.compile('<[a-z](?:[^">]|"[^"]*")*>')
_TAGS = re.compile("(<[^>]*>)")
_ID = re.compile(r'(<[^>]* id=")(?!fn:|fnref\d*:)')
_LEVEL = re.compile("<h([1-6])").findall
_NOTABLE = re.compile(r"<(/?)(a|img|code|pre|kbd|samp|h[1-6])\b([^>]*)>").finditer
_ADDRESS = re.compile(r' (?:href|src)="([^"]*)"').search
_LANGUAGE = re.compile(r' class="language-[\w.+#-]+"').fullmatch
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

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:").match
_PARTS = re.compile(r"([^?#]*)(\??[^#]*)(#?.*)", re.DOTALL).fullmatch
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$").search

_CLEANER = nh3.Cleaner(
    tags=set(
        _WORD(
            "a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt em figcaption figure"
            " h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small span strong sub summary"
            " sup table tbody td tfoot th thead time tr u ul var wbr"
        )
    ),
    clean_content_tags=set(_WORD("script style iframe noscript noembed noframes object select svg math template textarea title")),
    attributes={
        "*": {"dir", "id", "lang"},
        "a": {"href", "title"},
        "abbr": {"title"},
        "code": {"class"},
        "details": {"open"},
        "img": {"alt", "height", "src", "title", "width"},
        "li": {"value"},
        "ol": {"reversed", "start"},
        "td": {"colspan", "rowspan"},
        "th": {"colspan", "rowspan", "scope"},
        "time": {"datetime"},
    },
    tag_attribute_values={tag: {"align": {"left", "center", "right"}} for tag in ("td", "th")},
    set_tag_attribute_values={"img": {"loading": "lazy"}},
    allowed_classes={
        "a": {"footnote-backref", "footnote-ref"},
        "div": {"footnote", "footnote-definition"},
        "sup": {"footnote-definition-label", "footnote-reference"},
    },
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel="noopener",
)

# The HTML standard left < and > in attributes as they are until 2025, and older versions of nh3 do.
_ESCAPES_ANGLES = "<" not in _CLEANER.clean('<img alt="<">')[1:]


def render(text: str, settings: Markdown) -> Markup:
    """The body that this Markdown makes: the same for the same arguments, always.

    A body that nests too deeply is empty and has a problem of severity `error`; every other problem is a warning.
    Raises `SettingsError` when the engine is unknown or not installed.
    """
    convert = _engine(settings)
    text, problems = _without_controls(text)
    try:
        if text.count(">") >= 100 and _DEEP(text):
            raise RecursionError
        html = convert(text.replace("\\$", "\\$" + _GUARD) if "\\$" in text else text)
    except RecursionError:
        _engine.cache_clear()  # it was left in the middle of its work
        problems.append(Problem(0, 0, "nested too deeply", "take out some levels of lists or quotes", "error"))
        return Markup("", (), "", tuple(problems))
    if "<!--" in html:
        html = _MARKER.sub(_MORE, html, count=1)
    above, more, below = _clean(html, text).partition(_MORE)
    html = above + below.replace(_MORE, "")
    summary = (_plain(above) if more else "") or _first_words(html)
    problems += _remarks(text, html)
    weaver = _Weaver(text, problems)
    woven = weaver.weave(html).replace(_GUARD, "")
    return Markup(woven, tuple(weaver.references), summary, tuple(problems))


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


def _position(text: str, index: int) -> tuple[int, int]:
    """Line and column, from 1; zeros for an index that was not found."""
    return (text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)) if index >= 0 else (0, 0)


def _without_controls(text: str) -> tuple[str, list[Problem]]:
    """The text without characters that neither HTML nor XML may hold, and what to say about it."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not may_hold_controls(text):
        return text, []
    first = _CONTROL.search(text)
    if not first:
        return text, []
    message = f"a control character was dropped (U+{ord(first[0]):04X})"
    problem = Problem(*_position(text, first.start()), message, "retype the passage")
    return _CONTROL.sub("", text), [problem]


def _clean(html: str, text: str) -> str:
    """The engine's HTML with nothing in it but what the allow-list names; < and > stand only around tags."""
    html = _CLEANER.clean(html)
    # A character reference (`&#2;`) gets round `_without_controls`; Python-Markdown sometimes leaves a mark of its own.
    if "&#" in text or "\x02" in html or "\x03" in html:
        html = _CONTROL.sub(lambda match: match[0] if match[0] in (_MORE, _GUARD) else "", html)
    if not _ESCAPES_ANGLES:
        html = _QUOTING_TAG.sub(lambda tag: f"<{tag[0][1:-1].replace('<', '&lt;').replace('>', '&gt;')}>", html)
    return html


def _remarks(text: str, html: str) -> Iterator[Problem]:
    """What an author will not have meant."""
    underline = _UNDERLINE(text)
    if underline:
        start = text.rfind("\n", 0, underline.start()) + 1
        line = text[start : underline.start()].strip()
        level = "h2" if underline[1] == "-" else "h1"
        if line and f"<{level}>{escape(line, quote=False)}</{level}>" in html:
            message = f"'{line}' is read as a heading, because the line below it is '{underline[1]}'"
            yield Problem(*_position(text, start), message, "put a blank line between them, or take the lower one out")
    if "{%" in html or "{{" in html:
        tag = _LIQUID(_CODE.sub("", html))
        if tag:
            written = unescape(tag[0])
            message = f"'{written}' is a tag of another generator and will be seen by readers"
            yield Problem(*_position(text, text.find(written)), message, "take it out, or put it in backticks")


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
    text = unescape(_TAGS.sub("", _BREAK.sub(" ", html))).replace(_GUARD, "")
    text = " ".join(text.split())
    if len(text) <= SUMMARY:
        return text
    end = text.rfind(" ", 0, SUMMARY)
    if end < SUMMARY // 2:  # a script without spaces, or one very long word
        end = SUMMARY - 1
    return text[:end].rstrip(" ,;:-\u2013\u2014") + "…"


class _Weaver:
    """Makes one body symbolic, and gathers what it refers to."""

    def __init__(self, text: str, problems: list[Problem]) -> None:
        self.text = text
        self.problems = problems
        self.references: list[Reference] = []
        self.anchors: dict[str, int] = {}
        self.searched: dict[str, int] = {}
        """Where in the text to look for the next place at which the same thing is written."""

    def weave(self, html: str) -> str:
        """The body with tokens for links and mentions, and with headings that start at level 2 and have ids."""
        if ' id="' in html:
            html = _ID.sub(r"\1at:", html)
        shift = 2 - min(map(int, _LEVEL(html)), default=2)
        parts: list[str] = []
        position = 0
        opaque = 0  # how many elements are open in which no ticker is linked
        for tag in _NOTABLE(html):
            start, end = tag.span()
            between = html[position:start]
            parts.append(between if opaque else self.prose(between))
            position = end
            closing, name, attributes = tag.groups()
            if name == "img":
                parts.append(self.image(attributes))
                continue
            opaque += -1 if closing else 1
            if name[0] == "h":
                if not closing and ' id="' not in attributes:
                    attributes += self.anchor(html[end : html.find("</h", end)])
                parts.append(f"<{closing}h{min(int(name[1]) + shift, 6)}{attributes}>")
            elif name == "a" and not closing:
                parts.append(self.link(attributes))
            elif name == "code" and attributes and not _LANGUAGE(attributes):
                parts.append("<code>")
            else:
                parts.append(tag[0])
        parts.append(self.prose(html[position:]))
        return "".join(parts)

    def prose(self, html: str) -> str:
        """HTML with tokens around the tickers that its text nodes mention."""
        if "$" not in html and ":" not in html:
            return html
        pieces = _TAGS.split(html)
        for index, text in enumerate(pieces):
            if index % 2 or ("$" not in text and ":" not in text):
                continue
            parts: list[str] = []
            position = 0
            for start, end, notation in mentions(text):
                written = text[start:end]
                number = self.refer("ticker", notation, "", self.find(unescape(written)))
                parts += text[position:start], mention(number, written)
                position = end
            pieces[index] = "".join((*parts, text[position:]))
        return "".join(pieces)

    def link(self, attributes: str) -> str:
        """A link's start tag."""
        address = _ADDRESS(attributes)
        if address:
            url = self.address(address[1], "link")
            attributes = f"{attributes[: address.start(1)]}{url}{attributes[address.end(1) :]}"
        if not address or "\x02" in url:
            attributes = attributes.replace(' rel="noopener"', "")
        if not address:
            self.removed()
        return f"<a{attributes}>"

    def image(self, attributes: str) -> str:
        """An image's tag, or nothing where its address was not allowed."""
        address = _ADDRESS(attributes)
        if not address:
            self.removed()
            return ""
        if ' alt="' not in attributes or ' alt=""' in attributes:
            source = unescape(address[1])
            message = f"the image '{source}' has no alternative text"
            index = self.text.find(source, self.searched.get(source, 0))
            self.problems.append(Problem(*_position(self.text, index), message, "say what it shows: ![here](…)"))
        url = self.address(address[1], "image")
        return f"<img{attributes[: address.start(1)]}{url}{attributes[address.end(1) :]}>"

    def address(self, written: str, role: str) -> str:
        """What to put in place of an escaped address: a token when it leads into the site."""
        url = re.sub("[\t\n]", "", unescape(written)).strip()  # browsers ignore them (WHATWG URL, 4.4)
        if _SCHEME(url):
            return written
        if url[:2] in {"//", "/\\", "\\/", "\\\\"}:  # all the same to browsers
            return escape("https://" + url.lstrip("/\\"))
        if url.startswith("#") and role == "link":
            return HERE + escape(_anchored(url))
        parts = _PARTS(url)
        assert parts  # it matches any text
        path, query, fragment = parts.groups()
        page = role == "link" and path.startswith("/") and not _EXTENSION(path)
        if path.endswith(".md"):
            fragment = _anchored(fragment)
        place = self.find(url or ")", "(", "<", '"', "'", " ", "=")
        return token(self.refer("page" if page else "file", unquote(path), query + fragment, place))

    def refer(self, kind: str, target: str, suffix: str, place: tuple[int, int]) -> int:
        """The number of a new reference."""
        self.references.append(Reference(kind, target, suffix, *place))
        return len(self.references) - 1

    def find(self, written: str, *openings: str) -> tuple[int, int]:
        """Where this is written next: behind one of the openings if possible."""
        start = self.searched.get(written, 0)
        found = [self.text.find(opening + written, start) + 1 for opening in openings]
        index = min((index for index in found if index), default=self.text.find(written, start))
        self.searched[written] = index + 1
        return _position(self.text, index)

    def anchor(self, heading: str) -> str:
        """A heading's id attribute; empty when it has no words."""
        text = unescape(_TAGS.sub("", heading)).replace("'", "").replace("\u2019", "")
        name = "-".join(_WORD(text.lower()))
        if not name:
            return ""
        count = self.anchors[name] = self.anchors.get(name, 0) + 1
        return f' id="at:{name}-{count}"' if count > 1 else f' id="at:{name}"'

    def removed(self) -> None:
        """Tell of an address that the cleaner took out, where the text shows which."""
        bad = _BAD_SCHEME(self.text, self.searched.get(":", 0))
        self.searched[":"] = bad.end() if bad else len(self.text)
        if bad:
            message = f"an address was taken out, because it begins with '{bad[1]}'"
            place = _position(self.text, bad.start(1))
            self.problems.append(Problem(*place, message, "use http:, https:, mailto: or tel:"))


def _anchored(fragment: str) -> str:
    """A fragment as ids in a body are: behind `at:`, unless it is a footnote's or the page's top."""
    if fragment in {"", "#", "#top"} or fragment.startswith(("#fn:", "#fnref", "#at:")):
        return fragment
    return f"#at:{fragment[1:]}"
