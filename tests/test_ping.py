"""Telling a hub what changed: against real servers on this machine's own address."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs

import pytest
from sites import write

from digest.errors import DigestError, SettingsError
from digest.ping import announce, feeds_among, ping

FEED = "https://example.org/news/feed.xml"


class Hub(HTTPServer):
    """A hub that gives these answers in turn, the last one for ever, and keeps what it was sent."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.answers = list(answers)
        self.forms: list[dict[str, list[str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hub"

    @property
    def told(self) -> list[str]:
        return [form["hub.url"][0] for form in self.forms]


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        hub = self.server
        assert isinstance(hub, Hub)
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        hub.forms.append(parse_qs(form, strict_parsing=True))
        status, text = hub.answers.pop(0) if len(hub.answers) > 1 else hub.answers[0]
        self.send_response(status)
        if status == 301:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to this machine go to this machine."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@contextmanager
def running(*answers: tuple[int, str]) -> Iterator[Hub]:
    with Hub(*answers) as hub:
        thread = Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


def nobody() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/hub"


def test_a_hub_is_told_of_each_feed() -> None:
    """Each feed's address is posted as a form with `hub.mode=publish`, once, and without a pause."""
    pauses: list[float] = []
    with running((204, "")) as hub:
        assert ping(hub.url, [FEED, f"{FEED}?a=1&b=é"], pause=pauses.append) == {}
    assert hub.forms == [
        {"hub.mode": ["publish"], "hub.url": [FEED]},
        {"hub.mode": ["publish"], "hub.url": [f"{FEED}?a=1&b=é"]},
    ]
    assert pauses == []


def test_a_hub_that_fails_twice_is_asked_again() -> None:
    """A hub that has a bad moment gets another try after a pause, and a longer one after that."""
    pauses: list[float] = []
    with running((503, ""), (429, ""), (202, "")) as hub:
        assert ping(hub.url, [FEED], pause=pauses.append) == {}
    assert hub.told == [FEED] * 3
    assert pauses == [2, 4]


def test_only_what_failed_is_sent_again() -> None:
    """A feed that the hub has taken is not sent twice because another one failed."""
    with running((204, ""), (500, ""), (204, "")) as hub:
        assert ping(hub.url, ["https://a.example/feed.xml", "https://b.example/feed.xml"], pause=lambda _: None) == {}
    assert hub.told == ["https://a.example/feed.xml", "https://b.example/feed.xml", "https://b.example/feed.xml"]


def test_a_hub_that_stays_ill_is_given_up() -> None:
    """After its last try a feed is given up, with what the hub said of it last."""
    pauses: list[float] = []
    with running((500, "")) as hub:
        assert ping(hub.url, [FEED], tries=3, pause=pauses.append) == {FEED: "answered 500 Internal Server Error"}
    assert len(hub.forms) == 3
    assert pauses == [2, 4]


def test_a_refusal_is_final() -> None:
    """A hub that says no is not asked again; what it says is told on one line, without what could upset a terminal."""
    with running((400, "unknown\n topic\x1b[31m"), (204, "")) as hub:
        failed = ping(hub.url, [FEED, "https://b.example/feed.xml"], pause=lambda _: pytest.fail("a pause"))
    assert failed == {FEED: "answered 400 Bad Request: unknown topic[31m"}
    assert len(hub.forms) == 2


def test_a_redirection_is_no_yes() -> None:
    """A hub that has moved is told of as such: following it would drop the form and take any page for a yes."""
    with running((301, "")) as hub:
        assert ping(hub.url, [FEED], pause=lambda _: None) == {FEED: "answered 301 Moved Permanently"}


def test_a_hub_that_is_down_is_not_tried_for_every_feed() -> None:
    """Where nobody answers, all feeds fail with the reason after a few tries, and not after as many for each."""
    pauses: list[float] = []
    failed = ping(nobody(), [FEED, "https://b.example/feed.xml"], tries=3, pause=pauses.append)
    assert list(failed) == [FEED, "https://b.example/feed.xml"]
    assert all(reason.startswith("cannot be reached: ") and "refused" in reason for reason in failed.values())
    assert pauses == [2, 4]


def test_a_server_that_is_no_hub() -> None:
    """A server that speaks something else than HTTP is a hub that cannot be reached, not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail.example\r\n\r\n")

        thread = Thread(target=answer)
        thread.start()
        failed = ping(f"http://127.0.0.1:{server.getsockname()[1]}/", [FEED], tries=1)
        thread.join()
    assert failed[FEED].startswith("cannot be reached: ")


def test_a_name_that_no_host_can_have() -> None:
    """A hub whose name cannot even be looked up is one that cannot be reached, not a traceback."""
    assert ping("http://a..b/", [FEED], tries=1)[FEED].startswith("cannot be reached: ")


def test_feeds_are_picked_out_of_a_list() -> None:
    """Of the paths that a build wrote, the feeds are kept, in their order; pages, data and media are not feeds."""
    paths = ["editions.xml", "feed.xml", "index.html", "media/feed.xml", "tickers/index.json", "tickers/tsla/feed.json"]
    assert feeds_among([*paths, "tags/été/atom.xml", "sitemap.xml"]) == [
        "editions.xml", "feed.xml", "tickers/tsla/feed.json", "tags/été/atom.xml",
    ]  # fmt: skip


SETTINGS = 'base_url = "https://example.org/news/"\n[feeds]\nhub = "{hub}"\n'


def settle(folder: Path, settings: str, changed: str = "feed.xml\nindex.html\ntags/été/feed.xml\n") -> Path:
    """A site with these settings; the list of what changed in it."""
    write(folder, {"digest.toml": settings, "changed": changed})
    return folder / "changed"


def test_announcing_what_a_build_changed(tmp_path: Path) -> None:
    """The hub in the settings is told the feeds' public addresses, as the feeds themselves say them."""
    with running((204, "")) as hub:
        changed = settle(tmp_path, SETTINGS.format(hub=hub.url + "/né"))
        assert announce(tmp_path, None, changed) == f"told {hub.url}/n%C3%A9 of 2 feeds"
        assert hub.told == [FEED, "https://example.org/news/tags/%C3%A9t%C3%A9/feed.xml"]
        announce(tmp_path, None, changed, {"base_url": "https://other.example/"})
    assert hub.told[2] == "https://other.example/feed.xml"


def test_nothing_to_announce(tmp_path: Path) -> None:
    """Where no feed has changed, nobody is asked anything."""
    changed = settle(tmp_path, SETTINGS.format(hub=nobody()), "index.html\n")
    assert announce(tmp_path, None, changed) == "no feed has changed"


def test_a_failure_names_feed_hub_and_reason(tmp_path: Path) -> None:
    """A feed that the hub did not take is an error of status 1 that says what happened and that no harm was done."""
    with running((403, "not yours")) as hub:
        changed = settle(tmp_path, SETTINGS.format(hub=hub.url), "feed.xml\n")
        with pytest.raises(DigestError) as caught:
            announce(tmp_path, None, changed)
    assert caught.value.code == 1
    hint = "the feeds are published: this only delays those who wait for the hub; run the command again"
    assert str(caught.value) == f"{FEED}: error: the hub {hub.url} answered 403 Forbidden: not yours ({hint})"


def test_a_hub_that_is_down_fails_the_command(tmp_path: Path) -> None:
    """A hub that is down gets its tries, with pauses that grow, and then the command fails with one error for each feed."""
    pauses: list[float] = []
    changed = settle(tmp_path, SETTINGS.format(hub=nobody()))
    with pytest.raises(DigestError) as caught:
        announce(tmp_path, None, changed, pause=pauses.append)
    assert [problem.path for problem in caught.value.diagnostics] == [
        FEED,
        "https://example.org/news/tags/%C3%A9t%C3%A9/feed.xml",
    ]
    assert pauses == [2, 4, 8]


@pytest.mark.parametrize(
    ("settings", "changed", "message"),
    [
        (
            'base_url = "https://example.org/"\n',
            "feed.xml\n",
            'error: there is no hub to tell (write hub = "https://…" under [feeds] in the settings)',
        ),
        (
            '[feeds]\nhub = "https://hub.example/"\n',
            "feed.xml\n",
            'error: a hub needs the address at which the feeds are published (write base_url = "https://…" in the settings)',
        ),
        (
            SETTINGS.format(hub="http://["),
            "feed.xml\n",
            "digest.toml:3:1: error: 'http://[' is not a web address (write https://hub.example/ or so)",
        ),
    ],
)
def test_settings_that_cannot_work(tmp_path: Path, settings: str, changed: str, message: str) -> None:
    """Without a hub, or without an address to name to it, the command ends with status 2 and says what to write."""
    with pytest.raises(SettingsError) as caught:
        announce(tmp_path, None, settle(tmp_path, settings, changed))
    assert (caught.value.code, str(caught.value)) == (2, message)


def test_a_list_that_cannot_be_read(tmp_path: Path) -> None:
    """A list that is not there, or is no text, is the command's wrong use."""
    settle(tmp_path, SETTINGS.format(hub="https://hub.example/"))
    with pytest.raises(SettingsError, match="gone: error: cannot be read: no such file or directory"):
        announce(tmp_path, None, tmp_path / "gone")
    (tmp_path / "changed").write_bytes(b"\xff\n")
    with pytest.raises(SettingsError, match="cannot be read: it is not UTF-8"):
        announce(tmp_path, None, tmp_path / "changed")
