"""Cleaning: HTML with nothing in it but what an allow-list names, so that no script, style or address of another scheme than
http, https, mailto and tel reaches a reader.

nh3 does it. Where an author writes no tags, most of what Markdown makes is so plain that nh3 would give it back nearly as it is.
Such bodies are told by an allow-list too, a shorter one, which is quicker.
"""

from __future__ import annotations

import re

import nh3

SCHEMES = frozenset({"http", "https", "mailto", "tel"})
"""What an address may begin with, unless it leads into the site."""

_WORD = re.compile(r"\w+").findall

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
    url_schemes=set(SCHEMES),
    link_rel="noopener",
)

# The HTML standard left < and > in attributes as they are until 2025, and older versions of nh3 do.
_ESCAPES_ANGLES = "<" not in _CLEANER.clean('<img alt="<">')[1:]
_QUOTING_TAG = '<[a-z](?:[^">]|"[^"]*")*>'  # as text, since few need it

_PAIRED = _WORD("blockquote code dd del dl dt em h1 h2 h3 h4 h5 h6 li ol p strong table tbody td th thead tr ul")
_PLAIN = frozenset(
    [f"<{tag}>" for tag in _PAIRED]
    + [f"</{tag}>" for tag in _PAIRED]
    + [f'<{tag} align="{side}">' for tag in ("td", "th") for side in ("left", "center", "right")]
    + ["<br>", "<hr>"]
)
"""Tags that may stand wherever an engine puts them."""

_tags = re.compile("<[^>]*>").findall
# An address that cannot have another scheme: at a host whose name needs no second look, or without a colon.
_ADDRESS = (
    r'(?:https?://(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]+(?:[/?#][^"<>&\s]*(?:&amp;[^"<>&\s]*)*)?'
    r'|[^":<>&\s]*(?:&amp;[^":<>&\s]*)*)'
)
_complete_links = re.compile(rf'(<a href="{_ADDRESS}"(?: title="[^"<>&\xa0]*")?)>([^<>]*)</a>').subn
_is_numbered = re.compile('<ol start="[0-9]+">').fullmatch
_odd_reference = re.compile("&(?!(?:amp|lt|gt|quot);)").search


def clean(html: str, written: bool) -> str:
    """The HTML, cleaned; < and > stand only around its tags.

    `written` is false only where no tag in it can be an author's: an engine's own stand well inside each other. Whatever it is,
    nothing that the allow-list does not name comes through.
    """
    plain = None if written else _plain(html)
    if plain is not None:
        return plain
    html = _CLEANER.clean(html)
    if not _ESCAPES_ANGLES:
        html = re.sub(_QUOTING_TAG, lambda tag: f"<{tag[0][1:-1].replace('<', '&lt;').replace('>', '&gt;')}>", html)
    return html


def _plain(html: str) -> str | None:
    """What nh3 makes of an engine's HTML, when it has only plain tags and plain links in it; None for any other."""
    if " />" in html:
        html = html.replace("<br />", "<br>").replace("<hr />", "<hr>")
    tags = _tags(html)
    if not html.count("<") == html.count(">") == len(tags):
        return None  # one of them stands in a text, or a tag has no end
    odd = set(tags) - _PLAIN
    if "</a>" in odd:
        html, links = _complete_links(r'\1 rel="noopener">\2</a>', html)
        if not html.count("<a ") == html.count("</a>") == links:
            return None
        odd = {tag for tag in odd if tag != "</a>" and tag[:3] != "<a "}
    if not all(map(_is_numbered, odd)) or ("&" in html and _odd_reference(html)):
        return None
    return html.replace("&quot;", '"').replace("\xa0", "&nbsp;")
