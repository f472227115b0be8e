"""The preview: how long from a save to the new page, what a start takes, and what an idle server costs.

Measured on the real command. What is visible is measured in Chromium, where that and Playwright are installed.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from . import corpus
from .sites import PEERS

CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 60
IDLE = 5.0
"""Seconds for which an idle server is watched."""
SETTLED = 2.0
"""Seconds after the last save until when a server has put its things in order."""


class Figures(NamedTuple):
    """What a preview of one size showed. Times in seconds, medians."""

    size: int
    first_start: float
    """From the command to the address, with nothing built before."""
    start: float
    """The same with everything built."""
    served: float
    """From a save to the new page over HTTP, asked for when the event stream tells of it."""
    visible: float | None
    """From a save to the new text in a browser's page; None without a browser."""
    memory: int
    """Bytes: the server's most."""
    idle: float
    """Processor time that a second of doing nothing takes, in seconds."""


def measure(folder: Path, size: int, runs: int = 20) -> Figures:
    """Preview a corpus in `folder`, which must not exist yet; edit its second newest article `runs` times for each figure."""
    shutil.copytree(PEERS / "digest", folder)
    corpus.write(folder / "content", size, corpus.with_yaml)
    with _server(folder) as (first_start, port, _):
        pass
    with _server(folder, port) as (start, port, process):  # at another port all addresses would be others
        article = corpus.article(size - 2, size)
        file, path = folder / "content" / article.path, f"/{article.date:%Y/%m/%d}/{article.slug}/"
        texts = iter(range(sys.maxsize))

        def save() -> str:
            mark = f"Saved-{next(texts)}-times."
            file.write_text(corpus.with_yaml(article._replace(body=f"{article.body}\n{mark}\n")), "utf-8", newline="\n")
            return mark

        served = median(_served(port, path, save, runs + 1)[1:])
        seen = _visible(port, path, save, runs + 1)
        time.sleep(SETTLED)
        before = _processor_time(process.pid)
        time.sleep(IDLE)
        idle = (_processor_time(process.pid) - before) / IDLE
        memory = _most_memory(process.pid)
    return Figures(size, first_start, start, served, median(seen[1:]) if seen else None, memory, idle)


@contextlib.contextmanager
def _server(folder: Path, port: int = 0) -> Iterator[tuple[float, int, subprocess.Popen[str]]]:
    """A running preview: the time that it took to answer, its port, its process."""
    os.sync()
    begin = time.perf_counter()
    command = [sys.executable, "-m", "digest", "serve", "-s", str(folder), "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}) as process:
        try:
            assert process.stdout
            found = next(filter(None, (re.search(r"http://127\.0\.0\.1:(\d+)/", line) for line in process.stdout)))
            taken = time.perf_counter() - begin
            threading.Thread(target=process.stdout.read, daemon=True).start()  # what it says must not fill the pipe
            yield taken, int(found[1]), process
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _served(port: int, path: str, save: Callable[[], str], runs: int) -> list[float]:
    stream = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    stream.request("GET", f"/.digest/events?page={path}")
    found = []
    with contextlib.closing(stream), stream.getresponse() as events:
        _next_event(events)
        for _ in range(runs):
            begin = time.perf_counter()
            mark = save().encode()
            while True:
                _next_event(events)
                pages = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
                pages.request("GET", path)
                with contextlib.closing(pages), pages.getresponse() as page:
                    if mark in page.read():
                        break
            found.append(time.perf_counter() - begin)
            time.sleep(0.3)  # editors pause
    return found


def _next_event(events: http.client.HTTPResponse) -> None:
    while not events.readline().startswith(b"data:"):
        pass


def _visible(port: int, path: str, save: Callable[[], str], runs: int) -> list[float]:
    if not (Path(CHROMIUM).is_file() and importlib.util.find_spec("playwright")):
        return []
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        shown: dict[str, float] = {}
        page.expose_function("digestShown", lambda mark: shown.setdefault(mark, time.perf_counter()))
        # The page itself says when the text is painted: the second frame after it was there.
        page.add_init_script(
            "const look = () => requestAnimationFrame(() => requestAnimationFrame(() => "
            "digestShown((document.body.innerText.match(/Saved-\\d+-times\\./g) || ['']).pop())));"
            "addEventListener('DOMContentLoaded', () => { look();"
            " new MutationObserver(look).observe(document.documentElement, { childList: true }) })"
        )
        page.goto(f"http://127.0.0.1:{port}{path}")
        for _ in range(runs):
            page.wait_for_timeout(300)
            begin = time.perf_counter()
            mark = save()
            while mark not in shown:
                page.wait_for_timeout(1)
            found.append(shown[mark] - begin)
        browser.close()
    return found


def _processor_time(process: int) -> float:
    """Seconds of processor time that a process has used; only Linux tells."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _most_memory(process: int) -> int:
    """The most bytes that a process has held; only Linux tells."""
    try:
        status: Any = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{process}/status").read_text("utf-8"))
    except OSError:
        return 0
    return int(status[1]) * 1024
