"""The command: `python -m tests.bench --help`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import corpus, measure, preview, profile, report, sites
from .scenarios import SCENARIOS


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables, and write them where `--table` says."""
    options = _options(arguments)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # all programs run as they do once installed, with compiled modules
    if options.table:
        report.around(options.table)  # a long run must not end in a missing file
    with tempfile.TemporaryDirectory(prefix="digest-bench-", dir=options.dir) as folder:
        programs = list(sites.programs(options.peers, options.jobs, options.vs))
        if options.profile:
            text = _profiles(options.sizes, programs, Path(folder))
        else:
            rows: list[report.Row] = []
            for size in options.sizes:
                rows += _measure(size, options.runs, programs, Path(folder))
            versions = [f"{program.name} {program.version}" for program in programs]
            text = report.report(measure.machine(Path(folder)), versions, options.runs, rows)
        if options.preview:
            text += "\n" + _previews(options.sizes, Path(folder))
    sys.stdout.write(text)
    if options.table:
        report.rewrite(options.table, text)


def _measure(size: int, runs: int, programs: Sequence[sites.Program], folder: Path) -> list[report.Row]:
    _say(f"{size:,} articles, {corpus.tickers(size):,} tickers")
    places = [folder / str(number) for number in range(len(programs))]
    copies = [sites.Site(program, place, size) for program, place in zip(programs, places, strict=True)]
    rows = [report.Row(size, program.name, {name: [] for name, _ in SCENARIOS}) for program in programs]
    for name, scenario in SCENARIOS:
        for turn in range(runs):
            for site, row in zip(copies, rows, strict=True):
                outcome = scenario(site, turn)
                row.outcomes[name].append(outcome)
                _say(f"  {name}, {site.program.name}: {outcome.sample.seconds:.3f} s")
    for place in places:
        shutil.rmtree(place)
    return rows


def _profiles(numbers: Sequence[int], programs: Sequence[sites.Program], folder: Path) -> str:
    parts = [f"Measured on {measure.machine(folder)}."]
    for size in numbers:
        for program in (each for each in programs if each.template == "digest"):
            place = folder / "profile"
            parts.append(f"{size:,} articles, {program.name} {program.version}:")
            parts.append(profile.profile(program, place, size))
            shutil.rmtree(place)
    return "\n\n".join(parts) + "\n"


def _previews(numbers: Sequence[int], folder: Path) -> str:
    lines = []
    for size in numbers:
        _say(f"preview of {size:,} articles")
        found = preview.measure(folder / "preview", size)
        shutil.rmtree(folder / "preview")
        seconds = (found.first_start, found.start, found.served, found.visible)
        shown = [f"{each:.2f} s" if each is not None else "" for each in seconds]
        lines.append([f"{size:,}", *shown, f"{found.memory / 2**20:.0f} MiB", f"{found.idle * 100:.1f} %"])
    head = ["articles", "first start", "start", "save to served", "save to visible", "peak memory", "idle"]
    return report.table(head, lines, 1) + "\n"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure digest and its peers.")
    add = parser.add_argument
    add("--sizes", type=_numbers, default=[1000], metavar="N,N", help="numbers of articles (default: 1000)")
    add("--runs", type=int, default=3, metavar="N", help="interleaved repetitions (default: 3)")
    known = tuple(sites.PEER_PROGRAMS)
    add("--peers", type=_peers, default=known, metavar="A,B", help=f"of {','.join(known)}: those installed")
    add("--no-peers", dest="peers", action="store_const", const=(), help="digest alone")
    add("--jobs", type=int, metavar="N", help="worker processes for digest (default: its own)")
    add("--vs", metavar="PYTHON", help="an interpreter with another digest, measured in the same run")
    add("--dir", metavar="FOLDER", help="where to work (default: the folder for temporary files)")
    add("--tmpfs", dest="dir", action="store_const", const="/dev/shm", help="work in memory")
    add("--table", type=Path, metavar="FILE", help=f"put the tables after {report.BEGIN}")
    add("--preview", action="store_true", help="measure the preview as well")
    add("--profile", action="store_true", help="show where digest's time goes instead")
    return parser.parse_args(arguments)


def _numbers(text: str) -> list[int]:
    return sorted({int(part.replace("_", "")) for part in text.split(",")})


def _peers(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in sites.PEER_PROGRAMS]:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
    return names


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
