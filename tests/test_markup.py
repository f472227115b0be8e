"""Bodies: clean HTML, symbolic links, summaries, and Markdown that is fast without being different."""

import os
import re
from html import unescape
from pathlib import Path

import markdown
import pytest
from _pytest.mark import ParameterSet
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest import cleaning, fastmarkdown, markup
from digest.cleaning import clean
from digest.config import Markdown
from digest.errors import SettingsError
from digest.markup import FOREIGN_TAGS, SUMMARY, Markup, Problem
from digest.references import Reference, resolve, resolve_absolute

DATA = Path(__file__).parent / "data" / "markup"
REAL = Path(os.environ.get("DIGEST_REAL", Path(__file__).parents[2] / "shared" / "real"))
"""Folders of real articles, where there are any."""

DEFAULT = Markdown()
PYROMARK = Markdown(engine="pyromark")
ENGINES = [DEFAULT, Markdown(smarty=True), PYROMARK, Markdown(engine="pyromark", smarty=True)]


def fixtures(name: str) -> list[ParameterSet]:
    """Cases of a file: a line that says what is shown, the input, what comes of it, each closed by a line of one dot."""
    cases = re.compile(r"^([^\n]+)\n\.\n(.*?)^\.\n(.*?)^\.$", re.DOTALL | re.MULTILINE)
    return [pytest.param(c[2], c[3].strip("\n"), id=c[1]) for c in cases.finditer((DATA / name).read_text("utf-8"))]


def render(text: str, how: Markdown) -> Markup:
    return markup.render([text], how)[0]


def visible(html: str) -> str:
    """The HTML with its tokens in characters that can be read, and without blank lines at its ends."""
    return html.replace("\x02", "«").replace("\x03", "»").strip("\n")


def told(problem: Problem) -> str:
    return f"{problem.line}:{problem.column} {problem.severity}: {problem.message} ({problem.hint})"


@pytest.mark.parametrize(("text", "expected"), fixtures("bodies.txt"))
def test_body(text: str, expected: str) -> None:
    """Markdown becomes exactly this HTML."""
    squeezed = re.sub(r"\n{2,}", "\n", visible(render(text, DEFAULT).html))
    assert squeezed == re.sub(r"\n{2,}", "\n", expected)


@pytest.mark.parametrize(("text", "expected"), fixtures("summaries.txt"))
@pytest.mark.parametrize("how", ENGINES, ids=str)
def test_summary(text: str, expected: str, how: Markdown) -> None:
    """The summary is the same plain text, whichever engine reads the body."""
    assert render(text, how).summary == expected


@pytest.mark.parametrize(("text", "expected"), fixtures("problems.txt"))
def test_problems(text: str, expected: str) -> None:
    """What an author will not have meant is said, with its line and column."""
    assert "\n".join(map(told, render(text, DEFAULT).problems)) == expected


HIDDEN = [
    "[a](java{}script:alert(1))",
    '<a href="java{}script:alert(1)">a</a>',
    '<a href="{}javascript:alert(1)">a</a>',
    '<img src="vb{}script:x" alt="a">',
    '<a href="da{}ta:text/html,x">a</a>',
]
"""Addresses of forbidden schemes, with a place for what hides them from the cleaner."""


@pytest.mark.parametrize(
    "by", [*(f"&#{n};" for n in (*range(1, 32), *range(127, 160), 0xFFFE, 0xFFFF)), "&#x4", "<!-- more -->", "\x01"]
)
@pytest.mark.parametrize("how", ENGINES, ids=str)
def test_no_scheme_is_hidden_from_the_cleaner(by: str, how: Markdown) -> None:
    """A character that is dropped from the text never brings a forbidden scheme together."""
    for hidden in HIDDEN:
        html = resolve_absolute(
            (made := render(hidden.format(by), how)).html, ["/x"] * len(made.references), "https://e.org", "https://e.org/a/"
        )
        for address in re.findall(r'(?:href|src)="([^"]*)"', html):
            assert not re.match(
                r"(?i)(javascript|vbscript|data):", re.sub(r"[\x00-\x20\x7f-\x9f\ufffe\uffff]", "", unescape(address))
            )


def test_long_summary() -> None:
    """A long summary ends at a word within its limit; a script without spaces is cut anywhere."""
    words = render("alpha, " * 100, DEFAULT).summary
    assert len(words) <= SUMMARY and words.endswith("alpha…")
    unbroken = render("漢" * 1000, DEFAULT).summary
    assert unbroken == "漢" * (SUMMARY - 1) + "…"


def test_references() -> None:
    """A reference says what kind it is, its decoded path, what to append, and where it stands."""
    text = """[a](../b%20c.md?x=1#Key) [p](/about/#team) [f](/media/x.pdf)
[r][n] ![i](/chart) NYSE: BRK.B

[n]: 2024/x.md#fn:1
"""
    assert render(text, DEFAULT).references == (
        Reference("file", "../b c.md", "?x=1#at:Key", 1, 5),
        Reference("page", "/about/", "#team", 1, 30),
        Reference("file", "/media/x.pdf", "", 1, 48),
        Reference("file", "2024/x.md", "#fn:1", 4, 6),
        Reference("file", "/chart", "", 2, 13),
        Reference("ticker", "NYSE:BRK.B", "", 2, 21),
    )


def test_repeated_references() -> None:
    """What is written twice has two places, in the order of the text."""
    places = [(r.line, r.column) for r in render("[a](x.md) ($TSLA)\n\n[b](x.md) ($TSLA)", DEFAULT).references]
    assert places == [(1, 5), (1, 12), (3, 5), (3, 12)]


@pytest.mark.parametrize("target", ["swift.org", "../authors", "SR-5887", "foo/"])
def test_relative_without_extension(target: str) -> None:
    """A relative address is a file, whatever it looks like; the caller says what it means."""
    (reference,) = render(f"[x]({target})", DEFAULT).references
    assert (reference.kind, reference.target) == ("file", target)


def test_resolve() -> None:
    """Resolving fills in addresses, escaped, and leaves a mention without one as plain text."""
    body = render("[a](x.md) ($TSLA) ($NVDA) [b](#k)", DEFAULT).html
    assert resolve(body, ["/a/?b&c", '/t/"', ""]) == (
        '<p><a href="/a/?b&amp;c">a</a> (<a class="ticker" href="/t/&quot;">$TSLA</a>) ($NVDA) <a href="#at:k">b</a></p>'
    )


def test_resolve_absolute() -> None:
    """In a feed every address is absolute, also that of a footnote."""
    body = render("[a](x.md) $TSLA[^1] [b](https://b.example/)\n\n[^1]: c", DEFAULT).html
    html = resolve_absolute(body, ["/n/a/", "/n/t/"], "https://example.org", "https://example.org/n/p/")
    assert re.findall('(?:href|src)="([^"]*)"', html) == [
        "https://example.org/n/a/",
        "https://example.org/n/t/",
        "https://example.org/n/p/#fn:1",
        "https://b.example/",
        "https://example.org/n/p/#fnref:1",
    ]


def test_nothing_to_resolve() -> None:
    """A body without references is the very same string before and after."""
    body = render('One `href="#x"` two.', DEFAULT).html
    assert resolve(body, []) is body
    assert resolve_absolute(body, [], "https://example.org", "https://example.org/p/") is body


def test_control_characters() -> None:
    """Control characters are dropped, and the first is named with its place."""
    body = render("a\n b\x02\x0b0\x03\x80c\ud800", DEFAULT)
    assert body.html == "<p>a\n b0c</p>"
    assert list(map(told, body.problems)) == ["2:3 warning: a control character was dropped (U+0002) (retype the passage)"]


@pytest.mark.parametrize("mark", ["&#4;", "&#x04;", "&#5", "&#X5;", "&#0004;"])
def test_marks_cannot_be_forged(mark: str) -> None:
    """A character reference is no mark of ours: it neither ends a summary nor shields a dollar."""
    body = render(f"One {mark}two. ${mark}TSLA $TSLA{mark}", DEFAULT)
    assert (body.html, body.summary) == (
        "<p>One two. \x020\x03$TSLA\x02/0\x03 \x021\x03$TSLA\x02/1\x03</p>",
        "One two. $TSLA $TSLA",
    )


def test_dollar_in_an_address() -> None:
    """A dollar that was escaped is a dollar in a link's target."""
    (reference,) = render("[x](cost\\$5.md) [y](https://example.org/\\$5)", DEFAULT).references
    assert reference.target == "cost$5.md"


def test_tags_of_other_generators_have_an_end() -> None:
    """Of a body full of them the first are told."""
    body = render(" ".join(f"{{{{ tag{number} }}}}" for number in range(FOREIGN_TAGS + 5)), DEFAULT)
    assert len(body.problems) == FOREIGN_TAGS


@pytest.mark.parametrize("text", ["> " * 500 + "x", "1. " * 500 + "x"])
def test_deep_nesting(text: str) -> None:
    """Endless nesting is an error of this body, and the next body is none the worse."""
    body = render(text, DEFAULT)
    assert (body.html, [problem.severity for problem in body.problems]) == ("", ["error"])
    assert body.problems[0].message == "nested too deeply"
    assert render("x", DEFAULT).html == "<p>x</p>"


@pytest.mark.parametrize("engine", ["commonmark", "pyromark"])
def test_missing_engine(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is unknown or not installed is a mistake in the settings, with its remedy."""
    monkeypatch.setitem(__import__("sys").modules, "pyromark", None)
    with pytest.raises(SettingsError) as raised:
        render("x", Markdown(engine=engine, smarty=True))
    hints = {"commonmark": "write 'markdown' or 'pyromark'", "pyromark": "pip install 'digest[fast]'"}
    assert raised.value.diagnostics[0].hint == hints[engine]


def test_other_engine() -> None:
    """CommonMark gives the same links, mentions, tables, headings and cleanliness."""
    pytest.importorskip("pyromark")
    text = "# A\n\n[a](x.md) $TSLA \\$TSLA ~~b~~[^n] [j](javascript:x)\n\n|c|\n|-:|\n|1|\n\n[^n]: d\n"
    assert visible(render(text, Markdown(engine="pyromark")).html) == (
        '<h2 id="at:a">A</h2>\n<p><a href="«0»">a</a> «1»$TSLA«/1» $TSLA <del>b</del><sup class="footnote-reference">'
        '<a href="«»#at:n">1</a></sup> <a>j</a></p>\n<table><thead><tr><th align="right">c</th></tr></thead><tbody>\n'
        '<tr><td align="right">1</td></tr>\n</tbody></table>\n<div class="footnote-definition" id="at:n">'
        '<sup class="footnote-definition-label">1</sup>\n<p>d</p>\n</div>'
    )


def test_smarty() -> None:
    """Typographic punctuation is there for whoever asks."""
    assert render('"a" -- b', Markdown(smarty=True)).summary == "“a” – b"
    assert render('"a" -- b', DEFAULT).summary == '"a" -- b'


# From here on: whatever an author writes.

PIECES = (
    *("a", "b c", "S&P", "x_y", "_", "__", "*", "**", "***", "`", "``", "[", "]", "(", ")", "[t](u)", '[t](u "q")'),
    *("![i](s)", "<", "> ", "<b>", "</b>", "<u@v.w>", "<http://x.y>", "&amp;", "&#65;", "&#66 ", "\\", "\\*", "\\$"),
    *("$", "$TSLA", "NYSE: X", "!", "~~", "~~d~~", ".", "**b**", "*e*", "`c`", "**[t](u)**", "*`c`*", "12. ", "|", "@"),
    *("é", "漢", "\x02", "\u00a0", "  ", " ", '"', "'", '<img title="<">', "&#2;", "<!-- c -->", "<a href=//x>"),
    *("<&#1;", "&#1;", "<3", "<!-- more --> ", "<!-- more -->"),
)
LINES = (
    *("\n", "\n\n", "  \n", "\n- ", "\n* ", "\n1. ", "\n2. ", "\n    ", "\t", "\n# ", "\n## h ", "\n---\n", "\n-\n"),
    *("\n===\n", "\n> ", "\n[^1]: n ", "[^1]", "\n[r]: http://r.s\n", "[r]", "[r][r]", "\n: d", "\n:   d", "\n   "),
    *("\r\n", "\n* * *\n", "\n|--|--|\n", "\n| a | b |\n|:--|--:|\n| `c|d` | e |\n", "\n```\n", "\n~~~py\n"),
    *("\n<div>\n", "\n</div>\n", "\n<!-- more -->\n"),
)
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES + LINES), st.text(max_size=8)), max_size=30).map("".join)

STOCK = fastmarkdown.stock()
FAST = fastmarkdown.converter()


def same(text: str) -> None:
    """Hold the fast converter to Python-Markdown, but for the number of a placeholder that the latter leaks."""
    stock, fast = (converter.reset().convert(text) for converter in (STOCK, FAST))
    if "\x02" in stock or "\x03" in stock:
        stock, fast = (re.sub(r"\d", "", html) for html in (stock, fast))
    assert fast == stock


@given(TEXTS)
@settings(max_examples=400, deadline=None)
@example("a\n   ")
@example("[a `b](c) d`](e)")
@example("**a** *b **c** d*")
@example("*a * b")
@example("*a** b and **c* d")
@example("* a*, ** b**, x*y*z")
@example("_a_ b_c `_`")
@example("a___b___c")
@example("a|\n\\\\|")
@example('_a_ [b_c](d_e "f\u00a0*g*") _*h*_ i_')
@example("[_a_](d_e_f) &mdash; S&P [b]")
@example("- # h\nx *y*\n")
@example("a\n\n[^1]: b [ c\\*[r]d]\n\n[r]: http://r.s")
def test_fast_is_stock(text: str) -> None:
    """The fast converter and Python-Markdown write the same HTML."""
    same(text)


def test_fast_is_stock_on_real_articles() -> None:
    """They write the same HTML for real articles, where some are at hand, and for the fixtures."""
    for path in (*sorted(DATA.glob("*.txt")), *sorted(REAL.rglob("*.md"))[::8]):
        same(re.sub(r"\A---\n.*?\n---\n", "", path.read_text("utf-8"), flags=re.DOTALL))


def test_fast_is_used() -> None:
    """The versions of Markdown that were compared are read fast, and others as Python-Markdown reads them."""
    tested = fastmarkdown.TESTED[0] <= markdown.__version_info__[:2] <= fastmarkdown.TESTED[1]
    assert (type(FAST) is not markdown.Markdown) is tested
    assert type(STOCK) is markdown.Markdown


@given(TEXTS, st.sampled_from(ENGINES))
@settings(max_examples=400, deadline=None)
@example('[a](b "c") [d](http://e.f/?g=1&h=2#i) [j](HTTP://k.l) [m](n:o) [p](http://q) [r](s\u00a0t "u")', PYROMARK)
@example('| a |\n|--:|\n| b &lt; c & d > e "f" \u00a0 |\n\n3. g  \nh\n\n* * *\n\n> `i`', PYROMARK)
@example("a < 3\n\n<!-- more -->\n\nb <3 > c", PYROMARK)
@example("<!-- more --> <&#1;img src=x onerror=alert(1) x=", PYROMARK)
@example("<!-- more --> Margin <3 %", PYROMARK)
@example("a\n\n<!-- more --><&#1;/blockquote><&#1;p>x<&#1;table>", DEFAULT)
def test_what_needs_no_cleaning_is_as_nh3_gives_it(text: str, how: Markdown) -> None:
    """A body is the same whether it may be recognised as plain, or goes to nh3 in any case."""
    body = render(text, how)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cleaning, "_plain", lambda html: None)
        assert render(text, how) == body


def test_plain_bodies_go_without_nh3() -> None:
    """An engine's plain tags are taken as they stand; what an author wrote is put in order, as browsers would."""
    odd = '<p>a <a href="/b">c</a><p>d</p></p>'
    assert clean(odd, written=False) == '<p>a <a href="/b" rel="noopener">c</a><p>d</p></p>'
    assert clean(odd, written=True) == '<p>a <a href="/b" rel="noopener">c</a></p><p>d</p><p></p>'
    for unsafe in ("<b>e</b>", '<p onclick="f()">g</p>', '<a href="javascript:h()">i</a>', '<a href="/j" id="k">l</a>', "m > n"):
        assert clean(odd + unsafe, written=False) == clean(odd + unsafe, written=True)


ALLOWED = re.compile(r"(?:[^<>\x00-\x08\x0b-\x1f\x7f]|</?[a-z][a-z0-9]*(?: [a-z]+=\"[^\"<>]*\")*>)*")


@given(TEXTS, st.sampled_from(ENGINES))
@settings(max_examples=300, deadline=None)
def test_output_is_clean(text: str, how: Markdown) -> None:
    """Whatever is written, readers get well-formed tags, safe addresses and no token that was not resolved."""
    body = render(text, how)
    links = [f"/{number}/" for number in range(len(body.references))]
    page = resolve(body.html, links)
    feed = resolve_absolute(body.html, links, "https://example.org", "https://example.org/p/")
    for html in (page, feed):
        assert ALLOWED.fullmatch(html)
        assert not re.search("<(?:script|style|iframe|form|input)|<[^>]* (?:on[a-z]+|style)=", html)
    assert all(re.match("#|/[0-9]+/|https?://|mailto:", url) for url in re.findall('(?:href|src)="([^"]*)"', page))
    assert all(re.match("https?://|mailto:", url) for url in re.findall('(?:href|src)="([^"]*)"', feed))
    assert len(body.summary) <= SUMMARY and "\n" not in body.summary
    assert render(text, how) == body
