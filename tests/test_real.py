"""Content that others wrote, in the habits of other generators, builds without an error and without an edit."""

import shutil
from pathlib import Path

import feedparser
import pytest
from sites import make, tree, write

REAL = Path(__file__).parents[2] / "shared" / "real"

SITES = {
    "swiftweekly": ("_posts", 'content = "_posts"\nbroken_links = "warning"\ntimezone = "America/Los_Angeles"\n', 202),
    "stock-daily": ("content", 'timezone = "America/New_York"\n', 168),
}


@pytest.mark.parametrize("name", SITES)
def test_real_site(tmp_path: Path, name: str) -> None:
    """Every post becomes a page, nothing is an error, and the feeds are well-formed."""
    folder, settings, number = SITES[name]
    if not (REAL / name).is_dir():
        pytest.skip(f"{name} is not here")
    write(tmp_path, {"digest.toml": f'title = "Real"\nbase_url = "https://example.org/real/"\n{settings}'})
    shutil.copytree(REAL / name / folder, tmp_path / folder)
    report = make(tmp_path, as_of=2_000_000_000, jobs=2)
    assert report.articles == number
    pages = [path for path in report.written if path.count("/") == 4 and path[:2] == "20"]
    assert len(pages) == number
    output = tree(tmp_path / "output")
    for path in ("feed.xml", "atom.xml"):
        assert not feedparser.parse(output[path])["bozo"]
    assert make(tmp_path, as_of=2_000_000_000).written == ()
