"""The documents say what the program does: commands, settings, fields, views and examples are held to it."""

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

import click
import msgspec
import pytest
from click.testing import CliRunner
from sites import article, make, options, page, write

from digest import config, filters, inputs, notation, parse, views
from digest.cli import main
from digest.errors import ContentError, SettingsError
from digest.lastbuild import look_back
from digest.library import Library
from digest.pipeline import Pipeline
from digest.registry import read_registry
from digest.standing import Standing
from digest.store import Store

ROOT = Path(__file__).parent.parent
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
}


class Block(NamedTuple):
    """A fenced block, and the text between it and the block above."""

    before: str
    text: str


def blocks(name: str, language: str) -> list[Block]:
    """A document's fenced blocks in a language."""
    parts = re.split(r"^```(\w*)\n(.*?)^```$", DOCUMENTS[name], flags=re.MULTILINE | re.DOTALL)
    return [Block(parts[at - 1], parts[at + 1]) for at in range(1, len(parts), 3) if parts[at] == language]


def headings(name: str) -> list[tuple[str, str]]:
    """A document's headings without backticks, each with what stands below it up to the next, but for fenced blocks."""
    text = re.sub(r"^```.*?^```$", "", DOCUMENTS[name], flags=re.MULTILINE | re.DOTALL)
    parts = re.split(r"^#+ (.*)\n", text, flags=re.MULTILINE)
    return [(heading.replace("`", ""), below) for heading, below in zip(parts[1::2], parts[2::2], strict=True)]


def section(name: str, heading: str) -> str:
    """What stands below one of a document's headings; empty when it has none such."""
    return dict(headings(name)).get(heading, "")


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without the tables' heads."""
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    lines = [line for table in tables for line in table.splitlines()[2:]]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def code(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The output of the demonstration site on a day before its scheduled article is due, and what the build said last."""
    site = tmp_path_factory.mktemp("demonstration")
    shutil.copy(ROOT / "pyproject.toml", site)
    shutil.copytree(ROOT / "content", site / "content")
    result = CliRunner().invoke(main, ["build", "-s", str(site), "-j", "1", "--as-of", "2026-11-23"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return site / "output", result.stdout.splitlines()[-1]


# Commands


@pytest.mark.parametrize("name", main.commands)
def test_every_option_is_documented(name: str) -> None:
    """A command has a section under its name, and that section names all of its options and no others."""
    found = [below for document in DOCUMENTS for heading, below in headings(document) if heading == f"digest {name}"]
    assert found, f"no section 'digest {name}'"
    command = main.commands[name]
    known = {option for each in command.params if isinstance(each, click.Option) for option in each.opts}
    named = {word.split()[0] for text in found for word in code(text) if word.startswith("-")}
    assert named == known


def test_the_programs_own_options_are_documented() -> None:
    """The README names the options that the program has without a command."""
    known = {option for each in main.params for option in each.opts} | {*main.context_settings["help_option_names"]}
    words = {word for text in code(section("README.md", "Commands")) for word in text.split()}
    assert known <= words


def test_every_make_target_exists() -> None:
    """What a document tells to make can be made."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {target for text in DOCUMENTS.values() for target in re.findall(r"(?:^\$ |^|`)make ([a-z]+)", text, re.MULTILINE)}
    assert {"site", "test"} <= named <= targets


def test_the_shown_output_is_the_real_one(demonstration: tuple[Path, str]) -> None:
    """The README shows the lines with which a first and a second build of the demonstration site end, but for the times."""
    first, second = re.findall(r"^(\d+ articles?, .*); [\d.]+ s$", DOCUMENTS["README.md"], flags=re.MULTILINE)
    line = demonstration[1].rpartition("; ")[0]
    assert first == line
    assert second == re.sub(r"(\d+) written, 0 unchanged", r"0 written, \1 unchanged", line)


def test_the_shown_preview_is_the_real_one(demonstration: tuple[Path, str], tmp_path: Path) -> None:
    """The preview's page shows what a first look at the demonstration site says, drafts and all, but for the times."""
    site = str(demonstration[0].parent)
    command = ["build", "-D", "-F", "-s", site, "-o", str(tmp_path / "preview"), "--as-of", "2026-11-23"]
    said = CliRunner().invoke(main, command, catch_exceptions=False).stdout
    shown = re.findall(r"^[\d:]+  (\d+ articles?, .*); [\d.]+ s$", DOCUMENTS["docs/preview.md"], flags=re.MULTILINE)
    assert shown == [said.splitlines()[-1].rpartition("; ")[0]]


# Settings


def nested() -> dict[str, type[msgspec.Struct]]:
    """The settings that are tables, or lists of tables, with known entries."""
    found = {}
    for name, hint in get_type_hints(config.Config).items():
        for each in (hint, *get_args(hint)):
            if isinstance(each, type) and issubclass(each, msgspec.Struct):
                found[name] = each
    return found


def preset(field: Any) -> Any:
    """A setting's default, as TOML has it."""
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return msgspec.json.decode(msgspec.json.encode(value))


def test_every_setting_is_documented() -> None:
    """The tables of settings name every setting, and nothing else, and give its default."""
    tables = nested()
    top: set[str] = set()
    for heading, below in headings("docs/settings.md"):
        described = {code(cells[0])[0]: cells[2] for cells in rows(below)}
        struct = tables.get(heading, config.Config)
        fields = {field.name: field for field in msgspec.structs.fields(struct)}
        assert set(described) <= set(fields), f"'{heading}' describes what does not exist"
        if heading in tables:
            assert set(described) == set(fields), f"'{heading}' is not complete"
        top |= {heading} if heading in tables else set(described)
        for name, default in described.items():
            assert (default if default == "required" else tomllib.loads(f"x = {default.strip('`')}")["x"]) == preset(fields[name])
    assert top == {field.name for field in msgspec.structs.fields(config.Config)}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_example_of_settings_is_right(name: str, tmp_path: Path) -> None:
    """Settings that a document shows are accepted."""
    for block in blocks(name, "toml"):
        (tmp_path / config.FILE).write_text(block.text, "utf-8")
        config.load(tmp_path)


def test_the_shown_settings_error_is_the_real_one(tmp_path: Path) -> None:
    """The settings' page shows what an unknown setting is answered with."""
    site = write(tmp_path, {"digest.toml": 'titel = "x"\n'})
    with pytest.raises(SettingsError) as error:
        config.load(site)
    assert f"`{error.value}`" in DOCUMENTS["docs/settings.md"]
    assert "status 2" in DOCUMENTS["docs/settings.md"]
    assert error.value.code == 2


# Articles


def test_every_field_is_documented() -> None:
    """The table of fields names every field of front matter, and nothing else."""
    assert {code(cells[0])[0] for cells in rows(section("docs/content.md", "Fields"))} == set(parse.FIELDS)


def test_every_example_of_a_field_is_right(tmp_path: Path) -> None:
    """The example beside each field is accepted as its value, without a warning."""
    examples = {code(cells[0])[0]: cells[3].strip("`") for cells in rows(section("docs/content.md", "Fields"))}
    files = {
        f"content/{name}.md": article(**{"date": "2024-05-17", "tickers": "[TSLA]", "body": "TSLA.", name: example})
        for name, example in examples.items()
    }
    report = make(write(tmp_path, {**files, "content/chart.png": b"image"}))
    assert report.warnings == ()
    assert report.articles == len(parse.FIELDS) - 1
    assert report.skipped.drafts == 1


def test_every_spelling_is_documented() -> None:
    """The table of other spellings names each of them with the field that it stands for."""
    spellings = {word: cells[1] for cells in rows(section("docs/content.md", "Other spellings")) for word in code(cells[0])}
    assert set(spellings) == set(parse.SYNONYMS)
    for word, meant in parse.SYNONYMS.items():
        if meant != word:
            assert code(spellings[word]) == [meant.replace("_", ".")]
    assert set(code(section("docs/content.md", "Fields"))) >= parse.FOREIGN


@pytest.mark.parametrize("name", ["README.md", "docs/content.md"])
def test_every_example_of_an_article_builds(name: str, tmp_path: Path) -> None:
    """An article that a document shows whole builds without a warning."""
    examples = [block.text for block in blocks(name, "markdown") if block.text.startswith("---\n")]
    files: dict[str, str | bytes] = {f"content/example-{number}.md": text for number, text in enumerate(examples)}
    report = make(write(tmp_path, files))
    assert report.warnings == ()
    assert report.articles == len(examples) > 0


def test_the_readmes_article_stands_where_it_says(tmp_path: Path) -> None:
    """The README's article, under its settings, is at the address that is told, and on its tickers', tags' and source's pages."""
    (block,) = blocks("README.md", "markdown")
    (settings,) = blocks("README.md", "toml")
    (path,) = re.findall(r"`(content/\S+\.md)`:", block.before)
    (address,) = re.findall(r"published at `/(\S+)/`", DOCUMENTS["README.md"])
    make(write(tmp_path, {path: block.text, "digest.toml": settings.text}))
    title = "Tesla weighs a data center in China"
    places = ("tickers/tsla", "tickers/nvda", "tags/ai", "tags/cars", "sources/quiver-quantitative", "watchlists/megacap")
    for place in (address, "2024/05/17", *places):
        assert title in page(tmp_path, f"{place}/index.html")
    assert '<a class="ticker" href="/tickers/nvda/">$NVDA</a>' in page(tmp_path, f"{address}/index.html")
    assert title in page(tmp_path, "tickers/tsla/feed.xml")


def test_every_address_is_published(demonstration: tuple[Path, str]) -> None:
    """The addresses in the list of what is published are there in the demonstration site."""
    output, _ = demonstration
    named = [word for cells in rows(section("docs/content.md", "What is published")) for word in code(cells[0])]
    paths = [name.lstrip("/") for name in named if "…" not in name and "slug" not in name]
    assert len(paths) > 15
    missing = [path for path in paths if not (output / (path + "index.html" if path[-1:] in ("", "/") else path)).is_file()]
    assert missing == []


# Tickers


def test_every_exchange_is_documented() -> None:
    """The tables of exchanges name each by its prefix, its code and its other names."""
    table = [[code(cell) for cell in cells] for cells in rows(section("docs/tickers.md", "Exchanges"))]
    named = {name.upper(): prefix for (prefix,), *others in table for name in (prefix, *others[0], *others[1])}
    assert named == notation.EXCHANGES
    assert all(notation.mic(prefix) == mic for (prefix,), (mic,), _ in table)


def test_every_notation_means_what_is_told() -> None:
    """Each notation in the table is read as its symbol, whose page has the name that is shown."""
    table = rows(section("docs/tickers.md", "Notations"))
    assert len(table) > 5
    for written, meant, place in table:
        for word in code(written):
            symbol = notation.bare(notation.parse(word), notation.HOME_EXCHANGES)
            assert [symbol] == code(meant)
            assert [f"/tickers/{notation.slug(symbol)}/"] == code(place)


def test_the_registrys_example_means_what_is_told() -> None:
    """With the registry that is shown, symbols mean on their days what the text below it says."""
    (block,) = blocks("docs/tickers.md", "yaml")
    registry = read_registry(block.text, "tickers.yaml")
    assert registry.resolve("FB", "2021-06-01").symbol == "META"
    assert registry.resolve("WTW", "2018-06-01").symbol == "WW"
    assert registry.resolve("WTW", "2023-06-01").symbol == "WTW"
    assert registry.resolve("WTW", "2020-06-01").company is None


# Templates


EVERYTHING: dict[str, str | bytes] = {
    "content/a.md": article(tickers="[TSLA]", tags="[ai]", source="Reuters", aliases="[/old/]", body="TSLA."),
    "content/pages/about.md": "---\ntitle: About\n---\nAbout us.\n",
}
"""A site that has every kind of page."""


def test_every_template_is_documented(tmp_path: Path) -> None:
    """The table of templates names each template that renders a page, with its view, and the text names the others."""
    asked = options(write(tmp_path, EVERYTHING))
    store = Store(asked.cache)
    library = Library(store)
    pipeline = Pipeline(asked, library, inputs.look(asked), inputs.Clock(), lambda *_: None)
    before = look_back(asked, store, Standing.look(asked.output))
    plan = pipeline.plan(pipeline.assemble(pipeline.read_and_parse()), before)
    library.settle()
    store.close()
    rendered = {each.template: type(each.view).__name__ for each in plan.pages if each.template}
    below = section("docs/templates.md", "Which template renders what")
    assert {code(cells[0])[0]: cells[1].partition("]")[0][1:] for cells in rows(below)} == rendered
    assert {path.name for path in (ROOT / "templates").glob("*.html")} - set(rendered) <= set(code(below))


def reachable(view: Any, found: dict[str, dict[str, Any]]) -> None:
    """Add the fields of a view, and of every view in it, under their names."""
    if isinstance(view, type) and view.__module__ == views.__name__ and view.__name__ not in found:
        found[view.__name__] = {name: hint for name, hint in get_type_hints(view).items() if name in view.__annotations__}
        for hint in found[view.__name__].values():
            reachable(hint, found)
    for part in get_args(view):
        reachable(part, found)


def test_every_view_is_documented() -> None:
    """All that templates can see has a section that names its fields and nothing else."""
    known: dict[str, dict[str, Any]] = {}
    for cells in rows(section("docs/templates.md", "Which template renders what")):
        reachable(getattr(views, cells[1].partition("]")[0][1:]), known)
    for name, fields in known.items():
        assert [code(cells[0])[0] for cells in rows(section("docs/templates.md", name))] == list(fields), name
    described = {heading for heading, _ in headings("docs/templates.md") if hasattr(views, heading)}
    assert described == set(known)


def test_every_filter_is_documented() -> None:
    """The table of filters names each filter of ours."""
    named = {word for cells in rows(section("docs/templates.md", "Filters")) for word in code(cells[0])}
    assert named == {each.__name__ for each in filters.ALL} | {"body", "once"}


def templates() -> dict[str, str]:
    """The templates that are shown, by the names that they are given."""
    shown = blocks("docs/templates.md", "jinja")
    return {re.findall(r"`(templates/\S+\.html)`", each.before)[-1]: each.text for each in shown}


def test_every_example_of_a_template_renders(tmp_path: Path) -> None:
    """All templates that are shown, put into one site, show up on its pages."""
    assert set(templates()) == {f"templates/{name}.html" for name in ("card", "chrome", "404", "home")}
    make(write(tmp_path, {**EVERYTHING, **templates()}))
    assert '<p class="meta">17 May 2024, Reuters</p>' in page(tmp_path, "2024/05/17/index.html")
    assert "Written in Springfield." in page(tmp_path, "2024/05/17/a/index.html")
    assert 'Look in the <a href="/news/archive/">archive</a>' in page(tmp_path, "404.html")
    assert "Out by five every trading day." in page(tmp_path, "index.html")


def test_the_shown_template_error_is_the_real_one(tmp_path: Path) -> None:
    """A misspelled field in the card that is shown is answered as the text says."""
    card = "templates/card.html"
    with pytest.raises(ContentError) as error:
        make(write(tmp_path, {**EVERYTHING, card: templates()[card].replace("card.title", "card.titel")}))
    shown = re.findall(rf"`({card}:[^`]*)`", DOCUMENTS["docs/templates.md"])
    assert shown == list(map(str, error.value.diagnostics))


# Links


def anchors(name: str) -> set[str]:
    """The fragments of a document's headings, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading, _ in headings(name)}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    """A relative link in a document leads to a file of the repository, and to a heading in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", DOCUMENTS[name])):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), f"{name}: {target}"
        if fragment:
            assert fragment in anchors(file.resolve().relative_to(ROOT).as_posix()), f"{name}: {target}"


def test_every_document_is_found_from_the_readme() -> None:
    """The README links every document, so that each can be found by reading on."""
    assert {name for name in DOCUMENTS if f"]({name}" not in DOCUMENTS["README.md"]} == {"README.md"}
