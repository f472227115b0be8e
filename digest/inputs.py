"""What a build is asked, what it finds on disk, and what the last one left: enough to say that nothing is to be done.

This is all that an unchanged build loads, so nothing here may import what parses, plans or renders.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Self

import msgspec

from digest import files, program
from digest.config import FILE, Config
from digest.errors import ContentError, Diagnostic
from digest.files import Stat
from digest.fingerprint import digest, fingerprint
from digest.standing import Standing
from digest.store import UNREADABLE, Store


class Audience(msgspec.Struct, frozen=True):
    """For whom a site is assembled."""

    as_of: int
    """Seconds since 1970: what is dated later is scheduled, what expires until then has expired."""
    drafts: bool = False
    """Show drafts."""
    future: bool = False
    """Show what is scheduled."""


class Options(msgspec.Struct, frozen=True):
    """What to build, from where, to where, for whom."""

    root: Path
    """The site's folder."""
    config: Config
    output: Path
    audience: Audience
    cache: Path | None
    """The cache file, or None for none."""
    jobs: int = 1
    force: bool = False
    """Parse and render everything, whatever the cache says."""
    strict: bool = False
    """Let warnings end the build like errors."""

    @property
    def content(self) -> Path:
        """The folder of content."""
        return self.root / self.config.content

    @property
    def templates(self) -> Path | None:
        """The folder of the site's own templates, if there is one."""
        folder = self.root / self.config.templates
        return folder if folder.is_dir() else None


class Skipped(msgspec.Struct, frozen=True):
    """What a build leaves out, and until when its answer holds."""

    drafts: int
    scheduled: int
    expired: int
    next_due: int | None
    """When the next scheduled article is due, in seconds since 1970."""
    valid_until: int | None
    """The first moment at which another set of articles is public."""

    def hold(self, since: int, now: int) -> bool:
        """Whether what was left out at one time is just what is to be left out at another."""
        return since <= now and (self.valid_until is None or now < self.valid_until)


class Report(msgspec.Struct, frozen=True):
    """What a build did."""

    articles: int
    editions: int
    tickers: int
    feeds: int
    skipped: Skipped
    warnings: tuple[Diagnostic, ...]
    written: tuple[str, ...] = ()
    unchanged: int = 0
    removed: tuple[str, ...] = ()
    healed: tuple[str, ...] = ()
    """What stood there as it should, though no build that was finished left it so: one that was killed may have."""
    reasons: tuple[tuple[str, str], ...] = ()
    """Every page that was rendered, with `new`, `content`, `template`, `settings`, `program` or `output`."""
    parsed: int = 0
    steps: tuple[tuple[str, float], ...] = ()
    """Seconds by step."""

    def again(self) -> Self:
        """The report of another build that finds everything as this one left it."""
        total = self.unchanged + len(self.written)
        return msgspec.structs.replace(self, written=(), unchanged=total, removed=(), healed=(), reasons=(), parsed=0, steps=())


class Record(msgspec.Struct, frozen=True):
    """What a build leaves for the next one into the same folder."""

    program: bytes
    settings: bytes
    """The key of the site's view."""
    templates: bytes
    """The key of all templates."""
    closures: dict[str, bytes]
    """The key of each template that was used, with all that it includes."""
    inputs: bytes
    """The key of the state of all inputs; empty when a write to one of them might have gone unseen."""
    outputs: bytes
    """The key of the states of all outputs."""
    as_of: int
    report: Report
    """What another build would say that finds nothing to do."""


class File(msgspec.Struct, frozen=True):
    """A file that is published as it is."""

    source: str
    """Its path on disk."""
    size: int
    hash: bytes


class Inputs(msgspec.Struct, frozen=True):
    """What the disk holds before anything is opened."""

    content: dict[str, Stat]
    assets: dict[str, File]
    templates: bytes
    """Of all templates, by their bytes."""
    key: bytes
    """Of everything that the outputs depend on, but for the moment; empty when that cannot be said for sure."""
    changed: Collection[str] | None = None
    """The only files of the content that may have changed since the last build, by their paths; None when any may have."""


class Clock:
    """Times the steps of a build."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}
        self._last = time.perf_counter()

    def done(self, step: str) -> None:
        """Count the time since the last call as this step's."""
        now = time.perf_counter()
        self.times[step] = self.times.get(step, 0.0) + now - self._last
        self._last = now


def look(options: Options, known: dict[str, Stat] | None = None, changed: Collection[str] | None = None) -> Inputs:
    """List what goes in. Raises `ContentError` when there is no content folder, or something in it cannot be read or named.

    Where the content was `known` in the last build, only the files that have `changed` since are looked at; where either
    is None, all are.
    """
    now, config = files.now(), options.config
    if known is None or changed is None:
        content, changed = files.walk(options.content, config.ignore), None
    else:
        content = files.walk_again(known, options.content, changed, config.ignore)
    if not content and not options.content.is_dir():
        hint = f"make it, or set content in {FILE}"
        raise ContentError([Diagnostic(str(options.content), 0, 0, "there is no content folder", hint)])
    folders = [program.theme(), *([options.templates] if options.templates else [])]
    trees = [files.walk(folder) for folder in folders]
    problems = unfit_names(f"{config.content}/", content)
    problems += [problem for tree in trees for problem in unfit_names(f"{config.templates}/", tree)]
    if problems:
        raise ContentError(problems)
    assets: dict[str, File] = {}
    templates: list[tuple[str, str, bytes]] = []
    for folder, tree in zip(folders, trees, strict=True):  # the site's own come last and win
        for path, stat in tree.items():
            hash = digest(_read(folder, path))
            if path.startswith("assets/"):
                assets[path.removeprefix("assets/")] = File(f"{folder}/{path}", stat.size, hash)
            else:
                templates.append((str(folder), path, hash))
    sure = all(files.all_settled(tree.values(), now) for tree in (content, *trees))
    audience = (options.audience.drafts, options.audience.future)
    places = [str(options.content.absolute()), *map(str, folders)]
    key = fingerprint((program.key(), config, places, audience, content, trees)) if sure else b""
    return Inputs(content, dict(sorted(assets.items())), fingerprint(templates), key, changed)


def _read(folder: Path, path: str) -> bytes:
    try:
        return files.read(f"{folder}/{path}")[1]
    except OSError as error:
        raise ContentError.at(f"{folder}/{path}", "cannot be read", error) from None


_UNFIT = "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
"""Line breaks, which would make two names of one in a list of files; other controls; and the half surrogates that Python
stands in for bytes that are not UTF-8."""


def unfit_names(prefix: str, paths: Collection[str]) -> list[Diagnostic]:
    """What is wrong with paths that no page and no list could name; each is shown behind the prefix, with escapes."""
    if "".join(paths).isprintable():  # which is quicker than to ask each
        return []
    unfit = [path for path in paths if not path.isprintable() and re.search(_UNFIT, path)]
    shown = [re.sub(_UNFIT, lambda character: ascii(character[0])[1:-1], prefix + path) for path in unfit]
    hint = "rename it: names must be UTF-8, without line breaks and other control characters"
    return [Diagnostic(path, 0, 0, "its name is no text", hint) for path in shown]


def recorded(options: Options, store: Store) -> Record | None:
    """What the last build into the output folder left, if anything."""
    try:
        return msgspec.msgpack.decode(store.record(output_name(options)), type=Record)
    except UNREADABLE:
        return None


def output_name(options: Options) -> str:
    """What the cache calls the output folder."""
    return str(options.output.resolve())


def unchanged(options: Options, inputs: Inputs, standing: Standing, store: Store) -> Report | None:
    """The report of a build with nothing to do, when another build would come to the same and the output is as it was left."""
    record = recorded(options, store)
    if record is None or options.force or not inputs.key or record.inputs != inputs.key:
        return None
    if not record.report.skipped.hold(record.as_of, options.audience.as_of) or standing.key != record.outputs:
        return None
    raise_if_wrong(record.report.warnings, options.strict)
    return record.report


def raise_if_wrong(problems: Iterable[Diagnostic], strict: bool) -> None:
    """Raise all that is known to be wrong, if any of it stands in the way of publishing."""
    problems = list(problems)
    if any(problem.severity == "error" for problem in problems):
        raise ContentError(problems)
    if strict and problems:
        hint = "nothing was published: mend them, or build without --strict"
        raise ContentError(
            [*problems, Diagnostic("", 0, 0, f"a strict build lets no warning pass, and there are {len(problems)}", hint)]
        )
