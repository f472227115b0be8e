"""Preview: builds the site again whenever it has changed, and tells what came of it.

Around `build` and `watch`, and without a server: `serve` shows in a browser what is told here, `build --watch` prints it.

After a save the build looks at the saved files alone, so that the page is there soon; once nothing is saved for a moment,
the whole content is looked at, and built again if anything else is not as it was.
"""

from __future__ import annotations

import gc
import os
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from digest import config as settings
from digest import program
from digest.build import build
from digest.entries import Entry
from digest.errors import Diagnostic, DigestError
from digest.ground import Targets
from digest.inputs import Options, Report
from digest.library import Library
from digest.store import Store
from digest.watch import Watcher

MUCH = 100
"""Changed sources from which on a build may use more than one process."""

GRACE = 0.5
"""Seconds after a build in which browsers fetch what is new; housekeeping waits for so long."""

HURRIED = 20
"""Builds of which one is followed by a collection of garbage also without a pause: each leaves the values of its plan."""

CLOCK = 2.0
"""Seconds between the begin of a build and the time that it is for, up to which that is the time on the clock."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of one build."""

    number: int
    """Of the build, from 1."""
    covers: int
    """The watcher's count of bursts, all of which were over or begun when the build listed the site."""
    at: float
    """When it ended, in seconds since 1970."""
    seconds: float
    """How long it took."""
    options: Options
    """What was asked for; when the settings are wrong, what was last asked for."""
    report: Report | None
    """None when the build failed, which leaves what it built before."""
    problems: tuple[Diagnostic, ...]
    """All errors of a failed build, else the warnings."""
    trace: str = ""
    """Where our own code failed, when it did."""


class Terminal(NamedTuple):
    """How the editor at the terminal is told. Called from several threads, though never from two at once."""

    built: Callable[[Outcome], None]
    say: Callable[[str], None]
    warn: Callable[[Diagnostic], None]
    progress: Callable[[str, int, int], None] = lambda *_: None


class Stopped(Exception):
    """The build was ended by `Builder.close`."""


class Builder:
    """Builds at first and after every change, in the thread that calls `run`."""

    def __init__(
        self,
        make: Callable[[], Options],
        config: Path | None,
        poll: float | None,
        progress: Callable[[str, int, int], None] = lambda *_: None,
        private: bool = False,
    ) -> None:
        """`make` reads the settings anew on every call. Raises `SettingsError` when they are wrong to begin with.

        `config` is the settings file if it is not one of the usual, `poll` as for `Watcher`. The output folder is
        `private` when nobody else writes there.
        """
        self.watcher = Watcher(poll)
        self.options = make()
        self.moves = Moves()
        self._make = make
        self._config = config
        self._progress = progress
        self._number = 0
        self._library = Library(Store(self.options.cache), self.options.output if private else None)
        self._shown: dict[str, Entry] = {}
        """The entries of what the last good build made."""

    def run(self, tell: Callable[[Outcome], None]) -> None:
        """Build and tell, again and again; return after `close`, or when the user interrupts."""
        sources: list[str] | None = None
        try:
            while True:
                gc.disable()  # what it would stop the whole process for can wait until nothing is to be done
                outcome = self._build(sources)
                tell(outcome)
                changed = self.watcher.wait(time.time() + GRACE)
                if changed == frozenset() or not self._number % HURRIED:
                    gc.collect()
                if changed == frozenset():
                    gc.enable()
                    if self.watcher.sure and self._library.guessed_wrong(self.options) and self.watcher.sure:
                        sources = None
                        continue
                    changed = self.watcher.wait(_holds_until(outcome))
                if changed is None:
                    return
                sources = self._sources(changed)
        except (Stopped, KeyboardInterrupt):  # the latter also out of a worker, which Ctrl-C reaches as it does us
            return
        finally:
            gc.enable()
            self._library.store.close()

    def close(self) -> None:
        """End `run`, from any thread; a build that is under way ends unpublished."""
        self.watcher.close()

    def _build(self, sources: list[str] | None) -> Outcome:
        """Build, after changes to these sources alone if they are known."""
        started = time.perf_counter()
        self._number += 1
        report, trace = None, ""
        problems: tuple[Diagnostic, ...]
        covers = self.watcher.bursts
        try:
            self.watcher.watch(self._targets())
            covers = self.watcher.bursts
            self.options = self._make()
            self.watcher.watch(self._targets())
            covers = self.watcher.bursts
            self._library.expect(sources if self.watcher.sure else None)
            jobs = 1 if sources is not None and len(sources) < MUCH else self.options.jobs
            report = build(msgspec.structs.replace(self.options, jobs=jobs), self._library, self._tick)
            problems = report.warnings
            self.moves.note(self._shown, self._library.entries, report)
            self._shown = dict(self._library.entries)
        except DigestError as error:
            problems = error.diagnostics
            self._library.expect(None)  # who knows how far it came
        except Stopped:
            raise
        except Exception as error:  # ours to mend; the editor sees it, and the next build starts afresh
            if self.watcher.closed:
                raise Stopped from error
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            problems = (Diagnostic("", 0, 0, f"digest itself failed: {what}", "please report this"),)
            trace = traceback.format_exc()
            self._library.forget()
        if self.watcher.trouble:
            problems = (*problems, self.watcher.trouble)
        seconds = time.perf_counter() - started
        return Outcome(self._number, covers, time.time(), seconds, self.options, report, problems, trace)

    def _sources(self, changed: frozenset[str]) -> list[str] | None:
        """The changed files by their paths below the content folder; None when there are none, or others have changed too."""
        content = os.path.realpath(self.options.content) + os.sep
        found = [path.removeprefix(content).replace(os.sep, "/") for path in changed if path.startswith(content)]
        return found if found and len(found) == len(changed) else None

    def _targets(self) -> Targets:
        root, config = self.options.root, self.options.config
        folders = (self.options.content, root / config.templates, program.theme())
        usual = (root / settings.FILE, root / "pyproject.toml")
        return Targets(root, folders, (self._config,) if self._config else usual)

    def _tick(self, step: str, done: int, total: int) -> None:
        if self.watcher.closed:
            raise Stopped
        self._progress(step, done, total)


def _holds_until(outcome: Outcome) -> float | None:
    """When the site changes by itself, because an article falls due or expires; never, where another time is asked for."""
    started = outcome.at - outcome.seconds
    if outcome.report is None or abs(started - outcome.options.audience.as_of) > CLOCK:
        return None
    return outcome.report.skipped.valid_until


class Moves:
    """Where pages went that are not there any more."""

    def __init__(self) -> None:
        self._sources: dict[str, tuple[str, str]] = {}

    def note(self, before: Mapping[str, Entry], after: Mapping[str, Entry], report: Report) -> None:
        """Take note of what a build removed; `before` and `after` it, entries by their sources' paths."""
        for path in report.written:
            self._sources.pop(_address(path), None)
        removed = {_address(path) for path in report.removed if path.endswith("/index.html")}
        if not removed:
            return
        fresh = _by_words(entry for path, entry in after.items() if path not in before and entry.kind)
        for path, entry in before.items():
            if entry.address and entry.address in removed:
                now = path if path in after else fresh.get(entry.body) or fresh.get(entry.title)
                self._sources[entry.address] = (path, after[now].address if now else "")

    def find(self, address: str) -> tuple[str, str] | None:
        """The source of a page that was once at an address below the base, and the page's address now.

        The address is empty when the source is gone; what stands at it may be hidden. None when there was no such page.
        """
        found = self._sources.get(address)
        seen = {address}
        while found and (further := self._sources.get(found[1])) and found[1] not in seen:
            seen.add(found[1])
            found = (found[0], further[1])
        return found


def _address(path: str) -> str:
    """An output's path as it stands in addresses, below the base."""
    return path.removesuffix("index.html")


def _by_words(entries: Iterable[Entry]) -> dict[str | bytes, str]:
    """Where articles are by their texts, or else by their titles: the paths of their sources."""
    found: dict[str | bytes, str] = {}
    for entry in entries:
        found.setdefault(entry.body, entry.path)
        found.setdefault(entry.title, entry.path)
    return found


def watch(make: Callable[[], Options], config: Path | None, poll: float | None, terminal: Terminal) -> None:
    """Build now and after every change, until the user interrupts. Raises `SettingsError` as `Builder` does."""
    builder = Builder(make, config, poll, terminal.progress)
    builder.run(terminal.built)
    builder.close()
