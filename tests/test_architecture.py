"""The house keeps its plan: imports go down only, and each library has one door."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "digest"

FLOORS = (
    ("__init__", "aside", "characters", "errors", "fingerprint", "notation"),
    (
        "cleaning",
        "files",
        "kinds",
        "locks",
        "moments",
        "pagefiles",
        "program",
        "references",
        "tables",
        "urls",
        "views",
        "workers",
        "yamldoc",
    ),
    ("buckets", "config", "fastmarkdown", "fields", "ground", "standing", "tickers", "weaving"),
    ("markup", "publish", "registry", "store"),
    ("articles", "inputs"),
    ("entries", "frontmatter"),
    ("groups", "links", "parse"),
    ("site",),
    ("filters", "sections", "sharedviews"),
    ("collisions", "feeditems"),
    ("pages",),
    ("feeds", "jsonapi", "jsonfeed", "ping", "sitemaps", "templates"),
    ("work",),
    ("lastbuild", "library"),
    ("pipeline",),
    ("address", "build", "watch"),
    ("preview",),
    ("livereload",),
    ("application",),
    ("serve", "terminal"),
    ("cli",),
    ("__main__",),
)

# Who may import what does not come with Python.
DOORS = {
    "click": {"cli", "terminal"},
    "feedgen": {"feeds"},
    "lxml": {"feeds"},
    "jinja2": {"templates"},
    "markupsafe": {"filters", "templates"},
    "markdown": {"markup", "fastmarkdown"},
    "nh3": {"cleaning"},
    "pyromark": {"markup"},
    "yaml": {"yamldoc"},
    "sqlite3": {"store"},
    "tomllib": {"config"},
    "multiprocessing": {"workers"},
    "concurrent": {"workers"},
    "watchdog": {"watch"},
    "starlette": {"application"},
    "uvicorn": {"serve"},
}

EVERYWHERE = {"msgspec"}


def modules() -> list[str]:
    return sorted(path.stem for path in PACKAGE.glob("*.py"))


def imports(module: str) -> set[str]:
    """Every module that a module imports, at its top or later; `digest.x` for our own."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            if node.module == "digest":
                found |= {f"digest.{alias.name}" for alias in node.names if not alias.name.startswith("__")}
            else:
                found.add(node.module)
    return found


def floor(module: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if module in names)


def test_every_module_has_one_floor() -> None:
    """The plan names each module once, and no module that is not there."""
    named = [name for names in FLOORS for name in names]
    assert sorted(named) == modules()


@pytest.mark.parametrize("module", modules())
def test_imports_go_down(module: str) -> None:
    """A module imports only from floors below its own."""
    for name in imports(module):
        if name.startswith("digest."):
            other = name.split(".")[1]
            assert floor(other) < floor(module), f"{module} imports {other}"


@pytest.mark.parametrize("module", modules())
def test_libraries_have_one_door(module: str) -> None:
    """A library is imported only by its door."""
    for name in {name.split(".")[0] for name in imports(module)} - EVERYWHERE - {"digest"}:
        if name in DOORS:
            assert module in DOORS[name], f"{module} imports {name}"
        else:
            assert name in sys.stdlib_module_names, f"{module} imports {name}, which has no door"
