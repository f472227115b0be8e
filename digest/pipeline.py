"""The pipeline: read, parse, assemble, plan, key, render, publish. One direction, no step looks back."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from digest import pages, program, publish, site, work
from digest.articles import Article, Settings
from digest.config import LOCAL_URL
from digest.errors import ContentError, Diagnostic
from digest.fingerprint import encode, fingerprint
from digest.inputs import Clock, File, Inputs, Options, Record, Report, output_name, raise_if_wrong, recorded
from digest.library import Library
from digest.markup import MarkdownSettings
from digest.notation import HOME_EXCHANGES, exchange
from digest.pages import Page
from digest.publish import Standing
from digest.site import Site
from digest.store import PageRow
from digest.tickers import Registry
from digest.work import RenderChunk, Rendered, Setup, WarmUp
from digest.workers import Workers, chunked

POOL_FROM = 400
"""Pages to render from which on other processes are worth their start."""

FEEDS = ("rss", "atom", "json", "editions_rss")

Progress = Callable[[str, int, int], None]

CHUNK = 100
"""Pages that a process renders at a time, at most."""

WARM_FROM = 500
"""Sources from which on it pays to let other processes load what renders, while this one still assembles and plans."""

FOREIGN = "digest did not write this file, and would have to"
FOREIGN_HINT = "move it away, or into the content folder, or choose another output folder with -o"


class _Plan(msgspec.Struct, frozen=True):
    """What is to be, beside what is."""

    pages: list[Page]
    keys: list[bytes]
    closures: dict[str, bytes]
    settings: bytes
    rows: dict[str, PageRow]
    """What the cache knows of the output."""
    owned: set[str]
    """What digest wrote there."""
    stale: list[tuple[int, str]]
    """Numbers of the pages to render, and why."""


class Pipeline:
    """One build: what its steps share, and the steps in their order."""

    def __init__(
        self, options: Options, library: Library, inputs: Inputs, standing: Standing, clock: Clock, progress: Progress
    ) -> None:
        self.options, self.config, self.library, self.inputs = options, options.config, library, inputs
        self.standing, self.clock, self.progress = standing, clock, progress
        self.store = library.store
        self.output = output_name(options)
        self.setup = Setup(
            content=str(options.content),
            templates=str(options.templates) if options.templates else None,
            templates_label=options.config.templates,
            theme=str(program.theme()),
            bytecode=str(self.store.path.parent / "bytecode"),
            cache=str(self.store.path),
        )
        self.workers = Workers(options.jobs, work.Worker, self.setup)
        self.warm = len(inputs.content) >= WARM_FROM
        if self.warm:
            self.workers.start(WarmUp(to_render=False))
        self.problems: list[Diagnostic] = []
        if not options.config.base_url:
            hint = 'write base_url = "https://…" into the settings'
            message = f"base_url is not set: feeds and canonical links say {LOCAL_URL}"
            self.problems.append(Diagnostic("", 0, 0, message, hint, "warning"))

    def run(self) -> Report:
        """Do it all. Raises `ContentError` with everything that is wrong; the output is then as it was."""
        try:
            articles, registry, media = self.read_and_parse()
            whole = self.assemble(articles, registry)
            pages = self.plan(whole, media)
            plan = self.key(pages)
            self.stop_if_wrong()
            staging, rendered = self.render(plan)
            return self.publish(plan, staging, rendered, self.report(whole, plan))
        finally:
            self.workers.close()

    def read_and_parse(self) -> tuple[list[Article], Registry, dict[str, File]]:
        """Open what may have changed, and parse what has."""
        engine, smarty = self.config.markdown.engine, self.config.markdown.smarty
        settings = Settings(self.config.timezone, MarkdownSettings(engine, smarty))
        key = fingerprint((program.key(), settings))
        content, tree = self.options.content, self.inputs.content
        self.parsed = self.library.refresh(content, tree, settings, key, self.workers, self.progress, self.options.force)
        if self.warm:
            self.workers.start(WarmUp(to_render=True))
        self.clock.done("parse")
        registry = self._registry()
        self._blame(self.library.problems())
        return self.library.articles(), registry, self.library.media(content)

    def _registry(self) -> Registry:
        home = frozenset(map(exchange, self.config.home_exchanges)) or HOME_EXCHANGES
        try:
            return self.library.registry(self.options.content, home, fingerprint((program.key(), sorted(home))))
        except ContentError as error:
            self._blame(error.diagnostics)
            return Registry((), home, {})

    def assemble(self, articles: list[Article], registry: Registry) -> Site:
        whole, problems = site.assemble(self.config, articles, registry, self.options.audience)
        for path, state in self.library.broken().items():
            whole.hidden.setdefault(path, state)
        self._blame(problems)
        self.clock.done("assemble")
        return whole

    def plan(self, whole: Site, media: dict[str, File]) -> list[Page]:
        plan, problems = pages.plan(self.config, whole, media, self.inputs.assets)
        self._blame(problems)
        self.clock.done("plan")
        return plan

    def key(self, plan: list[Page]) -> _Plan:
        """Give every page its key, and find those whose output is not what the key stands for."""
        record = recorded(self.options, self.store)
        closures = self._closures({page.template for page in plan}, record)
        settings = next((page.view.site.key for page in plan if page.renderer == "html"), b"")
        own = program.key()
        keys = [fingerprint((own, page.renderer, closures[page.template], page.view)) for page in plan]
        rows = {} if self.options.force else self.store.pages(self.output)
        stale = []
        states = self.standing.states
        for index, (page, key) in enumerate(zip(plan, keys, strict=True)):
            row = rows.get(page.path)
            if row is None or row.key != key or row.stat != states.get(page.path):
                stale.append((index, _reason(page, key, row, closures, settings, own, record)))
        owned = rows.keys() | states.keys()
        self.clock.done("key")
        return _Plan(plan, keys, closures, settings, rows, owned, stale)

    def _closures(self, names: set[str], record: Record | None) -> dict[str, bytes]:
        """The keys of templates with all that they include; the last build's, where no template has changed since."""
        same = record is not None and record.program == program.key() and record.templates == self.inputs.templates
        known = {"": b"", **record.closures} if record and same else {"": b""}
        if missing := sorted(names - known.keys()):
            templates = work.load_templates(self.setup)
            for name in missing:
                try:
                    known[name] = templates.closure(name)
                except ContentError as error:
                    self.problems += error.diagnostics
                    known[name] = b""
        return known

    def render(self, plan: _Plan) -> tuple[publish.Staging | None, list[Rendered]]:
        """Render what is stale, beside the output. Raises `ContentError` with all that is wrong in templates."""
        if not plan.stale and plan.owned == {page.path for page in plan.pages}:
            return None, []
        staging = publish.Staging(self.options.output)
        todo = [(index, plan.pages[index], plan.pages[index].path in plan.owned) for index, _ in plan.stale]
        size = min(CHUNK, max(5, len(todo) // (4 * self.options.jobs)))
        chunks = [RenderChunk(self.output, str(staging.folder), staging.fresh, part) for part in chunked(todo, size)]
        rendered: list[Rendered] = []
        try:
            for done, problems in self.workers.map(chunks, len(todo) >= POOL_FROM):
                rendered += done
                self.problems += [problem for problem in problems if problem not in self.problems]
                self.progress("render", len(rendered), len(todo))
            self.problems += [
                Diagnostic(f"{self.options.output}/{plan.pages[page.index].path}", 0, 0, FOREIGN, FOREIGN_HINT)
                for page in rendered
                if page.state == "foreign"
            ]
            self.stop_if_wrong()
        except BaseException:
            staging.abandon()
            raise
        self.clock.done("render")
        return staging, rendered

    def publish(self, plan: _Plan, staging: publish.Staging | None, rendered: list[Rendered], report: Report) -> Report:
        """Move in what was rendered, remove what is not planned any more, and note it all."""
        gone: list[str] = []
        planned = [page.path for page in plan.pages]
        staged = [(page.index, planned[page.index]) for page in rendered if page.state == "staged"]
        if staging:
            gone = staging.publish(staged, planned, plan.owned)
        moved = publish.states(self.options.output, [path for _, path in staged])
        fresh = {page.index: page.stat for page in rendered} | dict(zip([index for index, _ in staged], moved, strict=True))
        rows = {planned[index]: PageRow(plan.keys[index], plan.pages[index].template, stat) for index, stat in fresh.items()}
        report = msgspec.structs.replace(
            report,
            written=tuple(path for _, path in staged),
            unchanged=len(planned) - len(staged),
            removed=tuple(gone),
            reasons=tuple((planned[index], why) for index, why in plan.stale),
        )
        known = {path: row.stat for path, row in plan.rows.items()} | {path: row.stat for path, row in rows.items()}
        paths = sorted(planned)
        record = Record(
            program=program.key(),
            settings=plan.settings,
            templates=self.inputs.templates,
            closures=plan.closures,
            inputs=self.inputs.key,
            outputs=publish.standing_key(paths, [known[path] for path in paths]),
            as_of=self.options.audience.as_of,
            report=msgspec.structs.replace(report, reasons=(), steps=()),
        )
        with self.store.transaction():
            self.store.put_pages(self.output, rows.items(), plan.rows.keys() - set(planned))
            self.store.put_record(self.output, encode(record))
        self.clock.done("publish")
        return report

    def report(self, whole: Site, plan: _Plan) -> Report:
        return Report(
            articles=len(whole.articles) + len(whole.expired),
            editions=len(whole.editions),
            tickers=len(whole.groups["tickers"]),
            feeds=sum(page.renderer in FEEDS for page in plan.pages),
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


def _reason(
    page: Page,
    key: bytes,
    row: PageRow | None,
    closures: dict[str, bytes],
    settings: bytes,
    own: bytes,
    record: Record | None,
) -> str:
    """Why a page is rendered: the first of its inputs that is known to have changed."""
    if row is None or record is None:
        return "new"
    if row.key == key:
        return "output"
    if record.program != own:
        return "program"
    if page.template and record.closures.get(page.template) != closures[page.template]:
        return "template"
    if record.settings != settings:
        return "settings"
    return "content"
