"""Promise 4: every mistake is told as path, line, column, what, and how to mend it; and promise 3: nothing is lost by it."""

import os
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from sites import SETTINGS, article, make, page, tree, write

from digest import links
from digest.articles import Settings
from digest.cli import main
from digest.config import Markdown
from digest.errors import ContentError
from digest.parse import parse


def run(*arguments: str | Path) -> tuple[int, str]:
    """Exit status, and what a command said on standard error."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.exit_code, result.stderr


WHERE_TO = "write the path of an article's .md file or of a media file, or a whole address with https://"
NOTHING_THERE = "an alias is for an address at which nothing stands any more"

ARTICLES = {
    "no front matter": (
        "Just text.\n",
        "content/a.md:1:1: error: no front matter (begin the file with a line ---, then title: and date:, then a line ---)",
    ),
    "unclosed front matter": (
        "---\ntitle: A\ndate: 2024-05-17\n",
        "content/a.md:1:1: error: the front matter is not closed (put a line --- behind its last field)",
    ),
    "an empty file": (
        "",
        "content/a.md:1:1: error: the file is empty (begin with ---, title: and ---; or delete it)",
    ),
    "not UTF-8": (
        b"---\ntitle: Caf\xe9\n---\n",
        "content/a.md:2:11: error: not UTF-8 (save the file as UTF-8)",
    ),
    "not UTF-8 behind a byte order mark": (
        b"\xef\xbb\xbf---\ntitle: Caf\xe9\n---\n",
        "content/a.md:2:11: error: not UTF-8 (save the file as UTF-8)",
    ),
    "TOML front matter": (
        "+++\ntitle = 'A'\n+++\n",
        "content/a.md:1:1: error: front matter in TOML (digest reads YAML: put it between lines of ---)",
    ),
    "no title": (
        "---\ndate: 2024-05-17\n---\n",
        "content/a.md:1:1: error: no title (write title: in the front matter)",
    ),
    "a title of spaces": (
        "---\ntitle: '  '\ndate: 2024-05-17\n---\n",
        "content/a.md:2:8: error: the title is empty (write title: in the front matter)",
    ),
    "no date": (
        "---\ntitle: A\n---\n",
        "content/a.md:1:1: error: no date (write date: 2024-05-17, or begin the file's name with it)",
    ),
    "a date that does not exist": (
        article(date="2024-02-30"),
        "content/a.md:3:7: error: 'date': there is no such date as '2024-02-30' "
        "(write 2024-05-17 or 2024-05-17T11:41, with -04:00 behind it if need be)",
    ),
    "a date in words": (
        article(date="yesterday"),
        "content/a.md:3:7: error: 'date': 'yesterday' is not a date "
        "(write 2024-05-17 or 2024-05-17T11:41, with -04:00 behind it if need be)",
    ),
    "a script for a source": (
        article(source="{name: X, url: 'javascript:alert(1)'}"),
        "content/a.md:4:24: error: source.url: 'javascript:alert(1)' is not a web address (it must begin with https:// or http://)",
    ),
    "a slug that climbs": (
        article(slug="../../etc/passwd"),
        "content/a.md:4:7: error: '../../etc/passwd' cannot be part of an address (write slug: etc-passwd)",
    ),
    "a draft of maybe": (
        article(draft="yes"),
        "content/a.md:4:8: error: 'draft' must be true or false, not 'yes' (write true or false)",
    ),
    "an update before the date": (
        article(updated="2024-05-16"),
        "content/a.md:4:10: error: 'updated' is before 'date' (correct one of them)",
    ),
    "an end before the date": (
        article(date="2024-05-17 12:00", expires="2024-05-17"),
        "content/a.md:4:10: error: 'expires' is not after 'date' (correct one of them)",
    ),
    "a correction before the date": (
        article(correction="{date: 2024-05-16, text: Wrong}"),
        "content/a.md:4:20: error: a correction's date is before the article's (correct one of them)",
    ),
    "a year that is the last": (
        article(date="9999-12-31T23:59"),
        "content/a.md:3:7: error: 'date': there is no such date as '9999-12-31T23:59' "
        "(write 2024-05-17 or 2024-05-17T11:41, with -04:00 behind it if need be)",
    ),
    "a date that is a list": (
        article(date="[2024-05-17]"),
        "content/a.md:3:7: error: 'date' must be text (quote it if it begins with [ or {)",
    ),
    "the address of the article for the source's": (
        article(url="/posts/first/"),
        "content/a.md:4:6: error: '/posts/first/' is a path, and the source's address is expected here "
        "(rename it to aliases if it is an old address of the article)",
    ),
    "a source without a name": (
        article(source="{author: Jane}"),
        "content/a.md:4:9: error: 'source' has no name (write source: {name: Reuters, url: https://…})",
    ),
    "a weight in words": (
        article(weight="heavy"),
        "content/a.md:4:9: error: 'weight' must be a whole number, not 'heavy'",
    ),
    "an image without words": (
        article(image="chart.png"),
        "content/a.md:4:8: error: an image needs a text for those who cannot see it (write image: {path: chart.png, alt: …})",
    ),
    "an image that is not there": (
        article(image="{path: chart.png, alt: A chart}"),
        "content/a.md:4:1: error: there is no image 'chart.png' "
        "(give its path from the article's folder, or from the content folder with /)",
    ),
    "a ticker in words": (
        article(tickers="[Tesla!]"),
        "content/a.md:4:11: error: '!' cannot be part of a ticker: 'Tesla!' (write it as TSLA or LON:VOD)",
    ),
    "an alias that climbs": (
        article(aliases="[/../x/]"),
        "content/a.md:4:11: error: '/../x/' is not a path on this site (write it as /2019/old-name/)",
    ),
    "an alias of a page": (
        article(aliases="[/archive/]"),
        f"content/a.md:4:1: error: a page that digest makes itself is at '/archive/' already ({NOTHING_THERE})",
    ),
    "an alias below a feed": (
        article(aliases="/feed.xml"),
        f"content/a.md:4:1: error: a page that digest makes itself is at '/feed.xml', which must be a folder ({NOTHING_THERE})",
    ),
    "an alias of its own page": (
        article(aliases="/2024/05/17/a/"),
        f"content/a.md:4:1: error: 'a.md' is at '/2024/05/17/a/' already ({NOTHING_THERE})",
    ),
    "an alias among digest's own files": (
        article(aliases="[/.digest-stage/x/]"),
        "content/a.md:4:11: error: '/.digest-stage/x/' is where digest keeps files of its own (write it as /2019/old-name/)",
    ),
    "a correction without a date": (
        article(correction="[{text: Wrong}]"),
        "content/a.md:4:14: error: a correction needs a date and a text (write {date: 2024-05-18, text: …})",
    ),
    "a link to nowhere": (
        article(body="See [this](other.md)."),
        f"content/a.md:5:12: error: 'other.md' leads nowhere ({WHERE_TO})",
    ),
    "a link to a file that is not there, behind a slash": (
        article(body="See [this](/gone.md)."),
        f"content/a.md:5:12: error: '/gone.md' leads nowhere ({WHERE_TO})",
    ),
    "an image that is not there, behind a slash": (
        article(body="![Sales](/charts/none.png)"),
        f"content/a.md:5:10: error: '/charts/none.png' leads nowhere ({WHERE_TO})",
    ),
    "a link to a file below the base": (
        article(body="See [this](/news/none.PDF)."),
        f"content/a.md:5:12: error: '/news/none.PDF' leads nowhere ({WHERE_TO})",
    ),
    "a link to the registry": (
        article(body="See [this](tickers.yaml)."),
        f"content/a.md:5:12: error: 'tickers.yaml' leads nowhere ({WHERE_TO})",
    ),
    "a link without a scheme": (
        article(body="See [this](example.com)."),
        "content/a.md:5:12: error: 'example.com' leads nowhere (did you mean 'https://example.com'?)",
    ),
    "a link to a missing file": (
        article(body="See [this](report.pdf)."),
        "content/a.md:5:12: error: 'report.pdf' leads nowhere "
        "(write the path of an article's .md file or of a media file, or a whole address with https://)",
    ),
    "a link to nothing": (
        article(body="See [this]()."),
        "content/a.md:5:12: error: a link has no target (write one, or take the link out)",
    ),
    "a tag without letters": (
        article(tags="['!!!']"),
        "content/a.md:1:1: error: '!!!' gives no address (use letters or digits in it)",
    ),
    "two tags on one address": (
        article(tags="[a b, a-b]"),
        "content/a.md:1:1: error: 'a b' and 'a-b' would both be at /tags/a-b/ (rename one of them)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ARTICLES)
def test_article_error(tmp_path: Path, what: str) -> None:
    """A mistake in an article is told in full, with status 1, and nothing is published."""
    source, message = ARTICLES[what]
    write(tmp_path, {"content/a.md": source})
    status, said = run("build", "-s", tmp_path)
    errors = [line for line in said.splitlines() if ": error: " in line]
    assert (status, errors) == (1, [message])
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("markets.md", "../y/markets.md"),
        ("/markets.md", "/y/markets.md"),
        ("/y/market.md", "/y/markets.md"),
        ("Chart.PNG", "../y/chart.png"),
        ("../y/charts.png", "../y/chart.png"),
    ],
)
def test_link_hint_names_the_nearest(tmp_path: Path, target: str, meant: str) -> None:
    """A link that misses its target by a slip is told where the target is."""
    files = {"content/x/a.md": article(body=f"[b]({target})"), "content/y/markets.md": article(), "content/y/chart.png": "x"}
    write(tmp_path, files)
    _, said = run("build", "-s", tmp_path)
    assert f"error: '{target}' leads nowhere (did you mean '{meant}'?)" in said


def test_few_links_are_searched_for_long(tmp_path: Path) -> None:
    """Only the first broken links of many are held against all paths; every one is told."""
    number = links.MISSES + 5
    write(tmp_path, {f"content/{word}.md": article(body=f"[b]({word}x.md)") for word in (f"article-{n}" for n in range(number))})
    _, said = run("build", "-s", tmp_path)
    assert (said.count(" leads nowhere (did you mean"), said.count(f" leads nowhere ({WHERE_TO})")) == (links.MISSES, 5)


def test_link_to_what_is_made_anyway(tmp_path: Path) -> None:
    """Files of digest's own and of the theme are linked as pages are, and one that is not there is a warning."""
    body = "[a](/feed.json) [b](/robots.txt) [c](/assets/style.css) ![d](/assets/none.png)"
    write(tmp_path, {"content/a.md": article(body=body)})
    (told,) = make(tmp_path).warnings
    assert "there is no page at '/assets/none.png'" in told.message


@pytest.mark.parametrize(
    ("option", "hidden", "state"),
    [("-D", article(draft="true"), "a draft"), ("-F", article(date="2099-01-01"), "not published yet")],
)
def test_link_to_what_is_hidden(tmp_path: Path, option: str, hidden: str, state: str) -> None:
    """A link to what is not published is an error that says so, and none when that is shown."""
    write(tmp_path, {"content/a.md": article(body="[b](b.md)"), "content/b.md": hidden})
    status, said = run("build", "-s", tmp_path)
    assert status == 1
    assert f"content/a.md:5:5: error: 'b.md' is {state} (publish it as well, or take the link out)" in said
    assert run("build", "-s", tmp_path, option)[0] == 0


@pytest.mark.parametrize(
    ("registry", "message"),
    [
        (b"TSLA: {naem: T}\n", "yaml:1:8: error: unknown field 'naem' (did you mean 'name'?)"),
        (b"TSLA: Caf\xe9", "yaml: error: not UTF-8"),
    ],
)
def test_broken_registry(tmp_path: Path, registry: bytes, message: str) -> None:
    """A mistake in the registry of tickers is told with those in articles, and nothing is published."""
    write(tmp_path, {"content/a.md": article(weight="heavy"), "content/tickers.yaml": registry})
    status, said = run("build", "-s", tmp_path)
    assert (status, said.count(": error: ")) == (1, 2)
    assert f"content/tickers.{message}" in said
    assert not (tmp_path / "output").exists()


def test_page_where_digest_has_one(tmp_path: Path) -> None:
    """A standing page in the place of a page that every site has is an error that says whose that is."""
    write(tmp_path, {"content/a.md": article(), "content/pages/archive.md": "---\ntitle: Ours\n---\n"})
    with pytest.raises(
        ContentError, match=r"^content/pages/archive\.md:1:1: error: a page that digest makes itself is at '/archive/'"
    ):
        make(tmp_path)


WARNINGS = {
    "a ticker that is mistyped": (
        article(tickers="[TLSA]", body="TLSA"),
        "4:1: warning: the registry does not know 'TLSA' on 2024-05-17 (did you mean 'TSLA'?)",
    ),
    "a ticker that nobody knows": (
        article(tickers="[QQQQQ]", body="QQQQQ"),
        "4:1: warning: the registry does not know 'QQQQQ' on 2024-05-17 (add it to tickers.yaml)",
    ),
    "a ticker that is not declared": (
        article(body="So (LSE: VOD) fell."),
        "5:5: warning: 'LON:VOD' is mentioned but not among the tickers (add LON:VOD to tickers)",
    ),
    "a ticker that is not mentioned": (
        article(tickers="[TSLA]", body="Cars."),
        "4:1: warning: the text never mentions 'TSLA' (name it in the text, or drop it from tickers)",
    ),
    "a link to no page": (
        article(body="[x](/archive) [y](/news/archive/) [z](/feed.xml) [here](/nowhere/)"),
        "5:57: warning: there is no page at '/nowhere/' (link to the article's .md file)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WARNINGS)
def test_article_warning(tmp_path: Path, what: str) -> None:
    """What is probably a mistake is told in full, and the site is published all the same."""
    source, message = WARNINGS[what]
    write(tmp_path, {"content/a.md": source, "content/tickers.yaml": "TSLA: Tesla\nLON:VOD: Vodafone\n"})
    assert [str(warning) for warning in make(tmp_path).warnings] == [f"content/a.md:{message}"]


def test_site_without_an_address(tmp_path: Path) -> None:
    """Without `base_url` a site is built for this machine, with a warning that says what to write."""
    write(tmp_path, {"content/a.md": article(), "digest.toml": 'title = "T"\n'})
    assert [str(warning) for warning in make(tmp_path).warnings] == [
        "warning: base_url is not set: feeds and canonical links say http://localhost:8000/ "
        '(write base_url = "https://…" into the settings)'
    ]


OTHERS = {
    "editions/2024-13-45.md": ("A note.", "error: the file's name: '2024-13-45' is not a date (write 2024-05-17)"),
    "pages/about.md": (
        "Some text.",
        "error: no front matter (begin the file with a line ---, then title:, then a line ---)",
    ),
    "about.md": (
        "---\ntitle: About\nlayout: page\n---\n",
        "warning: skipped: a page without a date (a standing page belongs into the content's folder pages/)",
    ),
    "old.md": (article(date="0202-05-17"), "warning: the date is before 1900 (correct the year)"),
    "0202-05-17-old.md": ("---\ntitle: A\n---\n", "warning: the date is before 1900 (correct the year)"),
    "far.md": (article(edition="2042-05-17"), "warning: 'edition' is years away from 'date' (correct one of them)"),
}


@pytest.mark.parametrize("path", OTHERS)
def test_where_and_when_it_cannot_be_meant(tmp_path: Path, path: str) -> None:
    """A file whose place or day cannot be meant is told so."""
    source, message = OTHERS[path]
    write(tmp_path, {f"content/{path}": source})
    _, said = run("build", "-s", tmp_path)
    assert re.search(rf"^content/{re.escape(path)}:\d+:\d+: {re.escape(message)}$", said, re.MULTILINE)


@pytest.mark.parametrize("name", ["edition: 2024-05-18", "tags: [a]", "id: x", "authors: [A]", "expires: 2024-05-18"])
@pytest.mark.parametrize("kind", ["note", "page"])
def test_field_without_effect(tmp_path: Path, name: str, kind: str) -> None:
    """What only an article has a place for is a warning elsewhere, and moves nothing."""
    path = {"note": "editions/2024-05-17.md", "page": "pages/about.md"}[kind]
    write(tmp_path, {"content/a.md": article(), f"content/{path}": f"---\ntitle: B\n{name}\n---\nMeant for the 17th.\n"})
    (told,) = make(tmp_path).warnings
    shown = {"note": "2024/05/17/index.html", "page": "about/index.html"}[kind]
    field = name.partition(":")[0]
    expected = f"content/{path}:3:1: warning: '{field}' says nothing here (it is for articles, and this is a {kind})"
    assert (str(told), "Meant for the 17th." in page(tmp_path, shown)) == (expected, True)


def test_update_on_the_day_itself(tmp_path: Path) -> None:
    """An update by day alone may be on the article's own, and then is no earlier than the article."""
    write(tmp_path, {"content/a.md": article(date="2024-05-19 11:41", updated="2024-05-19")})
    assert make(tmp_path).warnings == ()
    assert 'modified_time" content="2024-05-19T11:41:00-04:00"' in page(tmp_path, "2024/05/19/a/index.html")


@pytest.mark.parametrize(
    "source",
    [
        {"source": "{author: Jane}", "url": "https://www.example.com/x"},
        {"source": '{name: A, url: "https://example.com"}', "url": ""},
    ],
)
def test_source_in_two_fields(tmp_path: Path, source: dict[str, str]) -> None:
    """What one field leaves out, the other may say."""
    write(tmp_path, {"content/a.md": article(**source)})
    assert make(tmp_path).warnings == ()
    assert "https://" in page(tmp_path, "2024/05/17/a/index.html")


def test_one_tag_in_two_normal_forms(tmp_path: Path) -> None:
    """A letter with an accent is the same letter in one piece and in two."""
    write(tmp_path, {"content/a.md": article(tags="[caf\u00e9]"), "content/b.md": article(tags="[cafe\u0301]")})
    make(tmp_path)
    assert page(tmp_path, "tags/caf\u00e9/index.html").count("<article") == 2


def test_link_to_what_is_broken(tmp_path: Path) -> None:
    """A link to an article with an error is not an error as well."""
    write(tmp_path, {"content/a.md": article(body="[b](b.md)"), "content/b.md": article(date="2024-13-01")})
    status, said = run("build", "-s", tmp_path)
    assert (status, said.count("error: "), "content/b.md:3:7: error: " in said) == (1, 1, True)


def test_all_at_once(tmp_path: Path) -> None:
    """Broken front matter in three files gives three messages in one run, and the output stays as it was."""
    write(tmp_path, {f"content/{name}.md": article(name) for name in "abcd"})
    make(tmp_path)
    before = tree(tmp_path / "output")
    write(
        tmp_path,
        {
            "content/a.md": "---\ntitle: Tesla: the pivot\ndate: 2024-05-17\n---\n",
            "content/b.md": "---\ntitle: B\ntitle: C\ndate: 2024-05-17\n---\n",
            "content/c.md": "---\ntitle: [C\ndate: 2024-05-17\n---\n",
            "content/d.md": article("Changed"),
        },
    )
    status, said = run("build", "-s", tmp_path)
    errors = [line for line in said.splitlines() if ": error: " in line]
    assert status == 1
    assert [error.split(":")[0] for error in errors] == ["content/a.md", "content/b.md", "content/c.md"]
    assert 'quote the value: title: "Tesla: the pivot"' in errors[0]
    assert tree(tmp_path / "output") == before


def test_two_articles_on_one_address(tmp_path: Path) -> None:
    """Two articles on one URL are an error that names both."""
    write(tmp_path, {"content/a/story.md": article(), "content/b/story.md": article()})
    status, said = run("build", "-s", tmp_path)
    assert status == 1
    assert (
        "content/b/story.md:1:1: error: 'a/story.md' is at '/2024/05/17/story/' already (give one of them another slug)" in said
    )


def test_two_articles_with_one_alias(tmp_path: Path) -> None:
    """Two articles that claim one alias are an error at the second one's field, which names the first."""
    write(tmp_path, {"content/a.md": article(aliases="/old/"), "content/b.md": article(weight="1", aliases="[/new/, /OLD/]")})
    _, said = run("build", "-s", tmp_path)
    assert f"content/b.md:5:1: error: an alias of 'a.md' is at '/old/' already ({NOTHING_THERE})" in said


def test_address_that_was_chosen(tmp_path: Path) -> None:
    """Where a slug leads to an address that is taken, the error stands at the slug."""
    write(tmp_path, {"content/a.md": article(), "content/b.md": article(slug="a")})
    _, said = run("build", "-s", tmp_path)
    assert "content/b.md:4:1: error: 'a.md' is at '/2024/05/17/a/' already (give one of them another slug)" in said


def test_alias_where_a_folder_must_be(tmp_path: Path) -> None:
    """A file with an alias in its way is not to blame, but the alias."""
    write(tmp_path, {"content/a.md": article(aliases="/media/x.html"), "content/x.html/y.png": "z"})
    _, said = run("build", "-s", tmp_path)
    assert "content/a.md:4:1: error: '/media/x.html' must be a folder, as 'x.html/y.png' is at '/media/x.html/y.png'" in said


@pytest.mark.parametrize("few", [0, 50])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (article(), article("Another", slug="a")),
        (article(aliases="[/old.html]"), article(aliases="[/OLD.html]")),
        (article(aliases="[/old.html]"), article(aliases="[/old.html/x/]")),
        (article(aliases="[/old.html/x/]"), article(aliases="[/old.html]")),
    ],
)
def test_clash_with_what_stands_already(
    tmp_path: Path, first: str, second: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new address is held against all that was built before, also when only few are new."""
    monkeypatch.setattr("digest.collisions.FEW", few)
    write(tmp_path, {"content/a.md": first})
    make(tmp_path)
    before = tree(tmp_path / "output")
    write(tmp_path, {"content/b.md": second})
    with pytest.raises(ContentError, match=r" already|must be a folder"):
        make(tmp_path)
    assert tree(tmp_path / "output") == before


def test_file_where_a_folder_must_be(tmp_path: Path) -> None:
    """An address that is a file, far above another address, is told before anything is published."""
    write(tmp_path, {"content/a.md": article(aliases="[/old.html]")})
    make(tmp_path)
    before = tree(tmp_path / "output")
    write(tmp_path, {"content/b.md": article("B", aliases="[/old.html/x/y/]")})
    with pytest.raises(ContentError, match=r"b\.md:4:1: error: an alias of 'a\.md' is at '/old\.html', which must be a folder"):
        make(tmp_path)
    assert tree(tmp_path / "output") == before


@pytest.mark.skipif(sys.platform != "linux", reason="only here a name can be any bytes")
@pytest.mark.parametrize("name", [b"\xff.md", b"\xff.png", b"foo\nREADME", b"foo\rREADME", b"foo\xc2\x85.md", b"\x1b[31m.png"])
@pytest.mark.parametrize("folder", ["content", "templates", "templates/assets"])
def test_name_that_is_no_text(tmp_path: Path, folder: str, name: bytes) -> None:
    """A file whose name is not UTF-8, or has a control character in it, is an error that shows it with escapes."""
    write(tmp_path, {"content/a.md": article(), f"{folder}/b.html": ""})
    Path(os.fsdecode(os.fsencode(tmp_path / folder) + b"/" + name)).write_bytes(b"")
    with pytest.raises(ContentError, match="its name is no text") as caught:
        make(tmp_path)
    assert str(caught.value).isprintable()
    assert str(caught.value).startswith(f"{folder}/")


@pytest.mark.skipif(sys.platform != "linux", reason="only here a name can be any bytes")
def test_folder_of_the_site_that_is_no_text(tmp_path: Path) -> None:
    """A site in a folder whose name is not UTF-8 is an error that shows it."""
    site = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    write(site, {"content/a.md": article()})
    status, said = run("build", "-s", site)
    assert (status, "udcff: error: its name is no text" in said) == (1, True)


@pytest.mark.parametrize("second", ["tag:example.org,2005:1", "https://example.org/news/2024/05/17/b/"])
def test_two_articles_with_one_id(tmp_path: Path, second: str) -> None:
    """An id that another article has, or that is another's permalink, is an error at the newer of the two."""
    write(
        tmp_path,
        {
            "content/a.md": article("A", id="tag:example.org,2005:1"),
            "content/b.md": article("B"),
            "content/c.md": article("C", date="2024-05-18", id=second),
        },
    )
    status, said = run("build", "-s", tmp_path)
    other = "a" if second.startswith("tag:") else "b"
    assert status == 1
    assert f"content/c.md:4:1: error: '{other}.md' has the same id" in said


@pytest.mark.skipif(os.name == "nt", reason="links are for administrators there")
@pytest.mark.parametrize("folder", ["content", "templates"])
def test_link_that_leads_to_itself(tmp_path: Path, folder: str) -> None:
    """A link that leads nowhere but to itself is an error that names it."""
    write(tmp_path, {"content/a.md": article(), f"{folder}/b.html": ""})
    (tmp_path / folder / "loop").symlink_to("loop")
    with pytest.raises(ContentError, match=f"{folder}/loop: error: cannot be read: too many levels of symbolic links"):
        make(tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the super-user may read everything")
@pytest.mark.parametrize("folder", ["content", "templates"])
def test_folder_that_must_not_be_read(tmp_path: Path, folder: str) -> None:
    """A folder that may not be read is an error that names it."""
    write(tmp_path, {"content/a.md": article(), f"{folder}/sub/b.html": ""})
    (tmp_path / folder / "sub").chmod(0)
    status, said = run("build", "-s", tmp_path)
    (tmp_path / folder / "sub").chmod(0o755)
    assert (status, f"{folder}/sub: error: cannot be read: permission denied" in said) == (1, True)


@pytest.mark.skipif(sys.platform != "linux", reason="only here is a file that nobody can read")
@pytest.mark.parametrize("path", ["content/b.md", "content/tickers.yaml", "templates/404.html", "templates/assets/x.css"])
def test_file_that_cannot_be_read(tmp_path: Path, path: str) -> None:
    """A file that cannot be read is an error that names it, and the output stays as it was."""
    write(tmp_path, {"content/a.md": article(), "templates/assets/y.css": "y"})
    make(tmp_path)
    before = tree(tmp_path / "output")
    (tmp_path / path).symlink_to("/proc/self/mem")
    status, said = run("build", "-s", tmp_path)
    assert (status, f"{path}: error: cannot be read: input/output error" in said) == (1, True)
    assert tree(tmp_path / "output") == before


def test_a_template_that_fails_on_some_of_many_pages(tmp_path: Path) -> None:
    """One page in the middle of many, which are rendered together, hides no other and is hidden by none."""
    articles = {f"content/{number}.md": article(f"Story {number}") for number in range(120)}
    failing = '{% if card.title in ("Story 7", "Story 70", "Story 119") %}{{ 1 // 0 }}{% endif %}'
    write(tmp_path, articles | {"templates/article.html": failing})
    with pytest.raises(ContentError) as caught:
        make(tmp_path, jobs=1)
    assert [str(error) for error in caught.value.diagnostics] == [
        "templates/article.html:1: error: ZeroDivisionError: integer division or modulo by zero,"
        " on 2024/05/17/119/index.html and 2 more"
    ]
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("engine", ["markdown", "pyromark"])
def test_sources_that_are_parsed_together_do_not_touch_each_other(engine: str) -> None:
    """Good ones, broken ones and ones with nothing in them say the same side by side, in any order, as each by itself."""
    good = article(body="One *word* on $TSLA, [here](b.md).").encode()
    texts = [text.encode() if isinstance(text, str) else text for text, *_ in ARTICLES.values()]
    deep = article(body=">" * 400 + " deep").encode()
    sources = [(f"{number}.md", data) for number, text in enumerate(texts) for data in (text, good)]
    sources[5:5] = [("deep.md", deep), ("page.md", b"---\nlayout: page\n---\n"), ("editions/2024-05-17.md", b"")]
    settings = Settings("UTC", Markdown(engine))
    alone = [parse([source], settings)[0] for source in sources]
    assert sum(parsed.article is None for parsed, _ in alone) > len(ARTICLES) // 2
    assert parse(sources, settings) == alone
    assert parse(sources[::-1], settings) == alone[::-1]


@pytest.mark.skipif(sys.platform != "linux", reason="only here is a file that nobody can read")
def test_file_that_can_be_read_again(tmp_path: Path) -> None:
    """A file that could not be read is no empty file: when an empty one takes its place, the error is gone."""
    note = tmp_path / "content/editions/2024-05-17.md"
    write(tmp_path, {"content/a.md": article(), "content/editions/2024-05-18.md": "---\ntitle: A note\n---\n"})
    note.symlink_to("/proc/self/mem")
    assert run("build", "-s", tmp_path)[0] == 1
    note.unlink()
    note.touch()
    assert run("build", "-s", tmp_path)[0] == 0
    note.unlink()
    note.symlink_to("/proc/self/mem")
    assert run("build", "-s", tmp_path)[0] == 1


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("x/story.md.txt", "an article's name ends in .md: rename it to x/story.md"),
        ("story.MARKDOWN.TXT", "an article's name ends in .md: rename it to story.md"),
        ("story.mdx", "an article's name ends in .md: rename it to story.md"),
        ("story.rst", "an article's name ends in .md: rename it to story.md"),
        ("tickers.yml", "rename it to tickers.yaml"),
        ("Tickers.yaml", "rename it to tickers.yaml"),
    ],
)
def test_media_that_was_hardly_meant_to_be_any(tmp_path: Path, path: str, hint: str) -> None:
    """A file that looks like an article or a registry, and is published as media, is a warning with the right name."""
    write(tmp_path, {"content/a.md": article(), f"content/{path}": article("B", draft="true"), "content/x/tickers.yml": ""})
    _, said = run("build", "-s", tmp_path)
    assert f"content/{path}: warning: it is published as it is ({hint})" in said
    assert said.count("warning: it is published") == 1


def test_two_tickers_on_one_address(tmp_path: Path) -> None:
    """Two tickers on one slug are an error that names both."""
    write(tmp_path, {"content/a.md": article(tickers="[BRK.B, BRK-B]", body="BRK.B BRK-B")})
    _, said = run("build", "-s", tmp_path)
    assert "'BRK-B' and 'BRK.B' would both be at /tickers/brk-b/" in said


def test_ticker_of_nobody(tmp_path: Path) -> None:
    """A symbol that was nobody's on an article's day does not file it under the company that has it on others."""
    registry = "WTW: {name: Willis Towers Watson, from: 2022-01-10}\nWW: {aliases: [{symbol: WTW, until: 2019-04-22}]}\n"
    write(tmp_path, {"content/tickers.yaml": registry, "content/a.md": article(date="2020-05-01", tickers="WTW", body="WTW")})
    status, said = run("build", "-s", tmp_path)
    assert status == 1
    assert (
        "content/a.md:4:1: error: 'WTW' is nobody's on 2020-05-01, but of WW until 2019-04-22, "
        "Willis Towers Watson from 2022-01-10 (take it out, or correct the days in tickers.yaml)" in said
    )
    write(tmp_path, {"content/a.md": article(date="2022-05-01", tickers="WTW", body="WTW")})
    make(tmp_path)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("Meta Platforms rises.", False),
        ("What was FB rises.", False),
        ("META rises.", False),
        ("Platforms rise.", True),
        ("The meta platforms rise.", True),
    ],
)
def test_mention_by_name(tmp_path: Path, body: str, told: bool) -> None:
    """A company that the text calls by its name, or by another of its symbols, is mentioned."""
    registry = "META: {name: Meta Platforms, aliases: [{symbol: FB, until: 2022-06-09}]}\n"
    write(tmp_path, {"content/tickers.yaml": registry, "content/a.md": article(tickers="META", body=body)})
    expected = "content/a.md:4:1: warning: the text never mentions 'META' (name it in the text, or drop it from tickers)"
    assert list(map(str, make(tmp_path).warnings)) == [expected] * told


@pytest.mark.parametrize("line", ["\r\n", "\r"])
def test_foreign_line_ends_and_marks(tmp_path: Path, line: str) -> None:
    """A byte order mark and other line ends are read as what they are."""
    write(tmp_path, {"content/a.md": ("\ufeff" + article("Windows")).replace("\n", line)})
    make(tmp_path)
    assert "Windows" in (tmp_path / "output/2024/05/17/a/index.html").read_text("utf-8")


def test_template_syntax_error(tmp_path: Path) -> None:
    """A template that cannot be read is told with its file and line, before anything is published."""
    write(tmp_path, {"content/a.md": article(), "templates/page.html": "ok\n{% if %}\n", "content/pages/x.md": article()})
    status, said = run("build", "-s", tmp_path)
    assert status == 1
    assert "templates/page.html:2: error: " in said
    assert not (tmp_path / "output").exists()


def test_template_undefined_variable(tmp_path: Path) -> None:
    """A variable that no view has is told with the template's file and line."""
    write(tmp_path, {"content/a.md": article(), "templates/404.html": "one\ntwo {{ sight.title }}\n"})
    status, said = run("build", "-s", tmp_path)
    assert status == 1
    assert "templates/404.html:2: error: 'sight' is undefined" in said
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_template_that_fails_on_some_pages(tmp_path: Path, jobs: str) -> None:
    """What only some pages lack is told once, with the first page and the number of the others."""
    write(tmp_path, {"content/a.md": article(sector="Chips"), "content/b.md": article(), "content/c.md": article()})
    write(tmp_path, {"templates/article.html": "\n{{ content.extra.sector }}", "templates/404.html": "{{ sight }}"})
    status, said = run("build", "-s", tmp_path, "-j", jobs)
    assert status == 1
    assert said.splitlines()[1:] == [
        "templates/404.html:1: error: 'sight' is undefined, on 404.html",
        "templates/article.html:2: error: there is no 'sector' in this table, on 2024/05/17/b/index.html and 1 more"
        " (test for it first, with 'is defined')",
    ]


def test_unknown_setting(tmp_path: Path) -> None:
    """Wrong settings are told all at once, with status 2."""
    write(tmp_path, {"digest.toml": 'titel = "x"\nbase_url = "nowhere"\n[feeds]\nitems = 0\n'})
    status, said = run("build", "-s", tmp_path)
    assert status == 2
    assert said.splitlines() == [
        "digest.toml:1:1: error: unknown setting 'titel' (did you mean 'title'?)",
        "digest.toml:2:1: error: 'nowhere' is not a web address (write https://example.org/ or so)",
        "digest.toml:4:1: error: 'feeds.items' must be between 1 and 1000",
    ]


def test_broken_settings(tmp_path: Path) -> None:
    """Settings that are not TOML are told with line and column."""
    write(tmp_path, {"digest.toml": 'title = "x\n'})
    status, said = run("build", "-s", tmp_path)
    assert (status, said.startswith("digest.toml:1:")) == (2, True)


def test_no_settings(tmp_path: Path) -> None:
    """A folder without settings is told what to write."""
    status, said = run("build", "-s", tmp_path)
    assert status == 2
    assert f"error: no digest.toml in {tmp_path}" in said


def test_wrong_use() -> None:
    """An unknown option is wrong use: status 2."""
    assert run("build", "--no-such")[0] == 2


def test_no_content_folder(tmp_path: Path) -> None:
    """A site without a content folder is told to make it."""
    write(tmp_path, {})
    status, said = run("build", "-s", tmp_path)
    assert status == 1
    assert "there is no content folder" in said


def test_unwritable_output(tmp_path: Path) -> None:
    """An output folder that cannot be written to is an error that says so."""
    write(tmp_path, {"content/a.md": article(), "output": "a file where the folder should be"})
    status, said = run("build", "-s", tmp_path)
    assert status == 1
    assert "output: error: cannot be written to: " in said
    assert (tmp_path / "output").read_text() == "a file where the folder should be"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the super-user may write everywhere")
def test_forbidden_output(tmp_path: Path) -> None:
    """An output folder without the right to write is an error that says so."""
    write(tmp_path, {"content/a.md": article(), "output/theirs.txt": "x"})
    (tmp_path / "output").chmod(0o555)
    status, said = run("build", "-s", tmp_path)
    (tmp_path / "output").chmod(0o755)
    assert status == 1
    assert "cannot be written to: permission denied" in said


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the super-user may remove anything")
def test_forbidden_cleaning(tmp_path: Path) -> None:
    """`clean` without the right to remove is an error that says so, and can be run again when it may."""
    make(write(tmp_path, {"content/a.md": article()}))
    (tmp_path / "output").chmod(0o555)
    status, said = run("clean", "-s", tmp_path)
    (tmp_path / "output").chmod(0o755)
    assert status == 1
    assert "cannot be written to: permission denied" in said
    assert run("clean", "-s", tmp_path)[0] == 0
    assert not (tmp_path / "output").exists()


def test_no_folder_for_the_preview(tmp_path: Path) -> None:
    """A file where the preview's folder must be is an error that says so, not a traceback."""
    write(tmp_path, {"content/a.md": article(), ".digest": "a file"})
    status, said = run("serve", "-s", tmp_path, "-p", "0")
    assert status == 2
    assert ".digest: error: cannot be written to: File exists (the preview is built there: " in said


def test_foreign_files_are_kept(tmp_path: Path) -> None:
    """Somebody else's files in the output folder outlive builds, deletions and `clean`."""
    write(
        tmp_path, {"content/a.md": article(), "content/b.md": article(), "output/CNAME": "example.org", "output/2024/x.txt": "x"}
    )
    make(tmp_path)
    (tmp_path / "content/a.md").unlink()
    make(tmp_path)
    assert run("clean", "-s", tmp_path)[0] == 0
    assert tree(tmp_path / "output") == {"CNAME": b"example.org", "2024/x.txt": b"x"}


def test_foreign_file_in_the_way(tmp_path: Path) -> None:
    """A file that digest would have to overwrite but did not write is an error, and kept."""
    write(tmp_path, {"content/a.md": article(), "output/index.html": "theirs"})
    with pytest.raises(ContentError, match=r"index\.html: error: digest did not write this file"):
        make(tmp_path)
    assert tree(tmp_path / "output") == {"index.html": b"theirs"}


OBSTACLES = {
    "a long name": r"output/tags/x+/\S+: error: cannot be written to: file name too long \(shorten the slug, the tag",
    "a foreign file": r"output/tickers: error: digest did not write this file, and needs a folder here for 'tickers/",
    "a link": r"output/media: error: this is a link, and digest would have to write 'media/new.png' behind it",
}


@pytest.mark.skipif(os.name == "nt", reason="links are for administrators there, and long names are allowed")
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("what", OBSTACLES)
def test_page_that_cannot_be_there(tmp_path: Path, what: str, first: bool) -> None:
    """A page that the output has no place for is an error before anything is published, in a first build and in a later one."""
    write(tmp_path, {"content/a.md": article(), "content/old.md": article("Old", "2020-01-01")})
    if not first:
        make(tmp_path)
    output = tmp_path / "output"
    fields = {"tags": f"[{'x' * 300}]"} if what == "a long name" else {}
    write(tmp_path, {"content/new.md": article("New", "2023-01-01", tickers="[TSLA]", **fields), "content/new.png": "x"})
    (tmp_path / "content/old.md").unlink()
    if what == "a foreign file":
        write(output, {"tickers": "theirs"})
    elif what == "a link":
        output.mkdir(exist_ok=True)
        (tmp_path / "elsewhere").mkdir()
        (output / "media").symlink_to(tmp_path / "elsewhere")
    before = sorted(output.rglob("*")), tree(output)
    with pytest.raises(ContentError, match=OBSTACLES[what]):
        make(tmp_path)
    assert (sorted(output.rglob("*")), tree(output)) == before
    assert output.exists() == (what != "a long name" or not first)


def test_foreign_file_in_a_folder_that_leaves(tmp_path: Path) -> None:
    """A page that would stand in the place of a folder of ours waits until the files of others are out of it."""
    write(tmp_path, {"content/a.md": article(aliases="[/old.html/x/]")})
    make(tmp_path)
    write(tmp_path, {"content/a.md": article("Other", aliases="[/old.html]"), "output/old.html/theirs": "theirs"})
    before = tree(tmp_path / "output")
    with pytest.raises(ContentError, match=r"old.html/theirs: error: digest did not write this, and 'old.html' needs the place"):
        make(tmp_path)
    assert tree(tmp_path / "output") == before
    (tmp_path / "output/old.html/theirs").unlink()
    make(tmp_path)
    assert (tmp_path / "output/old.html").is_file()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the super-user may write everywhere")
@pytest.mark.parametrize("folder", ["", "/2024/05/17"])
def test_forbidden_folder_of_the_output(tmp_path: Path, folder: str) -> None:
    """A folder of the output without the right to write is an error before anything is published."""
    write(tmp_path, {"content/a.md": article()})
    make(tmp_path)
    before = tree(tmp_path / "output")
    write(tmp_path, {"content/a.md": article("Other"), "content/b.md": article("New", "2023-01-01")})
    closed = tmp_path / f"output/{folder}"
    closed.chmod(0o555)
    status, said = run("build", "-s", tmp_path)
    closed.chmod(0o755)
    assert status == 1
    assert f"output{folder}: error: cannot be written to: permission denied" in said
    assert tree(tmp_path / "output") == before


@pytest.mark.skipif(os.name == "nt", reason="links are for administrators there")
def test_what_lies_behind_a_link_is_kept(tmp_path: Path) -> None:
    """Files behind a link in the output outlive a deletion and `clean`, though digest wrote files of their names there."""
    write(tmp_path, {"content/a.md": article(), "content/x.png": "x", "content/y.png": "y"})
    make(tmp_path)
    (tmp_path / "output/media").rename(tmp_path / "elsewhere")
    (tmp_path / "output/media").symlink_to(tmp_path / "elsewhere")
    before = tree(tmp_path / "elsewhere")
    (tmp_path / "content/x.png").unlink()
    make(tmp_path)
    run("clean", "-s", tmp_path)
    assert tree(tmp_path / "elsewhere") == before
    assert [path.name for path in (tmp_path / "output").iterdir()] == ["media"]


def test_strict(tmp_path: Path) -> None:
    """With --strict a warning fails the build, also when nothing has changed since it was first given."""
    write(tmp_path, {"content/a.md": article(colour="blue"), "digest.toml": SETTINGS})
    assert run("build", "-s", tmp_path)[0] == 0
    status, said = run("build", "-s", tmp_path, "--strict")
    assert status == 1
    assert "content/a.md:4:1: warning: unknown field 'colour' (kept as extra; name it under `extra` in the settings" in said


def test_fields_of_the_sites_own(tmp_path: Path) -> None:
    """A field that the settings name is no mistake, in upper or lower case; what is nearly called so is told."""
    settings = SETTINGS + 'extra = ["Sector"]\n'
    shown = "{{ content.extra.Sector | default(content.extra.sector) }}"
    files = {"content/a.md": article(Sector="Chips"), "content/b.md": article(sector="Steel")}
    write(tmp_path, {**files, "digest.toml": settings, "templates/article.html": shown})
    status, said = run("build", "-s", tmp_path, "--strict")
    assert status == 0
    assert "unknown field" not in said
    assert page(tmp_path, "2024/05/17/a/index.html") == "Chips"
    assert page(tmp_path, "2024/05/17/b/index.html") == "Steel"
    write(tmp_path, {"content/b.md": article(sektor="Steel"), "digest.toml": settings, "templates/article.html": "any"})
    assert "unknown field 'sektor' (did you mean 'sector'?)" in run("build", "-s", tmp_path)[1]
    write(tmp_path, {"digest.toml": SETTINGS})
    assert "content/a.md:4:1: warning: unknown field 'Sector'" in run("build", "-s", tmp_path)[1]
