"""Templates: a view in, HTML out, and the key of everything besides the view that shapes the HTML.

A name is looked up in the site's own folder, then in the theme; `theme/NAME` is always the theme's own. Rendering
is pure: a template sees its view and pure filters, no clock, disk, environment or chance. Which template renders
which view, and where the result goes, is left to the planner.
"""

from __future__ import annotations

import contextlib
import html
import marshal
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import msgspec
from jinja2 import meta, nodes
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.compiler import CodeGenerator
from jinja2.loaders import split_template_path
from jinja2.runtime import Context, Macro, Undefined
from markupsafe import Markup

from digest import filters, views
from digest.errors import ContentError, Diagnostic, DigestError, did_you_mean
from digest.files import is_leftover
from digest.fingerprint import SIZE, Keyed, digest
from digest.references import resolve

THEME = "theme"
"""The theme's name in diagnostics, and the folder under which templates reach the theme's own copies."""

REMEMBERED = 20_000
"""Fragments that `once` keeps of each macro: about 20 MB of cards, however long the process lives."""

_BODIES = "<bodies>"  # no template can spell this variable's name
_REFERENCES = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
_QUOTED = re.compile(r"'([^']+)'")
_NO_ENTRY = re.compile(r"'dict object' has no attribute '(.+)'")
_NO_FIELD = re.compile(r"'digest\.views\.(\w+) object' has no attribute '(\w+)'")


class _Source(NamedTuple):
    label: str
    """The file as its author knows it: `templates/base.html`, `theme/base.html`."""
    data: bytes
    text: str


class Templates:
    """The templates of a site and its theme. Each file is read once: what `closure` hashed is what `render` uses."""

    def __init__(
        self,
        site_folder: Path | None,
        theme: Path,
        bytecode: Path | None = None,
        label: str = "templates",
        theme_bytecode: Path | None = None,
    ) -> None:
        """Look in `site_folder`, which diagnostics call `label`, then in `theme`.

        `bytecode` is a folder that keeps compiled templates between runs, and `theme_bytecode` one that keeps the theme's own
        for all sites; they need not exist nor be writable.
        """
        same = site_folder is not None and site_folder.resolve() == theme.resolve()
        self._theme = (theme, label if same else THEME)
        self._roots = (self._theme,) if same or not site_folder else ((site_folder, label), self._theme)
        self._sources: dict[str, _Source | None] = {}
        self._named: dict[str, Sequence[str]] = {}
        """The names that each template refers to, where nothing is wrong with them."""
        # Labels tell the theme's own from the site's, but where that calls its folder the same.
        self._kept = _Kept(bytecode, None if f"{label}/".startswith(f"{THEME}/") else theme_bytecode)
        self._fragments: dict[Macro, dict[tuple[Any, ...], str]] = {}
        self._environment = _Environment(self._load, _Compiled(self._kept))
        self._environment.filters["once"] = self._once

    def names(self) -> tuple[str, ...]:
        """The name of every template, sorted."""
        found = (file.relative_to(root) for root, _ in self._roots for file in root.rglob("*.html"))
        return tuple(sorted({file.as_posix() for file in found if file.parts[0] != "assets"}))

    def closure(self, name: str) -> bytes:
        """The 16-byte key of the template and of all that it extends, includes or imports, near and far.

        Raises ContentError with every syntax error, missing template and name computed at run time.
        """
        if self._source(name) is None:
            raise ContentError([self._missing(f"{self._roots[0][1]}/{name}", 0, name)])
        problems: list[Diagnostic] = []
        parts: dict[str, bytes | None] = {}
        waiting = [name]
        while waiting:
            current = waiting.pop()
            if current not in parts:
                source = self._source(current)
                parts[current] = source.data if source else None
                waiting += self._references(current, source, problems) if source else ()
        if problems:
            raise ContentError(problems)
        return digest(msgspec.msgpack.encode(sorted(parts.items())))

    def load(self) -> None:
        """Read and compile all of them ahead of time. What is wrong with one is said when it is used."""
        for name in self.names():
            with contextlib.suppress(Exception):
                self.closure(name)
                self._environment.get_template(name)

    def render(self, name: str, view: msgspec.Struct, bodies: Callable[[bytes], str]) -> bytes:
        """The page in UTF-8; variables are the view's fields, `bodies` gives the clean HTML of a body's key.

        Raises ContentError that names the template and the line where it failed.
        """
        fields: dict[str, Any] = {_BODIES: bodies}
        for field in view.__struct_fields__:
            value = getattr(view, field)
            fields[field] = tuple(value) if isinstance(value, views.CardList) else value
        try:
            return self._environment.get_template(name).render(fields).encode()
        except DigestError:
            raise
        except Exception as error:
            raise ContentError([self._explain(name, view, error)]) from error

    def _source(self, name: str) -> _Source | None:
        if name not in self._sources:
            self._sources[name] = self._read(name)
        return self._sources[name]

    def _read(self, name: str) -> _Source | None:
        own = name.startswith(f"{THEME}/")
        try:
            parts = split_template_path(name.removeprefix(f"{THEME}/") if own else name)
        except jinja2.TemplateNotFound:  # a name with `..` in it
            return None
        if parts[:1] == ["assets"] or any(map(is_leftover, parts)):  # nobody would notice that it has changed
            return None
        for root, label in (self._theme,) if own else self._roots:
            path = "/".join((label, *parts))
            try:
                data = root.joinpath(*parts).read_bytes()
                return _Source(path, data, data.decode("utf-8-sig"))
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue
            except UnicodeDecodeError as error:
                line = data.count(b"\n", 0, error.start) + 1
                raise ContentError([Diagnostic(path, line, 0, "not UTF-8", "save the file as UTF-8")]) from error
            except OSError as error:
                raise ContentError.at(path, "cannot be read", error) from error
        return None

    def _load(self, name: str) -> tuple[str, str, None] | None:
        source = self._source(name)
        return (source.text, source.label, None) if source else None

    def _references(self, name: str, source: _Source, problems: list[Diagnostic]) -> Sequence[str]:
        """The names that a template refers to; what is wrong with them is added to `problems`."""
        if name in self._named:
            return self._named[name]
        place, made_from = _place(f"{digest(name.encode()).hex()}.names", source.label), digest(source.data)
        names: Sequence[str] | None = self._kept.get(place, made_from)
        # What was kept holds for the source alone: a name that leads nowhere now needs a look at whether it may.
        if names is None or not all(map(self._source, names)):
            found: list[Diagnostic] = []
            names = list(self._parse(name, source, found))
            if found:
                problems += found
                return names
            self._kept.put(place, made_from, names)
        self._named[name] = names
        return names

    def _parse(self, name: str, source: _Source, problems: list[Diagnostic]) -> Iterator[str]:
        try:
            tree = self._environment.trees[name] = self._environment.parse(source.text, name, source.label)
        except jinja2.TemplateSyntaxError as error:
            problems.append(Diagnostic(source.label, error.lineno, 0, error.message or "syntax error"))
            return
        for node in tree.find_all(_REFERENCES):
            found = list(meta.find_referenced_templates(nodes.Template([node], lineno=node.lineno)))
            known = [each for each in found if each is not None]
            if len(known) < len(found):
                message = "the name of a template is computed at run time"
                hint = "write it as plain text, and choose with {% if %}"
                problems.append(Diagnostic(source.label, node.lineno, 0, message, hint))
            elif not (any(map(self._source, known)) or (isinstance(node, nodes.Include) and node.ignore_missing)):
                problems.append(self._missing(source.label, node.lineno, *known))
            yield from known

    def _missing(self, path: str, line: int, *names: str) -> Diagnostic:
        message = "no template " + " or ".join(map(repr, names))
        hint = did_you_mean(names[0], self.names()) if names else ""
        if any(name.startswith("assets/") for name in names):
            hint = "what is in assets/ is only published: put what templates include beside them"
        return Diagnostic(path, line, 0, message, hint)

    def _once(self, value: Any, macro: Macro, *arguments: Any) -> str:
        """`{{ card | once(macro) }}`: what an imported macro makes of a keyed value, made once for each key."""
        fragments = self._fragments.get(macro)
        if fragments is None:
            if not self._is_shared(macro):
                raise jinja2.TemplateRuntimeError("'once' takes a macro imported from a template without context")
            fragments = self._fragments[macro] = {}
        if not isinstance(value, Keyed):
            raise jinja2.TemplateRuntimeError(f"'once' takes a value with a key, not a {type(value).__name__}")
        place = (value.key, *arguments)
        fragment = fragments.get(place)
        if fragment is None:
            if len(fragments) >= REMEMBERED:
                fragments.clear()
            fragment = fragments[place] = macro(value, *arguments)
        return fragment

    def _is_shared(self, macro: Any) -> bool:
        """Whether it lives in a template's one shared module, where it can see nothing but its arguments."""
        loaded = (self._environment.cache or {}).values()
        return isinstance(macro, Macro) and any(getattr(template._module, macro.name, None) is macro for template in loaded)

    def _explain(self, name: str, view: msgspec.Struct, error: Exception) -> Diagnostic:
        """Where in which template an exception arose, what it says and what may mend it."""
        labels = {source.label for source in self._sources.values() if source}
        path, line = f"{self._roots[0][1]}/{name}", 0
        refused = None
        trace = error.__traceback__
        while trace:  # the deepest frame that is a template's, and the filter that it called
            frame = trace.tb_frame
            if frame.f_code.co_filename in labels:
                path, line, refused = frame.f_code.co_filename, trace.tb_lineno, None
            elif frame.f_code.co_filename == filters.__file__:
                refused = refused or frame
            trace = trace.tb_next
        if isinstance(error, jinja2.TemplateNotFound):
            return self._missing(path, line, str(error.name))
        if isinstance(error, RecursionError):
            message = "it extends, includes or calls itself without end"
            overridden = f"{THEME}/{path.removeprefix(f'{self._roots[0][1]}/')}"
            source = self._source(overridden)
            hint = f"write '{overridden}' for the theme's own" if source and source.label != path else ""
            return Diagnostic(path, line, 0, message, hint)
        if refused and not isinstance(error, jinja2.TemplateError):
            value = next(iter(refused.f_locals.values()))
            shown = repr(value) if isinstance(value, (str, int, float)) else f"this {type(value).__name__}: {error}"
            message = f"the filter '{refused.f_code.co_name}' cannot take {'none' if value is None else shown}"
            return Diagnostic(path, line, 0, message, "test it first, with {% if … %}" if value is None else "")
        message = str(error) if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: {error}"
        known: Iterable[str] = ()
        if isinstance(error, jinja2.TemplateSyntaxError):
            path, line, message = error.filename or path, error.lineno, error.message or "syntax error"
            known = self._environment.filters
        elif found := _NO_ENTRY.fullmatch(message):
            hint = did_you_mean(found[1], _entries(view)) or "test for it first, with 'is defined'"
            return Diagnostic(path, line, 0, f"there is no {found[1]!r} in this table", hint)
        elif found := _NO_FIELD.fullmatch(message):
            known = getattr(views, found[1]).__annotations__
            message = f"{found[1]} has no field {found[2]!r}"
        elif isinstance(error, jinja2.UndefinedError):
            known = view.__struct_fields__
        quoted = _QUOTED.search(message)
        return Diagnostic(path, line, 0, message, did_you_mean(quoted[1], known) if quoted else "")


def _entries(view: msgspec.Struct) -> Iterator[str]:
    """The names in the tables of a view: its settings' and its front matter's."""
    for part, table in (("site", "params"), ("content", "extra")):
        yield from getattr(getattr(view, part, None), table, ())


@jinja2.pass_context
def body(context: Context, text: views.Content | views.Note) -> Markup:
    """The clean HTML of an article or a note, links filled in."""
    bodies = context.get(_BODIES)
    if bodies is None:
        raise jinja2.TemplateRuntimeError("'body' is for pages; an imported macro has no bodies")
    return Markup(resolve(bodies(text.body), text.links))


_escape = lru_cache(4096)(html.escape)  # names, addresses and dates are printed again and again


def _text(value: Any) -> str:
    """The value as HTML. Only text and numbers: other values print as `<... object at 0x7f...>`, never the same."""
    kind = type(value)
    if kind is str:
        return _escape(value)
    if kind is Markup:
        return value  # type: ignore[no-any-return]
    if isinstance(value, (str, int, float, Undefined)):
        return html.escape(str(value))
    raise jinja2.TemplateRuntimeError(f"only text and numbers can be printed, not {kind.__name__}")


class _Writer(CodeGenerator):
    """Writes `_text(x)` for `{{ x }}` where Jinja wraps each value in a new `Markup`: half of a page's time."""

    def _output_child_pre(self, *_: Any) -> None:
        self.write("environment.finalize(")

    def _output_child_post(self, *_: Any) -> None:
        self.write(")")


class _Environment(jinja2.Environment):
    code_generator_class = _Writer

    def __init__(self, load: Callable[[str], Any], compiled: BytecodeCache) -> None:
        super().__init__(
            loader=jinja2.FunctionLoader(load),
            bytecode_cache=compiled,
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            finalize=_text,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self.globals = {"range": range, "dict": dict, "namespace": self.globals["namespace"]}
        self.filters = {name: each for name, each in self.filters.items() if name not in ("random", "pprint")}
        self.filters |= {each.__name__: each for each in (body, *filters.ALL)}
        self.trees: dict[str | None, nodes.Template] = {}
        """Templates that were parsed to see what they refer to, until they are compiled."""

    def compile(self, source: Any, name: str | None = None, *rest: Any, **others: Any) -> Any:
        """The compiled template, of which the tree may be there already."""
        return super().compile(self.trees.pop(name, source), name, *rest, **others)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The environment's own: Jinja would stack a slow `ChainMap` on them for globals of a single template."""
        return self.globals


def _place(name: str, label: str) -> str:
    """What to call something that is kept of a template, so that it can be told whether that is the theme's own."""
    return f"{THEME}-{name}" if label.startswith(f"{THEME}/") else name


class _Kept:
    """Values kept in folders between runs, sealed with what they were made from: what is stale or damaged is a miss."""

    def __init__(self, folder: Path | None, theme_folder: Path | None) -> None:
        self._own = (folder,) if folder else ()
        self._theme = (theme_folder, *self._own) if theme_folder else self._own
        # Filters of constants are computed when a template is compiled, so their code shapes what is compiled.
        code = b"".join(Path(file).read_bytes() for file in (__file__, filters.__file__))
        self.version = f"{jinja2.__version__} {sys.version} {digest(code).hex()}".encode()

    def get(self, name: str, made_from: bytes) -> Any:
        """The value, or None."""
        for folder in self._folders(name):
            with contextlib.suppress(OSError):
                data = (folder / name).read_bytes()
                value = data[SIZE:]
                if data[:SIZE] == self._seal(made_from, value):
                    return marshal.loads(value)
        return None

    def put(self, name: str, made_from: bytes, value: Any) -> None:
        """Keep it in the first folder that can be written."""
        data = marshal.dumps(value)
        for folder in self._folders(name):
            part = folder / f"{name}.{os.getpid()}"
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                part.write_bytes(self._seal(made_from, data) + data)
                part.replace(folder / name)
                return

    def _folders(self, name: str) -> tuple[Path, ...]:
        return self._theme if name.startswith(f"{THEME}-") else self._own

    def _seal(self, made_from: bytes, data: bytes) -> bytes:
        return digest(b"\n".join((self.version, made_from, data)))


class _Compiled(BytecodeCache):
    def __init__(self, kept: _Kept) -> None:
        self.kept = kept

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        return _place(super().get_cache_key(name, filename), filename or "")

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.kept.get(bucket.key, bucket.checksum.encode())

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept.put(bucket.key, bucket.checksum.encode(), bucket.code)
