"""Weaving: a body's clean HTML made symbolic, with tokens for its links and mentions, and ids for its headings.

In the finished body a heading's id is its text behind `at:` (`#at:key-points`), an author's own ids get the same prefix,
and `fn:` and `fnref:` are footnotes: no id of a page can be taken, nor a name in its scripts.

Which HTML is clean, and what an author wrote it as, is `markup`'s business; what a reference means, the caller's.
"""

from __future__ import annotations

import re
from html import escape, unescape
from operator import itemgetter
from urllib.parse import unquote

import msgspec

from digest.cleaning import SCHEMES
from digest.kinds import is_markdown
from digest.notation import mentions
from digest.references import HERE, Reference, mention, token


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a body, and where in the given text; line 0 when unknown."""

    line: int
    column: int
    message: str
    hint: str = ""
    severity: str = "warning"


TAGS = re.compile("<[^>]*>")
# From a tag's start, attribute by attribute: what looks like one may be the text in another.
_ID = re.compile(r'(<\w+(?: [\w-]+="[^"]*")*? id=")(?!fn:|fnref\d*:)')
_NOTABLE = re.compile(r"<(/?)(a|img|code|pre|kbd|samp|h[1-6])\b([^>]*)>").finditer
_ADDRESS = re.compile(r'(?: [\w-]+="[^"]*")*? (?:href|src)="([^"]*)"').match
_LANGUAGE = re.compile(r' class="language-[\w.+#-]+"').fullmatch
_WORD = re.compile(r"\w+").findall
# As text, since few bodies need it: whoever does compiles it.
_BAD_SCHEME = r"""(?i)(?:\]\(\s*<?|\]:\ *<?|(?:href|src)=["']?|<)((?!https?:|mailto:|tel:)[a-z][a-z0-9+.-]*:)"""
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:").match
_PARTS = re.compile(r"([^?#]*)(\??[^#]*)(#?.*)", re.DOTALL).fullmatch
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$").search


def position_of(text: str, index: int) -> tuple[int, int]:
    """Line and column, from 1; zeros for an index that was not found."""
    return (text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)) if index >= 0 else (0, 0)


class Weaver:
    """Makes one body symbolic, and gathers what it refers to."""

    def __init__(self, text: str, problems: list[Problem]) -> None:
        self.text = text
        self.problems = problems
        self.references: list[Reference] = []
        self.anchors: dict[str, int] = {}
        self.searched: dict[str, int] = {}
        """Where in the text to look for the next place at which the same thing is written."""

    def weave(self, html: str) -> str:
        """The body with tokens for links and mentions, and with headings that have ids and leave out no level below 2."""
        if ' id="' in html:
            html = _ID.sub(r"\1at:", html)
        outline = _Outline()
        parts: list[str] = []
        position = 0
        opaque = 0  # how many elements are open in which no ticker is linked
        places: list[tuple[int, int, str | re.Match[str]]] = [*mentions(html)]
        places += [(*tag.span(), tag) for tag in _NOTABLE(html)]
        for start, end, found in sorted(places, key=itemgetter(0)):
            woven: str | None = None  # what stands in its place, if that is anything else
            if isinstance(found, str):
                woven = None if opaque else self.ticker(html[start:end], found)
            else:
                closing, name, attributes = found.groups()
                if name != "img":
                    opaque += -1 if closing else 1
                if name == "img":
                    woven = self.image(attributes)
                elif name[0] == "h":
                    if not closing and ' id="' not in attributes:
                        attributes += self.anchor(html[end : html.find("</h", end)])
                    woven = f"<{closing}h{outline.close() if closing else outline.open(name)}{attributes}>"
                elif name == "a" and not closing:
                    woven = self.link(attributes)
                elif name == "code" and attributes and not _LANGUAGE(attributes):
                    woven = "<code>"
            if woven is not None:
                parts += html[position:start], woven
                position = end
        return "".join((*parts, html[position:]))

    def ticker(self, written: str, notation: str) -> str:
        """A mention, which is written like this in HTML."""
        return mention(self.refer("ticker", notation, "", self.find(unescape(written))), written)

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
            self.problems.append(Problem(*position_of(self.text, index), message, "say what it shows: ![here](…)"))
        url = self.address(address[1], "image")
        return f"<img{attributes[: address.start(1)]}{url}{attributes[address.end(1) :]}>"

    def address(self, written: str, role: str) -> str:
        """What to put in place of an escaped address: a token when it leads into the site."""
        url = re.sub("[\t\n]", "", unescape(written)).strip()  # browsers ignore them (WHATWG URL, 4.4)
        if scheme := _SCHEME(url):
            return written if scheme[0][:-1].lower() in SCHEMES else ""  # which a mark in its middle may have hidden
        if url[:2] in {"//", "/\\", "\\/", "\\\\"}:  # all the same to browsers
            return escape("https://" + url.lstrip("/\\"))
        if url.startswith("#") and role == "link":
            return HERE + escape(_anchored(url))
        parts = _PARTS(url)
        assert parts  # it matches any text
        path, query, fragment = parts.groups()
        page = role == "link" and path.startswith("/") and not _EXTENSION(path)
        if is_markdown(path):
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
        behind = [at + 1 for opening in openings if (at := self.text.find(opening + written, start)) >= 0]
        index = min(behind) if behind else self.text.find(written, start)
        self.searched[written] = index + 1
        return position_of(self.text, index)

    def anchor(self, heading: str) -> str:
        """A heading's id attribute; empty when it has no words."""
        text = unescape(TAGS.sub("", heading)).replace("'", "").replace("\u2019", "")
        name = "-".join(_WORD(text.lower()))
        if not name:
            return ""
        count = self.anchors[name] = self.anchors.get(name, 0) + 1
        return f' id="at:{name}-{count}"' if count > 1 else f' id="at:{name}"'

    def removed(self) -> None:
        """Tell of an address that the cleaner took out, where the text shows which."""
        bad = re.compile(_BAD_SCHEME).search(self.text, self.searched.get(":", 0))
        self.searched[":"] = bad.end() if bad else len(self.text)
        if bad:
            message = f"an address was taken out, because it begins with '{bad[1]}'"
            place = position_of(self.text, bad.start(1))
            self.problems.append(Problem(*place, message, "use http:, https:, mailto: or tel:"))


class _Outline:
    """The levels of a body's headings: 2 for the first, and none deeper than one below the heading that it stands under."""

    def __init__(self) -> None:
        self.above: list[str] = []
        """As written, the headings that the next may stand under."""
        self.opened: list[int] = []

    def open(self, name: str) -> int:
        """The level of a heading that is written as `h3`."""
        while self.above and self.above[-1] >= name:
            self.above.pop()
        self.above.append(name)
        self.opened.append(min(len(self.above) + 1, 6))
        return self.opened[-1]

    def close(self) -> int:
        """The level of the heading that ends here; one may stand in another."""
        return self.opened.pop()


def _anchored(fragment: str) -> str:
    """A fragment as ids in a body are: behind `at:`, unless it is a footnote's or the page's top."""
    if fragment in {"", "#", "#top"} or fragment.startswith(("#fn:", "#fnref", "#at:")):
        return fragment
    return f"#at:{fragment[1:]}"
