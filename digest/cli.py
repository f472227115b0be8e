"""The command line: arguments in, messages and an exit status out.

0: done. 1: content or templates are wrong. 2: settings or the command's use are wrong. What a command does is left to
the modules below, which are imported when it runs.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digest import __version__, terminal

if TYPE_CHECKING:
    from digest.config import Config
    from digest.inputs import Options
    from digest.workers import Early

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Command(click.Command):
    """A command that reports a user's mistakes without a traceback."""

    def invoke(self, context: click.Context) -> Any:
        from digest.errors import DigestError

        try:
            return super().invoke(context)
        except DigestError as error:
            terminal.show(error.diagnostics)
            context.exit(error.code)


class _Group(click.Group):
    command_class = _Command


@click.group(cls=_Group, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="digest", message="%(prog)s %(version)s")
def main() -> None:
    """Make a site of editions, ticker pages and feeds out of a folder of Markdown articles."""


def run() -> None:
    """The console script: `main`, left at once when it is done.

    Python would first free every value of a build, one by one, which takes longer than publishing an article; and so does
    a look for garbage among them.
    """
    gc.disable()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does: a path may be in letters that a terminal lacks
    try:
        main(prog_name="digest")
    except SystemExit as exit:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit.code if isinstance(exit.code, int) else 1)


SITE = click.option(
    "-s", "--site", type=click.Path(path_type=Path), default=Path(), help="The site's folder [default: this one]."
)
CONFIG = click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    help="The settings file [default: digest.toml or pyproject.toml in the site's folder].",
)
OUTPUT = click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Where the site goes [default: the settings' output]."
)
BASE_URL = click.option("-b", "--base-url", help="The site's address, instead of the settings' base_url.")


@main.command()
@SITE
@CONFIG
@OUTPUT
@BASE_URL
@click.option("-D", "--drafts", is_flag=True, help="Show drafts.")
@click.option("-F", "--future", is_flag=True, help="Show scheduled articles.")
@click.option("--as-of", metavar="TIME", help="Build as if it were that time (ISO 8601) [default: now].")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), help="Processes [default: one for each core].")
@click.option("--force", is_flag=True, help="Parse and render everything anew.")
@click.option("--explain", is_flag=True, help="Say why each page was rendered.")
@click.option("--verify", is_flag=True, help="Build once more from nothing elsewhere, and compare.")
@click.option("--strict", is_flag=True, help="Let warnings fail the build.")
@click.option(
    "--changed-list",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the paths that a deployment must upload or delete.",
)
@click.option("-w", "--watch", is_flag=True, help="Build again after every change. Ctrl-C ends it.")
@click.option("-v", "--verbose", is_flag=True, help="Show every warning, every path and the time of each step.")
@click.option("-q", "--quiet", is_flag=True, help="Show errors only.")
def build(
    site: Path,
    config: Path | None,
    output: Path | None,
    base_url: str | None,
    drafts: bool,
    future: bool,
    as_of: str | None,
    jobs: int | None,
    force: bool,
    explain: bool,
    verify: bool,
    strict: bool,
    changed_list: Path | None,
    watch: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Publish the site into the output folder.

    Only what has changed is parsed, rendered and written. A mistake anywhere leaves the output as it was.
    """

    def make(found: Config) -> Options:
        return make_options(
            found,
            site,
            output,
            drafts=drafts,
            future=future,
            as_of=as_of,
            jobs=jobs,
            force=force,
            strict=strict,
        )

    read = partial(read_settings, site, config, output, base_url)
    if watch:
        from digest import preview

        for option in [name for name, given in (("--changed-list", changed_list), ("--verify", verify)) if given]:
            raise click.UsageError(f"{option} is about one build: leave it out, or --watch")
        preview.watch(lambda: make(read()), config, None, terminal.of_preview(quiet, explain, verbose))
        return
    if changed_list:
        _write_changed(changed_list, ())  # before anything is published that it should tell of
    started = time.perf_counter()
    found = read()
    with _early(site, found, jobs) as early:
        from digest.build import build

        options = make(found)
        report = build(options, progress=terminal.progress(quiet), early=early)
    if not quiet:
        terminal.show(report.warnings, None if verbose else terminal.SHOWN)
        terminal.show_details(report, explain, verbose)
        click.echo(terminal.summary(report, options, time.perf_counter() - started))
    if changed_list:
        _write_changed(changed_list, (*report.written, *report.healed, *report.removed))
    if verify:
        _verify(options, quiet)


@main.command()
@SITE
@CONFIG
@OUTPUT
def clean(site: Path, config: Path | None, output: Path | None) -> None:
    """Remove the output's files that digest wrote, and the cache. Other files are kept."""
    from digest.build import clean

    found = read_settings(site, config)
    removed = clean(output or site / found.output, _cache(site).parent)
    click.echo(f"removed {removed} files and the cache")


@main.command()
@SITE
@CONFIG
@BASE_URL
@click.option(
    "--changed-list", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The list that the build wrote."
)
def ping(site: Path, config: Path | None, base_url: str | None, changed_list: Path) -> None:
    """Tell the WebSub hub which feeds have changed, after a deployment.

    The list is the one that `digest build --changed-list` wrote.
    """
    from digest.ping import announce

    click.echo(announce(site, config, changed_list, {} if base_url is None else {"base_url": base_url}))


@main.command()
@SITE
@CONFIG
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="The port, or the first free one after it; 0 for any.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen at. Any other than this machine's own lets the network in.",
)
@click.option("-O", "--open", "browse", is_flag=True, help="Open a browser.")
@click.option("--published", is_flag=True, help="Show what readers will see: no drafts, nothing scheduled.")
@click.option(
    "--poll",
    type=click.FloatRange(0, min_open=True),
    is_flag=False,
    flag_value=1.0,
    metavar="[SECONDS]",
    help="Look for changes every so often [1], for network and container file systems.",
)
@click.option(
    "--no-livereload",
    "live",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Add nothing to the pages; reload them by hand.",
)
def serve(
    site: Path,
    config: Path | None,
    port: int,
    host: str,
    browse: bool,
    published: bool,
    poll: float | None,
    live: bool,
) -> None:
    """Show the site in a browser, with drafts, while it is written. Ctrl-C ends it."""
    from digest import serve

    def make() -> Options:
        return make_options(read_settings(site, config), site, drafts=not published, future=not published)

    serve.serve(make, config, terminal.of_preview(), host=host, port=port, poll=poll, live=live, browse=browse)


def read_settings(site: Path, config: Path | None, output: Path | None = None, base_url: str | None = None) -> Config:
    """The settings, as the command line changes them. Raises `SettingsError`."""
    from digest import config as settings

    return settings.load(site, config, {} if base_url is None else {"base_url": base_url}, output)


def _early(site: Path, found: Config, jobs: int | None) -> AbstractContextManager[Early | None]:
    """Another process that loads what sources are parsed with, while this one loads the rest of a first build."""
    if (jobs or _cores()) > 1 and not os.path.exists(_cache(site)):
        from digest.aside import can_fork
        from digest.workers import Early

        def prepare() -> None:
            from digest import work

            work.load_parser(found.markdown)

        if can_fork():
            with suppress(OSError):
                return Early(prepare)
    return nullcontext()


def make_options(
    found: Config,
    site: Path,
    output: Path | None = None,
    *,
    drafts: bool = False,
    future: bool = False,
    as_of: str | None = None,
    jobs: int | None = None,
    force: bool = False,
    strict: bool = False,
) -> Options:
    """What these settings of a site and the command line together ask to be built. Raises `SettingsError`."""
    from zoneinfo import ZoneInfo

    from digest.errors import Diagnostic, SettingsError
    from digest.inputs import Audience, Options

    now = int(time.time())
    if as_of is not None:
        from digest.moments import read_moment

        try:
            now = read_moment(as_of, ZoneInfo(found.timezone)).seconds
        except ValueError as error:
            raise SettingsError([Diagnostic("--as-of", 0, 0, str(error), "write 2024-05-17 or 2024-05-17T11:41")]) from None
    return Options(
        root=site,
        config=found,
        output=output or site / found.output,
        audience=Audience(now, drafts, future),
        cache=_cache(site),
        jobs=jobs or _cores(),
        force=force,
        strict=strict,
    )


def _cache(site: Path) -> Path:
    from digest.config import CACHE

    return site / CACHE / "cache.db"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _write_changed(path: Path, paths: Iterable[str]) -> None:
    from digest.errors import Diagnostic, SettingsError

    try:
        path.write_text("".join(f"{line}\n" for line in sorted(paths)), "utf-8")
    except OSError as error:
        raise SettingsError([Diagnostic(str(path), 0, 0, f"cannot be written: {error.strerror}")]) from None


def _verify(options: Options, quiet: bool) -> None:
    """Compare the output with a clean build; a difference is our fault, and an error."""
    import tempfile

    import msgspec

    from digest import publish
    from digest.build import build
    from digest.errors import Diagnostic, DigestError

    with tempfile.TemporaryDirectory(prefix="digest-verify-") as folder:
        clean = Path(folder, "output")
        build(msgspec.structs.replace(options, output=clean, cache=None, force=True))
        different = publish.differences(options.output, clean)
    if different:
        hint = "please report this; `digest build --force` mends it"
        raise DigestError(
            [Diagnostic(f"{options.output}/{path}", 0, 0, f"{how} in a clean build", hint) for path, how in different]
        )
    if not quiet:
        click.echo("verified: a clean build gives the same files")
