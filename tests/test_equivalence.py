"""Promise 1: an incremental build leaves, byte for byte, what a clean build would leave."""

import itertools
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sites import AS_OF, SETTINGS, article, make, tree, write

from digest import files, site
from digest.errors import DigestError
from digest.library import Library
from digest.standing import owned
from digest.store import Store

SEQUENCES = 200
STEPS = 4
WRITERS = 40
SAVES = 7
DAYS = ("2023-12-30", "2024-05-16", "2024-05-17", "2024-05-18T09:30", "2024-05-19", "2030-01-01")
TICKERS = ("NVDA", "TSLA", "LON:VOD", "BRK.B", "ON", "FB")
TAGS = ("ai", "cars", "telecoms")
SOURCES = ("Reuters", "reuters", "Example Wire")
WORDS = [
    "chips",
    "rally",
    "(NASDAQ:NVDA)",
    "demand",
    "$TSLA",
    "costs",
    "[again](b.md)",
    "![chart](chart.png)",
    "growth",
    "**margin**",
    "outlook",
]
REGISTRY = (
    "META: {name: Meta Platforms, exchange: NASDAQ, aliases: [{symbol: FB, until: 2022-06-09}]}\nON: onsemi\nNVDA: Nvidia\n"
    "NVDA: Nvidia Corporation\n"
)


class Editor:
    """Somebody who works on a site, at random but the same for the same seed."""

    def __init__(self, folder: Path, seed: int, links: float = 1) -> None:
        """`links` is how many of the articles may lead to others and to files."""
        self.random = random.Random(seed)
        self.folder = folder
        self.content = folder / "content"
        self.as_of = AS_OF
        self.removed: dict[Path, bytes] = {}
        self.links = links
        self.alone = seed % 8 == 0
        """Whether only the builder writes to the output."""
        write(folder, {"content/chart.png": b"\x89PNG one", "content/b.md": article("The linked one", "2024-05-01")})
        for number in range(self.random.randint(2, 6)):
            self.add(f"a{number}")

    def articles(self) -> list[Path]:
        return sorted(path for path in self.content.glob("*.md") if path.name != "b.md")

    def text(self) -> str:
        choose = self.random
        fields: dict[str, object] = {"tickers": f"[{', '.join(choose.sample(TICKERS, choose.randint(0, 3)))}]"}
        if choose.random() < 0.6:
            fields["tags"] = f"[{', '.join(choose.sample(TAGS, choose.randint(1, 2)))}]"
        if choose.random() < 0.5:
            fields["source"] = choose.choice(SOURCES)
        if choose.random() < 0.2:
            fields["expires"] = choose.choice(("2024-05-20", "2024-06-20"))
        if choose.random() < 0.15:
            fields["draft"] = "true"
        if choose.random() < 0.2:
            fields["weight"] = choose.randint(-3, 3)
        if choose.random() < 0.1:
            fields["edition"] = choose.choice(("2024-05-16", "2024-04-30"))
        if choose.random() < 0.1:
            fields["updated"] = choose.choice(("2024-05-19", "2024-05-20 10:00"))
        linked = choose.random() < self.links
        if linked and choose.random() < 0.2:
            fields["image"] = "{path: chart.png, alt: A chart}"
        if choose.random() < 0.1:
            fields["reprint"] = "full"
        words = [word for word in WORDS if linked or "](" not in word]
        body = " ".join(choose.choices(words, k=choose.randint(1, 12)))
        return article(" ".join(choose.choices(("Profit", "Loss", "Deal", "R&D <Co>"), k=2)), choose.choice(DAYS), body, **fields)

    def add(self, name: str) -> None:
        (self.content / f"{name}.md").write_text(self.text(), "utf-8")

    def rework(self) -> None:
        """Do something to an article, and mostly to its text alone."""
        texts = [self.change_body, self.change_title, self.change_field, self.change_field] * 3
        self.random.choice([*texts, self.rewrite, self.add_article, self.delete, self.put_back, self.rename, self.touch])()

    def edit(self) -> None:
        """Do one of the things that editors do."""
        actions = (
            self.add_article, self.delete, self.put_back, self.rewrite, self.change_body, self.rename, self.shadow_template,
            self.change_settings, self.lose_output, self.spoil_output, self.change_registry, self.write_note, self.change_media,
            self.write_page,
            self.move_clock, self.lose_cache, self.add_alias, self.touch,
        )  # fmt: skip
        self.random.choice(actions)()

    def any(self) -> Path | None:
        found = self.articles()
        return self.random.choice(found) if found else None

    def add_article(self) -> None:
        self.add(f"n{self.random.randint(0, 9)}")

    def delete(self) -> None:
        if path := self.any():
            self.removed[path] = path.read_bytes()
            path.unlink()

    def put_back(self) -> None:
        for path, data in self.removed.items():
            path.write_bytes(data)

    def rewrite(self) -> None:
        if path := self.any():
            path.write_text(self.text(), "utf-8")

    def change_body(self) -> None:
        if path := self.any():
            path.write_text(path.read_text("utf-8") + "\nOne more line.\n", "utf-8")

    def change_title(self) -> None:
        if path := self.any():
            path.write_text(path.read_text("utf-8").replace("title: ", f"title: {self.random.choice('ABC')} ", 1), "utf-8")

    def change_field(self) -> None:
        if path := self.any():
            name, value = self.random.choice((("tags", "[ai]"), ("tickers", "[ON, FB]"), ("source", "Wire"), ("weight", "1")))
            text = re.sub(rf"^{name}: .*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
            path.write_text(text.replace("---\n", f"---\n{name}: {value}\n", 1), "utf-8")

    def rename(self) -> None:
        if path := self.any():
            path.rename(path.with_name(f"r{self.random.randint(0, 9)}.md"))

    def touch(self) -> None:
        if path := self.any():
            path.touch()

    def shadow_template(self) -> None:
        folder = self.folder / "templates"
        folder.mkdir(exist_ok=True)
        shadow = folder / "card.html"
        if shadow.exists() and self.random.random() < 0.5:
            shadow.unlink()
        else:
            theme = Path(__file__).parent.parent / "templates/card.html"
            shadow.write_text(f"{{# {self.random.random()} #}}" + theme.read_text("utf-8") + "<!-- mine -->", "utf-8")

    def change_settings(self) -> None:
        more = self.random.choice(
            (
                "",
                'notice = "New"\n',
                "home_editions = 1\n",
                "[feeds]\nitems = 2\n",
                '[watchlists.w]\ntickers = ["NVDA", "LON:VOD"]\n',
                'author = "The Desk"\n',
                'image = "chart.png"\n',
                '[feeds]\ngroup_formats = ["rss", "atom"]\nfull_text = true\n',
                '[feeds]\nformats = ["atom"]\n[outputs]\ndata = false\n',
                "[outputs]\nsitemaps = false\n",
            )
        )
        others = (("/news/", "/"), ("America/New_York", "Asia/Tokyo"), ("example.org", "example.com"))
        base = self.random.choice((SETTINGS, *(SETTINGS.replace(*other) for other in others)))
        (self.folder / "digest.toml").write_text(base + more, "utf-8")

    def outputs(self) -> list[Path]:
        found = [] if self.alone else (self.folder / "output").rglob("*")
        return sorted(path for path in found if path.is_file() and path.name != ".digest-files")

    def lose_output(self) -> None:
        if found := self.outputs():
            self.random.choice(found).unlink()

    def spoil_output(self) -> None:
        if found := self.outputs():
            self.random.choice(found).write_text("spoiled", "utf-8")

    def change_registry(self) -> None:
        registry = self.content / "tickers.yaml"
        if registry.exists() and self.random.random() < 0.5:
            registry.unlink()
        else:
            lines = REGISTRY.splitlines(keepends=True)
            chosen = {line[:4]: line for line in self.random.sample(lines, self.random.randint(1, 4))}
            registry.write_text("".join(chosen.values()), "utf-8")

    def write_note(self) -> None:
        notes = self.content / "editions"
        notes.mkdir(exist_ok=True)
        (notes / "2024-05-17.md").write_text(f"---\ntitle: A note\n---\nToday {self.random.random()}.\n", "utf-8")

    def write_page(self) -> None:
        pages = self.content / "pages"
        pages.mkdir(exist_ok=True)
        title = self.random.choice(("About", "About us"))
        (pages / "about.md").write_text(
            f"---\ntitle: {title}\n---\nOn $NVDA, [the first](../b.md) and [a day](/2024/05/17/).\n", "utf-8"
        )

    def change_media(self) -> None:
        (self.content / "chart.png").write_bytes(b"\x89PNG " + self.random.randbytes(3))

    def move_clock(self) -> None:
        self.as_of = self.random.choice((AS_OF, AS_OF - 86_400 * 8, AS_OF + 86_400 * 60, AS_OF + 86_400 * 365 * 7))

    def lose_cache(self) -> None:
        cache = self.folder / ".digest/cache.db"
        if self.random.random() < 0.5:
            cache.write_bytes(b"not a database" * 400)
        else:
            cache.unlink(missing_ok=True)

    def add_alias(self) -> None:
        if path := self.any():
            text = path.read_text("utf-8")
            if "aliases:" not in text:
                path.write_text(text.replace("---\n", f"---\naliases: [/old/{path.stem}/]\n", 1), "utf-8")


@pytest.fixture(scope="session")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Empty cache files in one folder, so that clean builds share compiled templates and nothing else."""
    folder = tmp_path_factory.mktemp("caches")
    return (folder / f"{number}.db" for number in itertools.count())


def attempt(folder: Path, **changes: Any) -> tuple[dict[str, bytes], list[str]] | None:
    """The output of a build, and what it lists as its own; or None when content stood in its way."""
    try:
        make(folder, **changes)
    except DigestError:
        return None
    output = changes.get("output") or folder / "output"
    return tree(output), owned(output)


def test_most_of_what_the_editor_writes_can_be_built(tmp_path: Path) -> None:
    """Else these tests would compare nothing with nothing."""
    built = 0
    for seed in range(15):
        editor = Editor(tmp_path / str(seed), seed)
        for _ in range(STEPS):
            built += attempt(editor.folder, as_of=editor.as_of) is not None
            editor.edit()
    assert built > 15 * STEPS / 2


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_incremental_equals_clean(tmp_path: Path, caches: Iterator[Path], seed: int) -> None:
    """After any sequence of edits, the output is that of a clean build of the same content; a broken one changes nothing."""
    editor = Editor(tmp_path / "site", seed)
    library = None
    for step in range(STEPS):
        before = tree(editor.folder / "output")
        clean = attempt(editor.folder, output=tmp_path / f"clean{step}", cache=next(caches), as_of=editor.as_of)
        if seed % 4 == 0 and library is None:
            private = editor.folder / "output" if editor.alone else None
            library = Library(Store(editor.folder / ".digest/cache.db"), private)  # as a preview keeps it
        incremental = attempt(editor.folder, library=library, as_of=editor.as_of)
        if clean is None:
            assert incremental is None
            assert tree(editor.folder / "output") == before
        else:
            assert incremental == clean
        for _ in range(editor.random.randint(1, 3)):
            editor.edit()
            if seed % 4 == 0 and editor.random.random() < 0.1:
                library = None


@pytest.mark.parametrize("seed", range(WRITERS))
def test_kept_equals_clean(tmp_path: Path, caches: Iterator[Path], seed: int) -> None:
    """The same where what was read is kept, and the files that were saved are known, as in a preview."""
    editor = Editor(tmp_path / "site", seed * 8, links=0.2)
    library = Library(Store(editor.folder / ".digest/cache.db"), editor.folder / "output")
    for step in range(SAVES):
        known = files.walk(editor.content)
        editor.rework()
        found = files.walk(editor.content)
        library.expect({path for path, _ in known.items() ^ found.items()} if step else None)
        clean = attempt(editor.folder, output=tmp_path / f"clean{step}", cache=next(caches))
        kept = attempt(editor.folder, library=library)
        if clean is None:
            assert kept is None
            continue
        assert kept == clean
        now = library.assembly
        assert now
        whole, problems = site.assemble(now.config, now.entries.values(), now.registry, now.media, now.audience)
        assert (now.site, now.problems) == (whole, problems)
        assert list(now.site.editions) == list(whole.editions)
