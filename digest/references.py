"""References: what in a body leads elsewhere in the site, and the tokens that stand for it until a page is rendered.

A body is made once, whatever its site looks like: where its links lead is kept out of it, and filled in by `resolve` for
pages and by `resolve_absolute` for feeds. Finding references in a body is left to `weaving`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

import msgspec


class Reference(msgspec.Struct, frozen=True):
    """Something in a body that leads elsewhere in the site, if the site knows it."""

    kind: str
    """`file`: a relative address, an image's source, or a root-relative path with an extension; `page`: any other
    root-relative path; `ticker`: a mention in prose."""
    target: str
    """The path as written, percent-decoded, without query and fragment; or the ticker's notation (`NASDAQ:TSLA`)."""
    suffix: str
    """`?query#fragment` to append to where the target lies, or empty."""
    line: int
    """1-based, within the given text; 0 when unknown."""
    column: int


HERE = "\x02\x03"
"""Stands for the address of the page itself. Tokens are of control characters, which no body holds otherwise."""


def token(number: int) -> str:
    """What stands for the address of a reference."""
    return f"\x02{number}\x03"


def mention(number: int, text: str) -> str:
    """What stands for a mention, which is a link only where the site knows the ticker."""
    return f"\x02{number}\x03{text}\x02/{number}\x03"


_TOKENS = re.compile('\x02([0-9]*)\x03(?:([^\x02<"]*)\x02/[0-9]+\x03)?').sub


def resolve(html: str, links: Sequence[str]) -> str:
    """The body with its links filled in, for a page: `links` are root-relative, one for each reference.

    A mention whose link is empty stays plain text.
    """
    if "\x02" not in html:
        return html
    return _TOKENS(lambda token: _fill(token, links, ""), html)


def resolve_absolute(html: str, links: Sequence[str], origin: str, page_url: str) -> str:
    """The body with every address absolute, for a feed.

    `origin` is put before the root-relative `links`, and `page_url`, absolute, before fragments of the page itself.
    """
    if "\x02" not in html:
        return html
    whole = [origin + link if link.startswith("/") else link for link in links]
    return _TOKENS(lambda token: _fill(token, whole, page_url), html)


def _fill(token: re.Match[str], links: Sequence[str], page_url: str) -> str:
    number, text = token.groups()
    if not number:
        return escape(page_url)
    link = links[int(number)]
    if text is None:
        return escape(link) if link else "#"
    return f'<a class="ticker" href="{escape(link)}">{text}</a>' if link else text
