"""The preview and the theme in a real browser: the page that is seen is the text that is written, on any screen.

Needs Chromium, named by the environment's CHROMIUM or as /usr/bin/chromium, and Playwright. Without them these tests are
skipped, and say so; where CI is set they fail instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from previews import PATIENCE, Preview
from sites import article, write

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path(os.environ.get("CHROMIUM") or "/usr/bin/chromium")
LONG = "\n\n".join(f"Paragraph {number} on NVDA." for number in range(200))
PAGE = "2024/05/17/a/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser, without a window."""
    missing = "" if CHROMIUM.is_file() else f"there is no Chromium at {CHROMIUM}; name one with CHROMIUM"
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing = "Playwright is not installed"
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    made = browser.new_page(viewport={"width": 1000, "height": 700})
    made.set_default_timeout(PATIENCE * 1000)
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    made.close()
    assert not errors


@pytest.fixture
def preview(tmp_path: Path) -> Iterator[Preview]:
    site = {
        "content/a.md": article("First", body=LONG, tickers="NVDA"),
        "content/b.md": article("Second", body="On TSLA.", tickers="TSLA"),
    }
    with Preview(write(tmp_path, site)) as running:
        yield running


def visit(page: Page, preview: Preview, path: str) -> None:
    page.goto(f"http://127.0.0.1:{preview.port}/news/{path}")


def mark(page: Page) -> None:
    """Leave something in the page that a reload takes away."""
    page.evaluate("window.unloaded = 'not yet'")


def is_marked(page: Page) -> bool:
    return bool(page.evaluate("window.unloaded === 'not yet'"))


def test_an_edit_shows_without_a_hand_and_keeps_the_place(page: Page, preview: Preview) -> None:
    """An article that is edited changes in the browser, which stays where it was scrolled to."""
    visit(page, preview, PAGE)
    mark(page)
    page.evaluate("scrollTo(0, 2000)")
    for last in ("The last one.", "The very last one."):
        write(preview.root, {"content/a.md": article(f"Story, {last}", body=f"{LONG}\n\n{last}", tickers="NVDA")})
        page.locator("article.story p", has_text=last).wait_for()
        page.wait_for_function("scrollY === 2000")
        assert page.title().startswith(f"Story, {last}")
    assert is_marked(page)
    assert page.locator("head > title").count() == page.locator("head link[rel=stylesheet]").count() == 1


def test_style_and_text_change_at_once(page: Page, preview: Preview) -> None:
    """New text and a new style sheet that come with one build are both put on."""
    visit(page, preview, PAGE)
    mark(page)
    style = {"templates/assets/style.css": "body { background: rgb(1, 2, 3) }"}
    write(preview.root, {**style, "content/a.md": article("First", body="Both: NVDA.", tickers="NVDA")})
    page.get_by_text("Both:").first.wait_for()
    page.wait_for_function("getComputedStyle(document.body).backgroundColor === 'rgb(1, 2, 3)'")


@pytest.mark.parametrize("script", ["<script>window.ran = 1</script>", "<svg><script>window.ran = 1</script></svg>"])
def test_a_page_with_a_script_is_loaded_and_keeps_the_place(page: Page, preview: Preview, script: str) -> None:
    """What a script did to the old text would be lost, so the page is loaded anew; it stays where it was scrolled to."""
    extended = '{{% extends "theme/article.html" %}}{{% block head %}}{}{{% endblock %}}'
    write(preview.root, {"templates/article.html": extended.format(f"<link rel=stylesheet>{script}")})
    assert preview.until(PAGE, "window.ran")
    visit(page, preview, PAGE)
    mark(page)
    page.evaluate("scrollTo(0, 2000)")
    write(preview.root, {"content/a.md": article("First", body=LONG + "\n\nThe last one.", tickers="NVDA")})
    page.get_by_text("The last one.").wait_for()
    page.wait_for_function("scrollY === 2000")
    assert not is_marked(page)
    assert page.evaluate("window.ran")


def test_a_new_article_appears_on_its_ticker_s_page(page: Page, preview: Preview) -> None:
    """The open page of a ticker shows an article as soon as it is written."""
    visit(page, preview, "tickers/tsla/")
    write(preview.root, {"content/c.md": article("Third", body="TSLA.", tickers="TSLA")})
    page.get_by_role("link", name="Third").first.wait_for()


def test_other_pages_are_left_alone(page: Page, preview: Preview) -> None:
    """A page is not reloaded for what does not stand on it; a style sheet's change is put on without a reload."""
    visit(page, preview, "tickers/tsla/")
    mark(page)
    with page.expect_response(lambda response: "style.css?digest=" in response.url):
        write(preview.root, {"content/a.md": article("First", body="Short: NVDA.", tickers="NVDA")})
        assert preview.until(PAGE, "Short:")
        write(preview.root, {"templates/assets/style.css": "body { background: rgb(1, 2, 3) }"})
    page.wait_for_function("getComputedStyle(document.body).backgroundColor === 'rgb(1, 2, 3)'")
    page.wait_for_function("document.querySelectorAll('link[rel=stylesheet]').length === 1")
    assert is_marked(page)


def test_an_error_covers_the_page_until_it_is_mended(page: Page, preview: Preview) -> None:
    """Broken front matter shows file, line, source and hint above the page; mending it takes them away."""
    visit(page, preview, PAGE)
    write(preview.root, {"content/b.md": "---\ntitle: Second\ndate: 2024-05-17\ndraft: maybe\n---\nText.\n"})
    panel = page.locator("digest-preview .panel.failed")
    panel.wait_for()
    assert panel.locator(".where").inner_text() == "content/b.md:4:8"
    assert panel.locator(".fault").inner_text().split("\n")[-1].endswith("draft: maybe")
    assert panel.locator(".time").inner_text().count(":") == 2
    page.keyboard.press("Escape")
    page.locator("digest-preview .badge.failed").click()
    panel.wait_for()
    write(preview.root, {"content/b.md": article("Second")})
    panel.wait_for(state="detached")


def test_errors_that_were_put_away_stay_away(page: Page, preview: Preview) -> None:
    """A save that leaves the same errors does not cover the page again; other errors do."""
    visit(page, preview, PAGE)
    write(preview.root, {"content/b.md": article("Second", draft="maybe")})
    panel, badge = page.locator("digest-preview .panel.failed"), page.locator("digest-preview .badge.failed")
    panel.wait_for()
    page.keyboard.press("Escape")
    badge.wait_for()
    page.evaluate("heard = new Promise((done) => { new BroadcastChannel('digest-preview').onmessage = () => done(1) }); 0")
    write(preview.root, {"content/a.md": article("First", body="More on NVDA.", tickers="NVDA")})
    assert page.evaluate("heard")
    assert (badge.count(), panel.count()) == (1, 0)
    write(preview.root, {"content/b.md": article("Second", draft="perhaps")})
    panel.wait_for()


def test_messages_are_never_markup(page: Page, preview: Preview) -> None:
    """HTML and scripts in what is wrong, in its source and in a path are shown as text."""
    visit(page, preview, PAGE)
    hostile = "<img src=x onerror=document.title='taken'>"
    write(preview.root, {f"content/{hostile.replace('/', '')}.md": f"---\ntitle: x\ndate: {hostile}\n{hostile}: 1\n---\n"})
    page.locator("digest-preview .panel.failed").wait_for()
    assert hostile in page.locator("digest-preview pre").first.inner_text()
    assert page.locator("digest-preview img").count() == 0
    assert page.title() != "taken"


def test_a_warning_is_a_badge(page: Page, preview: Preview) -> None:
    """A warning leaves the page to be read, and shows what it is about when asked."""
    write(preview.root, {"content/b.md": article("Second", colour="red")})
    preview.until("2024/05/17/b/", "Second")
    visit(page, preview, "2024/05/17/b/")
    page.locator("digest-preview .badge", has_text="1 warning").click()
    assert "colour" in page.locator("digest-preview .panel.warnings .message").inner_text()


def test_a_page_is_followed_where_it_goes(page: Page, preview: Preview) -> None:
    """The browser goes along with an article whose address changes; a deleted one says so, and comes back."""
    visit(page, preview, PAGE)
    write(preview.root, {"content/a.md": article("First", slug="moved", body="Here.")})
    page.wait_for_url("**/news/2024/05/17/moved/")
    assert "/news/2024/05/17/a/" in page.locator("digest-preview .note").inner_text()
    visit(page, preview, PAGE)
    page.locator("digest-preview .note a").click()
    page.wait_for_url("**/news/2024/05/17/moved/")
    (preview.root / "content/a.md").unlink()
    page.locator("digest-preview .note", has_text="a.md was deleted.").wait_for()
    write(preview.root, {"content/a.md": article("First", slug="moved", body="Back again.")})
    page.get_by_text("Back again.").first.wait_for()


def test_a_stopped_preview_is_noticed_and_found_again(page: Page, preview: Preview, tmp_path: Path) -> None:
    """A page says when the preview is not running, and follows the source once it is again."""
    with Preview(write(tmp_path / "second", {"content/a.md": article("First", body="Before.")})) as first:
        visit(page, first, PAGE)
        page.get_by_text("Before.").wait_for()
    page.locator("digest-preview .badge.off").wait_for()
    write(first.root, {"content/a.md": article("First", body="Meanwhile.")})
    with Preview(first.root, port=first.port):
        page.get_by_text("Meanwhile.").wait_for()


def test_many_open_pages_do_not_shut_each_other_out(browser: Browser, preview: Preview) -> None:
    """More pages than a browser has connections to one host can be open at once, and each still follows the source."""
    context = browser.new_context()
    pages = [context.new_page() for _ in range(9)]
    for each in pages:
        visit(each, preview, PAGE)
    write(preview.root, {"content/a.md": article("First", body="New text.")})
    for each in pages:
        each.get_by_text("New text.").first.wait_for(timeout=PATIENCE * 1000)
    pages[0].close()  # the one that listened
    write(preview.root, {"content/a.md": article("First", body="Newer text.")})
    for each in pages[1:]:
        each.get_by_text("Newer text.").first.wait_for(timeout=PATIENCE * 1000)
    context.close()


TABLE = "| quarter | deliveries |\n|:--|--:|\n| Q1 | 386,810 |\n| Q2 | 5 |\n"
WIDE = TABLE.replace("\n", " " + " ".join(f"| {'figure' * 3}{number} " for number in range(9)) + "|\n", 1).replace(
    "--:|", "--:|" + "--|" * 9
)


@pytest.fixture(scope="module")
def theme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preview]:
    """A site of long names, wide tables and many sources."""
    long = "investor-relations-of-a-company-with-a-very-long-name"
    fields = {"tickers": "[LON:VOD, TSLA]", "tags": f"[{long.replace('-', '')}]", "source": f"{long}.example.com"}
    site = {"content/a.md": article(f"On {long.replace('-', '')}", body=f"{WIDE}\n{TABLE}", **fields)}
    site |= {
        f"content/{number}.md": article(f"Story {number}", "2024-05-16", source=f"{chr(65 + number % 26)}{number}")
        for number in range(60)
    }
    site["content/tickers.yaml"] = "LON:VOD: {name: Vodafone Group Public Limited Company, exchange: LON}\n"
    with Preview(write(tmp_path_factory.mktemp("theme"), site)) as running:
        yield running


@pytest.mark.parametrize("width", [320, 390])
def test_no_page_is_wider_than_a_phone(page: Page, theme: Preview, width: int) -> None:
    """Long words wrap and wide tables scroll by themselves, so that no page has to be scrolled sideways (WCAG 2.2, 1.4.10)."""
    page.set_viewport_size({"width": width, "height": 700})
    for path in ("", PAGE, "2024/05/17/", "2024/05/", "sources/", "tags/", "tickers/", "tickers/tsla/", "feeds/"):
        visit(page, theme, path)
        assert page.evaluate("document.documentElement.scrollWidth") == width, path
    visit(page, theme, "tickers/")
    assert page.get_by_role("rowheader", name="LON:VOD").evaluate("cell => cell.getClientRects().length") == 1


def test_a_link_with_the_focus_is_in_sight(page: Page, theme: Preview) -> None:
    """The bar of letters hides no link that the keyboard goes back to (WCAG 2.2, 2.4.11)."""
    page.emulate_media(reduced_motion="reduce")
    visit(page, theme, "sources/")
    page.get_by_role("rowheader").last.get_by_role("link").focus()
    bar = page.locator(".letters").bounding_box()
    assert bar
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= bar["height"]


EDGE = """((element) => {
    const text = document.createRange();
    text.selectNodeContents(element);
    return text.getBoundingClientRect().right;
})"""
"""Where the text of an element ends on the right."""


def test_columns_are_aligned_as_written(page: Page, theme: Preview) -> None:
    """Figures in a column that is aligned to the right end at one edge."""
    visit(page, theme, PAGE)
    edges = page.locator("table").last.locator("td:last-child").evaluate_all(f"cells => cells.map({EDGE})")
    assert len(edges) == 2 and len(set(edges)) == 1


def test_a_text_runs_as_its_letters_do(page: Page, theme: Preview) -> None:
    """On a page that runs from left to right, a heading and a paragraph in Hebrew begin at the right."""
    title = "\u05e9\u05dc\u05d5\u05dd (TSLA)"
    write(theme.root, {"content/hebrew.md": article(title, body=f"{title}!", lang="he")})
    assert theme.until("2024/05/17/hebrew/", title)
    visit(page, theme, "2024/05/17/hebrew/")
    for text in ("h1", ".text p"):
        assert page.locator(text).first.evaluate(f"element => {EDGE}(element) === element.getBoundingClientRect().right")


def test_print_shows_all(page: Page, theme: Preview) -> None:
    """On paper a wide table is as wide as the page, and cards name their tickers."""
    page.set_viewport_size({"width": 700, "height": 900})
    visit(page, theme, PAGE)
    page.emulate_media(media="print")
    assert page.locator("table").first.evaluate("table => table.scrollWidth <= table.clientWidth && table.clientWidth <= 700")
    visit(page, theme, "2024/05/17/")
    assert page.locator(".card .chips").first.is_visible()
