"""The last build: what it left in the output folder and in the cache, and what of that still stands.

Only by this is anything left undone: what was not left, or does not stand any more, is made anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import NamedTuple

from digest import program
from digest.inputs import Options, Record, output_name, recorded
from digest.sections import Known, Page
from digest.standing import Standing, states
from digest.store import PageRow, Store


class LastBuild(NamedTuple):
    record: Record | None
    sections: dict[str, Known]
    """Those of its sections that stand in the output, whole, by name."""
    stored: Set[str]
    """The names of all that the cache knows."""
    standing: Standing
    """The files of digest's in the output."""
    listed: list[str]
    """Their paths by the output's own list, in sorted order."""
    complete: bool
    """Whether the output is as it was left, so that just the paths of `sections` are listed there."""

    def closures(self, templates: bytes) -> dict[str, bytes]:
        """The keys of templates with all that they include, where the program and the templates, by their key, are the same."""
        record = self.record
        same = record is not None and record.program == program.key() and record.templates == templates
        return {"": b"", **record.closures} if record and same else {"": b""}

    def reason(self, page: Page, key: bytes, row: PageRow | None, closures: Mapping[str, bytes], settings: bytes) -> str:
        """Why a page is rendered: the first of its inputs that is known to have changed."""
        record = self.record
        if row is None or record is None:
            return "new"
        if row.key == key:
            return "output"
        if record.program != program.key():
            return "program"
        if page.template and record.closures.get(page.template) != closures[page.template]:
            return "template"
        if record.settings != settings:
            return "settings"
        return "content"


def look_back(options: Options, store: Store, standing: Standing) -> LastBuild:
    """What was left where the options say, with nothing of it standing where all is asked for anew."""
    output = output_name(options)
    record = recorded(options, store)
    known = {name: Known(*row) for name, row in store.sections(output).items()}
    stored, listed = known.keys(), standing.paths
    untouched = record is not None and record.outputs == standing.key
    if options.force or not untouched:
        rows = store.pages(output)
        whole = {path for path, row in rows.items() if row.stat == standing.state(path)}
        known = {name: section for name, section in known.items() if whole.issuperset(section.paths)}
        unlisted = sorted(rows.keys() - set(standing.paths))  # the list may be lost
        found = zip(unlisted, states(options.output, unlisted), strict=True)
        standing = standing.after((), {path: stat for path, stat in found if rows[path].stat == stat})
    sections = {} if options.force else known
    return LastBuild(record, sections, stored, standing, listed, untouched and not options.force)
