"""The pipeline: read, parse, assemble, plan, key, render, publish. One direction, no step looks back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import chain, groupby
from operator import attrgetter

import msgspec

from digest import pages, program, publish, site, work
from digest.articles import Settings
from digest.config import LOCAL_URL
from digest.entries import Terms
from digest.errors import ContentError, Diagnostic, did_you_mean
from digest.fingerprint import encode, fingerprint
from digest.inputs import Clock, Inputs, Options, Record, Report, output_name, raise_if_wrong
from digest.kinds import misnamed
from digest.lastbuild import LastBuild, look_back
from digest.library import Library
from digest.notation import EXCHANGES, HOME_EXCHANGES, exchange
from digest.sections import Memory, Page, Plan
from digest.site import Site
from digest.standing import Standing, states
from digest.store import PageRow
from digest.tickers import Registry
from digest.work import RenderChunk, Rendered, Setup
from digest.workers import Early, Workers, chunked

POOL_FROM = 400
"""Pages to render from which on more than one other process is worth its start."""

Progress = Callable[[str, int, int], None]

CHUNK = 1000
"""Pages that a process renders at a time, at most."""

PARTS = 32
"""In which a process does its share, at least, so that another can help it in the end."""

SPANS = 100
"""Queues of pages by month, at most: each is an open file."""

_MONTH = re.compile(r"(?:^|/)([0-9]{4})[/-]([0-9]{2})(?![0-9])").search
"""In the path of a page that belongs to a month."""

FOREIGN = "digest did not write this file, and would have to"


class _Work(msgspec.Struct, frozen=True):
    """What is to be rendered, and what came before it."""

    plan: Plan
    keys: list[bytes]
    closures: dict[str, bytes]
    rows: dict[str, PageRow]
    """What the last build left, by path; only of these pages."""
    stale: list[tuple[int, str]]
    """Numbers of the pages to render, and why."""


class Pipeline:
    """One build: what its steps share, and the steps in their order."""

    def __init__(
        self,
        options: Options,
        library: Library,
        inputs: Inputs,
        clock: Clock,
        progress: Progress,
        early: Early | None = None,
    ) -> None:
        self.options, self.config, self.library, self.inputs = options, options.config, library, inputs
        self.clock, self.progress, self.early = clock, progress, early
        self.store = library.store
        self.output = output_name(options)
        self.workers: Workers[work.Worker] | None = None
        self.problems: list[Diagnostic] = []
        if not options.config.base_url:
            hint = 'write base_url = "https://…" into the settings'
            message = f"base_url is not set: feeds and canonical links say {LOCAL_URL}"
            self.problems.append(Diagnostic("", 0, 0, message, hint, "warning"))
        for name in options.config.home_exchanges:
            if exchange(name) not in EXCHANGES.values() and (hint := did_you_mean(exchange(name), EXCHANGES)):
                message = f"home_exchanges names '{name}', which digest does not know"
                self.problems.append(Diagnostic("", 0, 0, message, hint, "warning"))

    def run(self, standing: Standing) -> Report:
        """Do it all, where this stands. Raises `ContentError` with all that is wrong; the output is then as it was."""
        try:
            try:
                registry = self.read_and_parse()
            except BaseException:
                self.library.forget()  # it may know half of what has changed
                raise
            whole = self.assemble(registry)
            before = look_back(self.options, self.store, standing)
            plan = self.plan(whole, before)
            todo = self.key(plan, before)
            self.stop_if_wrong()
            staging, rendered = self.render(todo, before)
            return self.publish(todo, before, staging, rendered, self.report(whole, plan))
        finally:
            self.library.settle()
            if self.workers:
                self.workers.close()

    def read_and_parse(self) -> Registry:
        """Open what may have changed, and parse what has."""
        config, content = self.config, self.options.content
        settings = Settings(config.timezone, config.markdown, tuple(map(str.lower, config.extra)))
        key = fingerprint((program.key(), settings))
        stale = self.library.look(content, self.inputs, key, self.options.force)
        registry, registry_key = self._registry()
        terms = Terms(config.base, config.author, registry)
        terms_key = fingerprint((program.key(), terms.base, terms.author, registry_key))
        self.setup = Setup(
            content=str(content),
            templates=str(self.options.templates) if self.options.templates else None,
            templates_label=config.templates,
            theme=str(program.theme()),
            bytecode=str(self.store.path.parent / "bytecode"),
            theme_bytecode=str(shared) if (shared := program.compiled()) else None,
            cache=str(self.store.path),
            terms=terms,
        )
        here = self.library.take_worker(self._made_of())
        self.workers = Workers(self.options.jobs, work.Worker, self.setup, here, self.early)
        self.parsed = len(stale.to_parse)
        self.library.refresh(stale, settings, key, terms, terms_key, self.workers, self.progress)
        self.clock.done("parse")
        return registry

    def _made_of(self) -> tuple[Setup, bytes]:
        """All that a worker keeps in memory comes from these."""
        return self.setup, self.inputs.templates

    def _registry(self) -> tuple[Registry, bytes]:
        home = frozenset(map(exchange, self.config.home_exchanges)) or HOME_EXCHANGES
        try:
            return self.library.registry(self.options.content, home, fingerprint((program.key(), sorted(home))))
        except ContentError as error:
            self._blame(error.diagnostics)
            return Registry((), home, {}), b""

    def assemble(self, registry: Registry) -> Site:
        """Put the articles in order, where they are not in order already."""
        self.media = self.library.media(self.options.content)
        entries, audience, last = self.library.entries, self.options.audience, self.library.assembly
        whole = last and last.amended(self.config, entries, registry, self.media, audience)
        if last and whole:
            problems = last.problems
        else:
            whole, problems = site.assemble(self.config, entries.values(), registry, self.media, audience)
        self.library.assembly = site.Assembly(whole, problems, self.config, entries.copy(), registry, self.media, audience)
        self._blame(problem for entry in entries.values() if entry.problems for problem in entry.problems)
        self._blame(problems)
        self._blame(misnamed(self.media))
        self.clock.done("assemble")
        return whole

    def plan(self, whole: Site, before: LastBuild) -> Plan:
        """Plan the sections that may not stand as they should."""
        terms = fingerprint((program.key(), self.inputs.templates))
        paths = before.listed if before.complete else None
        memory, fetch = Memory(before.sections, self.library.made, paths), self.library.article
        plan, problems = pages.plan(self.config, whole, self.media, self.inputs.assets, fetch, memory, terms)
        self._blame(problems)
        self.clock.done("plan")
        return plan

    def key(self, plan: Plan, before: LastBuild) -> _Work:
        """Give every page its key, and find those whose output is not what the key stands for."""
        closures = self._closures({page.template for page in plan.pages}, before)
        own = program.key()
        keys = [fingerprint((own, page.renderer, closures[page.template], page.view)) for page in plan.pages]
        # Pages are put into the cache together with their sections: where there are none, there is no page to look for.
        rows = self.store.pages(self.output, [page.path for page in plan.pages]) if before.stored else {}
        stale = []
        for index, (page, key) in enumerate(zip(plan.pages, keys, strict=True)):
            row = rows.get(page.path)
            if self.options.force:
                row = None
            if row is None or row.key != key or row.stat != before.standing.state(page.path):
                stale.append((index, before.reason(page, key, row, closures, plan.settings)))
        self.clock.done("key")
        return _Work(plan, keys, closures, rows, stale)

    def _closures(self, names: set[str], before: LastBuild) -> dict[str, bytes]:
        """The keys of templates with all that they include; the last build's, where no template has changed since."""
        known = before.closures(self.inputs.templates)
        assert self.workers
        for name in sorted(names - known.keys()):
            try:
                known[name] = self.workers.here.renderer.templates.closure(name)
            except ContentError as error:
                self.problems += error.diagnostics
                known[name] = b""
        return known

    def render(self, todo: _Work, before: LastBuild) -> tuple[publish.Staging | None, list[Rendered]]:
        """Render what is stale, beside the output. Raises `ContentError` with all that is wrong in templates."""
        assert self.workers
        planned = todo.plan.pages
        if not todo.stale and before.listed == todo.plan.paths:
            return None, []
        staging = publish.Staging(self.options.output)
        pages = [(index, planned[index], planned[index].path in before.standing) for index, _ in todo.stale]
        worthwhile = len(pages) >= POOL_FROM
        queues = [
            [RenderChunk(self.output, str(staging.folder), staging.fresh, part) for part in queue]
            for queue in _queues(pages, self.options.jobs)
        ]
        rendered: list[Rendered] = []
        found: dict[Diagnostic, list[str]] = {}
        try:
            for done, problems in self.workers.map(queues, worthwhile):
                rendered += done
                for problem, paths in problems.items():
                    found.setdefault(problem, []).extend(paths)
                self.progress("render", len(rendered), len(pages))
            self.problems += [_shown_on(problem, paths) for problem, paths in found.items()]
            self.problems += [
                Diagnostic(f"{self.options.output}/{planned[page.index].path}", 0, 0, FOREIGN, publish.FOREIGN_HINT)
                for page in rendered
                if page.state == "foreign"
            ]
            self.stop_if_wrong()
        except BaseException:
            self.workers.close()
            staging.abandon()
            raise
        rendered.sort(key=attrgetter("index"))
        self.clock.done("render")
        return staging, rendered

    def publish(
        self, todo: _Work, before: LastBuild, staging: publish.Staging | None, rendered: list[Rendered], report: Report
    ) -> Report:
        """Move in what was rendered, remove what is not planned any more, and note it all."""
        plan, planned = todo.plan, [page.path for page in todo.plan.pages]
        gone = sorted(set(before.standing.paths).difference(plan.paths) if plan.lost is None else plan.lost)
        staged = [(page.index, planned[page.index]) for page in rendered if page.state == "staged"]
        fresh = {page.index: page.stat for page in rendered}
        if staging:
            staging.publish(staged, plan.paths, gone)
            if not staging.fresh:  # a file that is moved by itself, and not with its folder, has another change time now
                moved = states(self.options.output, [path for _, path in staged])
                fresh |= zip([index for index, _ in staged], moved, strict=True)
        left = {path: row.stat for path, row in todo.rows.items()}
        same = [(planned[page.index], page.stat) for page in rendered if page.state == "same"]
        rows = [(planned[index], PageRow(todo.keys[index], plan.pages[index].template, stat)) for index, stat in fresh.items()]
        report = msgspec.structs.replace(
            report,
            written=tuple(path for _, path in staged),
            unchanged=len(plan.paths) - len(staged),
            removed=tuple(gone),
            healed=tuple([path for path, stat in same if left.get(path) != stat]),
            reasons=tuple((planned[index], why) for index, why in todo.stale),
        )
        standing = before.standing.after(gone, {path: row.stat for path, row in rows})
        record = Record(
            program=program.key(),
            settings=plan.settings,
            templates=self.inputs.templates,
            closures=todo.closures,
            inputs=self.inputs.key,
            outputs=standing.key,
            as_of=self.options.audience.as_of,
            report=report.again(),
        )
        sections = plan.sections
        changed = [(name, *section) for name, section in sections.items() if before.sections.get(name) is not section]
        with self.store.transaction():
            self.store.put_pages(self.output, sorted(rows), gone)  # in the table's own order, which is quicker
            self.store.put_sections(self.output, changed, before.stored - sections.keys())
            self.store.put_record(self.output, encode(record))
            self.store.forget_outputs()
        self.library.standing = standing
        if self.workers:
            self.library.worker = self._made_of(), self.workers.here
        self.clock.done("publish")
        return report

    def report(self, whole: Site, plan: Plan) -> Report:
        return Report(
            articles=len(whole.articles) + len(whole.expired),
            editions=len(whole.editions),
            tickers=len(whole.groups["tickers"]),
            feeds=sum([len(section.paths) for name, section in plan.sections.items() if name.startswith(pages.FEED)]),
            skipped=whole.skipped,
            warnings=tuple(sorted(self.problems)),
            parsed=self.parsed,
        )

    def stop_if_wrong(self) -> None:
        """Raise all that is known to be wrong, if any of it stands in the way of publishing."""
        raise_if_wrong(self.problems, self.options.strict)

    def _blame(self, problems: Iterable[Diagnostic]) -> None:
        """Take note of what is wrong in content, by the paths that its author knows."""
        folder = self.config.content
        self.problems += [
            msgspec.structs.replace(problem, path=f"{folder}/{problem.path}") if problem.path else problem for problem in problems
        ]


def _shown_on(problem: Diagnostic, paths: list[str]) -> Diagnostic:
    """The problem of a template, with a page where it showed and how many others; without paths, as it is."""
    if not paths:
        return problem
    others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return msgspec.structs.replace(problem, message=f"{problem.message}, on {min(paths)}{others}")


def _queues(pages: list[tuple[int, Page, bool]], jobs: int) -> list[list[list[tuple[int, Page, bool]]]]:
    """What Jinja renders, month by month, and last what feedgen writes, all in small parts.

    Of two processes each begins at one end, and so loads one of the libraries, and makes the cards or items that the other
    does not need: pages of one month show the same articles. Pages of no month come first: among them are the longest,
    and who has one of those in the end lets the others wait.
    """

    def month(page: tuple[int, Page, bool]) -> str:
        found = _MONTH(page[1].path)
        return f"{found[1]}-{found[2]}" if found else "none"

    feeds = [page for page in pages if page[1].renderer in work.FEEDS]
    others = sorted([page for page in pages if page[1].renderer not in work.FEEDS], key=month, reverse=True)
    months = [list(found) for _, found in groupby(others, key=month)]
    spans = [list(chain(*span)) for span in chunked(months, max(1, -(-len(months) // SPANS)))]
    queues = [*[(span, len(others)) for span in spans], (feeds, len(feeds))]
    return [chunked(queue, min(CHUNK, -(-whole // (PARTS * jobs)))) for queue, whole in queues if queue]
