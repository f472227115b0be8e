"""The benchmark's corpus and counting can be relied on."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import mean

import pytest

from tests.bench import corpus, measure, profile, report, scenarios, sites

ALL = {
    "digest": lambda: sites.digest("digest", sys.executable, None),
    "digest, plain": lambda: sites.digest("plain", sys.executable, None, template="digest_plain"),
    **sites.PEER_PROGRAMS,
}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.md")}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two processes write one seed's corpus with equal bytes; another seed's differs."""
    corpus.write(tmp_path / "here", 40, corpus.with_yaml)
    code = (
        "import sys; from pathlib import Path; from tests.bench import corpus;"
        "corpus.write(Path(sys.argv[1]), 40, corpus.with_yaml)"
    )
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], cwd=root, check=True)
    corpus.write(tmp_path / "other", 40, corpus.with_yaml, seed=2)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")
    assert contents(tmp_path / "here") != contents(tmp_path / "other")


def test_articles_have_the_promised_sizes() -> None:
    """Articles are about 3.3 KB, 10 to 30 a day, on 1 to 4 tickers that a corpus of 1,000 has 75 of."""
    articles = list(corpus.articles(1000))
    sizes = [len(corpus.with_yaml(article).encode()) for article in articles]
    days = Counter(article.date.date() for article in articles)
    assert 3200 < mean(sizes) < 3400
    assert min(sizes) > 2000
    assert max(sizes) < 5000
    assert {len(article.tickers) for article in articles} == {1, 2, 3, 4}
    assert set(list(days.values())[:-1]) <= set(corpus.WEEK)
    assert [article.date for article in articles] == sorted(article.date for article in articles)
    assert len({ticker for article in articles for ticker in article.tickers}) == corpus.tickers(1000) == 75
    assert len({article.path for article in articles}) == 1000


def test_tickers_follow_zipf() -> None:
    """The first ticker is named about twice as often as the second, and many times as often as the last."""
    counts = Counter(ticker for article in corpus.articles(3000) for ticker in article.tickers).most_common()
    assert 1.5 < counts[0][1] / counts[1][1] < 2.5
    assert counts[0][1] > 25 * counts[-1][1]


def test_the_addition_is_new_each_time_and_newest_of_all() -> None:
    """What is added differs between repetitions, is the newest, and names the same frequent ticker."""
    first, second = corpus.addition(0, 100), corpus.addition(1, 100)
    newest = max(article.date for article in corpus.articles(100))
    assert first.body != second.body
    assert newest < first.date == second.date
    assert first.tickers[0] == second.tickers[0]
    assert len(first.tickers) == len(set(first.tickers)) == 3


def test_an_edit_leaves_the_card() -> None:
    """An edited article differs in its body alone, and anew in each repetition."""
    original = corpus.article(3, 100)
    first, second = corpus.edited(original, 0), corpus.edited(original, 1)
    assert first.body.startswith(original.body)
    assert len({original.body, first.body, second.body}) == 3
    assert first._replace(body="") == original._replace(body="")


def test_changes_are_told_by_content(tmp_path: Path) -> None:
    """A file written again with the same bytes is no change; new, different and removed ones are, by kind."""
    for name in ("index.html", "same.html", "gone.xml"):
        (tmp_path / name).write_text("old")
    before = measure.snapshot(tmp_path)
    (tmp_path / "same.html").write_text("old")
    (tmp_path / "index.html").write_text("newer")
    (tmp_path / "sitemap.xml").write_text("map")
    (tmp_path / "gone.xml").unlink()
    after = measure.snapshot(tmp_path)
    assert measure.changes(before, after, sites.SHARED.fullmatch) == measure.Changes(1, 2, 8)


@pytest.mark.parametrize(
    ("path", "shared"),
    [
        ("index.html", True),
        ("feed.xml", True),
        ("2024/05/17/index.html", True),
        ("2024-05-17/a-slug/index.html", True),
        ("tickers/index.html", True),
        ("tickers/tsla/page/2/index.html", True),
        ("tickers/tsla/2024-05/index.html", True),
        ("tickers/tsla/feed.xml", True),
        ("tags/ai/index.html", True),
        ("sources/a-wire/page/2/index.html", True),
        ("tickers/tsla/index.json", False),
        ("2024/05/index.html", False),
        ("atom.xml", False),
    ],
)
def test_shared_kinds(path: str, shared: bool) -> None:
    """Articles, days, tickers, tags, sources, home and RSS are the kinds of output that every program makes."""
    assert bool(sites.SHARED.fullmatch(path)) == shared


def test_the_table_is_put_between_the_markers(tmp_path: Path) -> None:
    """Rewriting the tables twice leaves what stands around the markers as it was."""
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    for _ in range(2):
        report.rewrite(readme, "new\n")
    assert readme.read_text() == f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"


def test_a_file_without_markers_is_left_alone(tmp_path: Path) -> None:
    """Without both markers nothing is written, and the message names the file."""
    readme = tmp_path / "README.md"
    readme.write_text(f"{report.BEGIN}\n")
    with pytest.raises(SystemExit, match=r"README\.md: no <!-- bench:start -->"):
        report.rewrite(readme, "new\n")
    assert readme.read_text() == f"{report.BEGIN}\n"


def test_every_scenario_runs_and_leaves_the_content_as_it_was(tmp_path: Path) -> None:
    """A corpus of 30 builds cold, unchanged, edited and added to; the addition changes more than the edit."""
    site = sites.Site(sites.digest("digest", sys.executable, None), tmp_path / "site", 30)
    content = contents(site.folder / "content")
    outcomes = {name: scenario(site, 0) for name, scenario in scenarios.SCENARIOS}
    assert all(outcome.sample.seconds > 0 for outcome in outcomes.values())
    assert all(outcome.sample.memory > 2**20 for outcome in outcomes.values())
    all_of_it, edit, addition = (outcomes[name].changes for name in ("cold", "one edit", "one addition"))
    assert all_of_it is not None
    assert edit is not None
    assert addition is not None
    assert 0 < edit.shared < addition.shared < all_of_it.shared
    assert contents(site.folder / "content") == content
    row = report.Row(30, "digest", {name: [outcome] for name, outcome in outcomes.items()})
    assert "| 30 | digest |" in report.report("a machine", ["digest 1"], 1, [row])


@pytest.mark.parametrize("name", ALL)
def test_every_program_makes_the_same_outputs(name: str, tmp_path: Path) -> None:
    """Each program makes a page for every article and day, for every ticker, tag and source with RSS, and home with RSS."""
    program = ALL[name]()
    if program is None:
        pytest.skip(f"{name} is not installed")
    site = sites.Site(program, tmp_path / "site", 60)
    site.build()
    made = {re.sub(r"(\d{4})/(\d\d)/(\d\d)/", r"\1-\2-\3/", path) for path in measure.snapshot(site.output)}
    articles = list(corpus.articles(60))
    groups = {f"tickers/{ticker.lower()}" for article in articles for ticker in article.tickers}
    groups |= {f"tags/{tag}" for article in articles for tag in article.tags}
    groups |= {f"sources/{article.source.lower().replace(' ', '-')}" for article in articles}
    expected = {"index.html", "feed.xml", "tickers/index.html", "tags/index.html", "sources/index.html"}
    expected |= {f"{article.path.removesuffix('.md')}/index.html" for article in articles}
    expected |= {f"{article.date:%Y-%m-%d}/index.html" for article in articles}
    expected |= {f"{group}/{file}" for group in groups for file in ("index.html", "feed.xml")}
    assert expected <= made
    if not name.startswith("digest"):
        assert {path for path in made - expected if "page/2/" not in path} == set()


def test_the_profile_shows_every_step(tmp_path: Path) -> None:
    """The profile has a line for each step that it knows a floor of, with the floor beside it."""
    program = sites.digest("digest", sys.executable, None)
    steps, _, floors = profile.profile(program, tmp_path / "site", 30).partition("\n\n")
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in steps.splitlines()}
    for step in (*profile.FLOORS, profile.WHOLE):
        assert step in lines
    assert all(not lines[step].endswith("|  |") for step in profile.FLOORS)
    assert "write the same files" in floors
