"""The library: what is known of every source, refreshed from disk with as little reading as possible.

Steps read and parse of the pipeline. A file is opened when its size, times or inode are not what they were; it is
parsed when its bytes, or the settings of parsing, are not what they were.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from digest import buckets, files, work
from digest.articles import Article, Settings
from digest.buckets import Month, SourceRow
from digest.entries import Cataloguer, Entry, Terms
from digest.errors import ContentError, Diagnostic
from digest.files import Stat
from digest.fingerprint import digest, fingerprint
from digest.inputs import File, Inputs, Options
from digest.kinds import REGISTRY, is_markdown
from digest.sections import Made
from digest.site import Assembly
from digest.standing import Standing
from digest.store import UNREADABLE, Damaged, Overtaken, Store
from digest.tickers import Registry
from digest.work import ParseChunk
from digest.workers import Workers, chunked

POOL_FROM = 300
"""Sources to parse from which on more than one other process is worth its start."""

FEWEST, MOST = 20, 100
"""Sources that a process parses at a time: the more, the less time each of them takes."""

PARTS = 25
"""Into which a process's share is cut, within these bounds, so that all end at once."""

KEPT = 5_000
"""Articles that are kept in memory because somebody looked into them."""

Progress = Callable[[str, int, int], None]

_decode_entry = msgspec.msgpack.Decoder(Entry).decode
_decode_entries = msgspec.msgpack.Decoder(list[Entry]).decode


class _Bucket:
    """What this library knows of a bucket of sources."""

    def __init__(self, state: bytes, rows: dict[str, SourceRow] | None) -> None:
        self.state = state
        """The key of the state that is known now."""
        self.rows = rows
        """By path; None while nobody has asked for them."""


class Stale(NamedTuple):
    """What is not as it was."""

    changed: dict[str, SourceRow]
    """New rows of what need not be parsed: media, and what was touched only."""
    to_parse: list[str]
    gone: list[str]


class Library:
    """Everything read, by its path below the content folder. Lives as long as its owner likes: one build, or a day."""

    def __init__(self, store: Store, output: Path | None = None) -> None:
        """`output` is a folder that only the owner of this library writes to, so that nobody need look what stands there."""
        self.store = store
        self.output = output
        self._fresh = work.Fresh(str(store.path.parent))
        self.forget()

    def forget(self) -> None:
        """Know nothing but what the store holds."""
        self._buckets: dict[int, _Bucket] | None = None
        self.entries: dict[str, Entry] = {}
        self._heads: dict[str, tuple[bytes, Article]] = {}
        """Articles that were looked into lately, with the version of their source."""
        self._fresh.clear()
        self._registry: tuple[bytes, Registry] | None = None
        self._settings = self._terms = b""
        """The keys of the settings and terms under which all of it was looked at."""
        self._racy: list[str] = []
        """Files that a write may have changed since without a trace in their times."""
        self._states: dict[int, bytes] = {}
        """Those that the store had when the buckets were read."""
        self._expected: int | None = None
        """How many entries there must be, once all that is stale is parsed."""
        self.made = Made({}, {})
        self.assembly: Assembly | None = None
        """The last build's."""
        self.standing: Standing | None = None
        """What stood in an output folder at the end of the last build."""
        self._listing: tuple[Any, dict[str, Stat]] | None = None
        """What the content folder held when a build last looked, and which folder that was."""
        self._changed: Collection[str] | None = None
        self._guessed = False
        self.worker: tuple[Any, work.Worker] | None = None
        """This process's worker, with compiled templates and cards that it has rendered, and what it was made of."""

    def expect(self, changed: Collection[str] | None) -> None:
        """Say which files of the content alone have changed since the last build, by their paths; None when that is not known.

        It holds for the next build. Where nothing is said, nothing is believed.
        """
        self._changed = changed
        if changed is None:
            self._listing = None

    def take_listing(self, options: Options) -> tuple[dict[str, Stat] | None, Collection[str] | None]:
        """What the content folder held, if all that has changed since is known, and that; for one build."""
        (known, changed), self._listing, self._changed = (self._listing, self._changed), None, None
        if known is None or changed is None or known[0] != (options.content, options.config.ignore):
            return None, None
        return known[1], changed

    def keep_listing(self, options: Options, content: dict[str, Stat], guessed: bool) -> None:
        """Remember what the content folder holds, or is believed to hold."""
        self._listing, self._guessed = ((options.content, options.config.ignore), content), guessed

    def guessed_wrong(self, options: Options) -> bool:
        """Whether the content folder holds anything else than it was believed to hold."""
        if self._listing is None or not self._guessed:
            return False
        self._guessed = False
        try:
            return self._listing[1] != files.walk(options.content, options.config.ignore)
        except ContentError:  # a build will say so
            return True

    def take_standing(self, output: Path) -> Standing | None:
        """What stands in this folder, if it is known; for one build, which may fail and leave something else."""
        known, self.standing = self.standing, None
        return known if output == self.output else None

    def take_worker(self, made_of: Any) -> work.Worker | None:
        """The worker that was made of these, if it was kept; for one build, which may leave it in the middle of its work."""
        known, self.worker = self.worker, None
        return known[1] if known and known[0] == made_of else None

    def look(self, content: Path, inputs: Inputs, settings_key: bytes, force: bool = False) -> Stale:
        """What is not as it was; of files that are published as they are, the new state is already known."""
        if self._buckets is None:
            self._states = self.store.states()
            self._buckets = {number: _Bucket(state, None) for number, state in self._states.items()}
        tree = inputs.content
        changed: dict[str, SourceRow] = {}
        to_parse, gone = [], []
        for path in self._suspects(inputs, settings_key, force):
            row = self._row(path)
            usable = row and not force and row.settings == (settings_key if is_markdown(path) else b"")
            if path not in tree:
                gone += [path] if row else []
            elif row and usable and row.stat == tree[path]:
                continue
            elif not is_markdown(path):
                changed[path] = _hashed(content, path)
            elif row and usable and (now := _hashed(content, path)).hash == row.hash:
                changed[path] = replace(row, stat=now.stat)  # touched, not changed
            else:
                to_parse.append(path)
        self._note({**changed, **dict.fromkeys(gone)})
        self._settings = settings_key
        to_parse.sort(reverse=True)  # what is rendered together should stand together, in the cache and in memory
        return Stale(changed, to_parse, gone)

    def _suspects(self, inputs: Inputs, settings_key: bytes, force: bool) -> Iterable[str]:
        """Sources that may not be as they were: all of a bucket of which any is not."""
        if inputs.changed is not None and not force and self._settings == settings_key:
            return dict.fromkeys((*inputs.changed, *self._racy))
        known, found = self._buckets or {}, buckets.sorted_out(inputs.content)
        suspects: dict[str, None] = {}
        self._expected = sum([len(here) for number, here in found.items() if number < buckets.PARSED])
        for number in found.keys() | known.keys():
            here = found.get(number, ())
            settings = settings_key if number < buckets.PARSED else b""
            if force or number not in known or known[number].state != buckets.state(settings, here):
                suspects |= dict.fromkeys([*[path for path, _ in here], *self._rows(number)])
        return suspects

    def _rows(self, number: int) -> dict[str, SourceRow]:
        """What is known of the sources of a bucket. Raises `Damaged`."""
        bucket = (self._buckets or {}).get(number)
        if bucket is None:
            return {}
        if bucket.rows is None:
            bucket.rows = self.store.source_rows(number, self._states[number])
        return bucket.rows

    def _row(self, path: str) -> SourceRow | None:
        return self._rows(buckets.number(path)).get(path)

    def _note(self, changes: Mapping[str, SourceRow | None]) -> None:
        """Take rows in, and forget those of sources that are gone."""
        known = self._buckets = self._buckets if self._buckets is not None else {}
        touched = set()
        for path, row in changes.items():
            number = buckets.number(path)
            if number not in known:
                known[number] = _Bucket(b"", {})
            rows = self._rows(number)
            touched.add(number)
            if row:
                rows[path] = row
            else:
                del rows[path]
        for number in touched:
            known[number].state = buckets.state_of(self._rows(number).values())

    def refresh(
        self,
        stale: Stale,
        settings: Settings,
        settings_key: bytes,
        terms: Terms,
        terms_key: bytes,
        workers: Workers[work.Worker],
        progress: Progress,
    ) -> None:
        """Parse what is stale, and bring all entries to these terms."""
        size = min(max(len(stale.to_parse) // (PARTS * workers.jobs), FEWEST), MOST)
        chunks = [ParseChunk(settings, settings_key, paths) for paths in chunked(stale.to_parse, size)]
        many = len(stale.to_parse) >= POOL_FROM
        results = workers.map([chunks], many, busy=True)
        renewed: defaultdict[str, dict[str, bytes]] = defaultdict(dict)  # entries by month
        for entry, encoded in self._catalogue(terms, terms_key, {*stale.to_parse, *stale.gone}):  # while others parse
            renewed[entry.month][entry.path] = encoded
        changes: defaultdict[str, dict[str, bytes | None]] = defaultdict(dict)
        for path in filter(is_markdown, stale.changed):  # another builder may have put in what stood there meanwhile
            entry = self._entry(path)
            changes[entry.month][path] = work.encode(entry)
        if not (chunks or stale.changed or stale.gone or renewed):
            self._racy = []
            self._check()
            return
        renderer = workers.here.renderer
        renderer.load(every=many)  # also while others parse
        if workers.waiting():
            renderer.load(every=True)
        fresh = self._fresh = renderer.fresh
        fresh.clear()
        for path in stale.gone:
            self.entries.pop(path, None)
        rows: dict[str, SourceRow] = {}
        with self.store.transaction():
            for found in results:
                self.store.put_parsed((result.path, result.version, result.head) for result in found)
                self.store.put_bodies((result.path, result.body, result.html) for result in found)
                for result in found:
                    entry = self.entries[result.path] = _decode_entry(result.entry)
                    changes[entry.month][entry.path] = result.entry
                    rows[result.path] = SourceRow(result.path, result.stat, result.hash, settings_key, entry.month)
                fresh.put(found)
                progress("parse", len(rows), len(stale.to_parse))
            before = self.store.put_sources({**stale.changed, **rows, **dict.fromkeys(stale.gone)})
            for path in filter(is_markdown, before):
                changes[before[path]].setdefault(path, None)
            self.store.put_entries(terms_key, changes, renewed)
        self._check()
        self._note(rows)
        self._racy = [path for path, row in (*stale.changed.items(), *rows.items()) if row.stat.inode == files.UNTRUSTED]

    def _check(self) -> None:
        """Raises `Damaged` where the store had lost an entry."""
        if self._expected not in (None, len(self.entries)):
            raise Damaged.because(f"there are {len(self.entries)} entries of {self._expected} sources")
        self._expected = None

    def _entry(self, path: str) -> Entry:
        """What is known of a source that was parsed. Raises `Damaged`."""
        if path not in self.entries:
            raise Damaged.because("an entry is missing")
        return self.entries[path]

    def settle(self) -> None:
        """Keep in the store alone what a build has parsed, now that it is done."""
        self._fresh.clear()

    def _catalogue(self, terms: Terms, terms_key: bytes, but: Container[str]) -> Iterator[tuple[Entry, bytes]]:
        """Bring all entries but those of some sources to these terms; yields those that this makes anew, also encoded."""
        if self._terms == terms_key:
            return
        catalogue = Cataloguer(terms)
        others = list(self.entries.values())
        try:
            for month in () if self._terms else self._stored():
                entries = _decode_entries(month.entries)
                self.entries.update([(entry.path, entry) for entry in entries])
                others += entries if month.terms != terms_key else ()
            for entry in others:
                if entry.path not in but:
                    head = work.decode(self.store.head(entry.path, entry.version))
                    now = self.entries[entry.path] = catalogue(entry.path, entry.version, head)
                    yield now, work.encode(now)
        except UNREADABLE as error:
            raise Damaged.because(error) from error
        self._terms = terms_key

    def _stored(self) -> list[Month]:
        """All entries of the store, as they were when its states were read. Raises `Overtaken`."""
        found = self.store.entries()
        if self.store.states() != self._states:
            raise Overtaken
        return found

    def article(self, entry: Entry) -> Article:
        """The article of an entry. Raises `Damaged`."""
        known = self._heads.get(entry.path)
        if known and known[0] == entry.version:
            return known[1]
        try:
            found = work.decode(self._fresh.head(entry.path) or self.store.head(entry.path, entry.version)).article
        except UNREADABLE as error:
            raise Damaged.because(error) from error
        assert found is not None
        if len(self._heads) >= KEPT:
            self._heads.clear()
        self._heads[entry.path] = entry.version, found
        return found

    def registry(self, content: Path, home: frozenset[str], settings_key: bytes) -> tuple[Registry, bytes]:
        """The registry of tickers, empty when there is no file, and its key. Raises `ContentError`."""
        row = self._row(REGISTRY)
        key = fingerprint((row and row.hash, settings_key))
        if row is None:
            return Registry((), home, {}), key
        if self._registry and self._registry[0] == key:
            return self._registry[1], key
        registry = self.store.registry(key)
        if registry is None:
            registry = _read_registry(content, home)
            self.store.put_registry(key, registry)
        self._registry = key, registry
        return registry, key

    def media(self, content: Path) -> dict[str, File]:
        """The files that are published as they are, in the order of their paths."""
        media = [number for number in self._buckets or {} if number >= buckets.PARSED]
        found = {path: row for number in media for path, row in self._rows(number).items() if path != REGISTRY}
        return {path: File(f"{content}/{path}", row.stat.size, row.hash) for path, row in sorted(found.items())}


def _read_registry(content: Path, home: frozenset[str]) -> Registry:
    from digest.registry import read_registry

    try:
        text = files.read(f"{content}/{REGISTRY}")[1].decode("utf-8-sig")
    except OSError as error:
        raise ContentError.at(REGISTRY, "cannot be read", error) from None
    except UnicodeDecodeError:
        raise ContentError([Diagnostic(REGISTRY, 0, 0, "not UTF-8", "save the file as UTF-8")]) from None
    return read_registry(text, REGISTRY, home)


def _hashed(content: Path, path: str) -> SourceRow:
    try:
        stat, data = files.read(f"{content}/{path}")
    except OSError:
        return SourceRow(path, files.ABSENT, work.UNREAD)
    return SourceRow(path, stat, digest(data))
