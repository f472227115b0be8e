"""Watching: tells that something changed in a site, once the writing has paused. The only door to watchdog.

An event only ever means "look again": what changed, and what that means, is found by the build. So it is enough that
after any change there is one event, and that folders are watched before they are listed. Events that the system dropped
are made up for: after many of them, as after any change to the folders themselves, all is watched anew. Where an event
says where to look first (`Watcher.sure`), the whole tree is still to be looked at once there is time.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable

from watchdog import events
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from digest import files
from digest.errors import ContentError, Diagnostic
from digest.files import Stat
from digest.ground import Ground, Targets, survey

QUIET = 0.05
"""Seconds without a change after which the writing has paused."""

CLOSED = 0.02
"""The same where all that changed is one file that was written and closed, or put in place, as by an editor's save."""

CALM = 0.25
"""Seconds without a change before such a save; after less, it may be part of something longer."""

LONGEST = 2.0
"""Seconds after a first change at which further ones are waited for no more."""

INTERVAL = 1.0
"""Seconds between two looks, where the system cannot tell of changes."""

MANY = 1000
"""Events after which some may have been dropped: far fewer than fit into the kernel's queue (16,384, inotify(7))."""

HOUR = 3600.0
"""Longest wait in seconds: the clock on the wall may be set meanwhile, or the machine sleep."""

_HEARD: list[type[events.FileSystemEvent]] = [
    events.FileCreatedEvent,
    events.FileModifiedEvent,
    events.FileMovedEvent,
    events.FileDeletedEvent,
    events.FileClosedEvent,  # after writing
    events.DirCreatedEvent,
    events.DirMovedEvent,
    events.DirDeletedEvent,
]
"""What is listened for; reading a file makes none of these."""

_REMEDIES = {
    errno.ENOSPC: ("the system's limit of watched folders is reached", "fs.inotify.max_user_watches=524288"),
    errno.EMFILE: ("the system's limit of watchers is reached", "fs.inotify.max_user_instances=1024"),
}

logging.getLogger("watchdog").setLevel(logging.CRITICAL)  # what it would say, of lost events and folders, is seen to here


class Watcher:
    """Notices changes to its targets. One thread calls `watch` and `wait` in turn; the rest may be used from any."""

    def __init__(self, poll: float | None = None) -> None:
        """Listen to the system's events, or look every `poll` seconds."""
        self.poll = poll
        self.trouble: Diagnostic | None = None
        """Why the system's events are not listened to, though they should be."""
        self.bursts = 0
        """How often something began to change. The count goes up before a change can be seen in any other way."""
        self.closed = False
        self._condition = threading.Condition()
        self._changed: set[str] = set()
        self._first, self._last = 0.0, -HOUR
        self._pause = QUIET
        """Seconds without a change for which to wait after the last one."""
        self._calm = True
        """Whether there was none for a while before the first."""
        self._heard = 0
        """Events since the folders were last surveyed, however slowly they came: when events are lost, many are waiting."""
        self._anew = False
        self._doubtful = False
        self._sure_at = -1
        """The count of bursts up to which that holds."""
        self._targets: Targets | None = None
        self._seen: dict[str, Stat] = {}
        self._ear: _Ear | None = None

    def watch(self, targets: Targets) -> None:
        """See to it that every change from now on is noticed. Cheap when neither the targets nor the folders changed."""
        if targets == self._targets and not self._anew:
            return
        self._targets, self._anew, self._sure_at, self._heard = targets, False, -1, 0
        if self.poll is None:
            self._listen(targets)
        if self.poll is not None:
            self._seen = _snapshot(targets)

    def wait(self, until: float | None = None) -> frozenset[str] | None:
        """Wait for changes and for their pause, and return the paths, absolute.

        None are returned at the moment `until`, in seconds since 1970; None itself after `close`.
        """
        while not self._wait(until):
            if self.poll is not None:
                self._look()
            if until is not None and time.time() >= until:
                return frozenset()
        with self._condition:
            while not self.closed and (left := min(self._last + self._pause, self._first + LONGEST) - time.monotonic()) > 0:
                self._condition.wait(left)
                if self.poll is not None:
                    self._look()
            self._anew |= self._heard >= MANY
            self._sure_at = -1 if self._anew or self._doubtful else self.bursts
            self._doubtful = False
            changed, self._changed = frozenset(self._changed), set()
            return None if self.closed else changed

    @property
    def sure(self) -> bool:
        """Whether nothing else has changed so far than the paths that `wait` returned last.

        That is when these are plain files without links on the way, and no event can have been lost.
        """
        return self.bursts == self._sure_at

    def close(self) -> None:
        """Watch no more, and end a `wait`."""
        with self._condition:
            self.closed = True
            self._condition.notify_all()
        if self._ear:
            self._ear.close()

    def _wait(self, until: float | None) -> bool:
        """Wait until something changed, or it is time to look."""
        with self._condition:
            if not (self._changed or self.closed):
                left = HOUR if until is None else min(max(until - time.time(), 0), HOUR)
                self._condition.wait(left if self.poll is None else min(left, self.poll))
            return bool(self._changed or self.closed)

    def _listen(self, targets: Targets) -> None:
        before = self._ear
        for attempt in range(3):
            try:
                self._ear = _Ear(survey(targets), self._hear)
                break
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ENOTDIR) and attempt < 2:
                    continue  # a folder went away between the survey and its watch
                self._ear = None
                self.poll = INTERVAL
                self.trouble = _explain(error)
                break
        if before:
            before.close()

    def _hear(self, ground: Ground, is_folder: bool, paths: list[str], closed: bool) -> None:
        relevant = list(filter(ground.holds, paths))
        moved = relevant and (is_folder or any(os.path.islink(path) or _is_moved(ground, path) for path in relevant))
        with self._condition:
            self._heard += 1
            if relevant or self._heard == MANY:
                self._anew |= bool(moved)
                self._doubtful |= ground.linked
                self._note(relevant or paths, closed and not is_folder and any(map(_has_text, relevant)))

    def _look(self) -> None:
        assert self._targets is not None
        now = _snapshot(self._targets)
        before, self._seen = self._seen, now
        if changed := {path for path in now.keys() | before.keys() if now.get(path) != before.get(path)}:
            with self._condition:
                self._doubtful = True
                self._note(changed)

    def _note(self, paths: list[str] | set[str], closed: bool = False) -> None:
        now = time.monotonic()
        first, pause = not self._changed, self._pause
        if first:
            self._first, self._calm = now, now - self._last >= CALM
            self.bursts += 1
        self._last = now
        self._changed.update(paths)
        self._pause = CLOSED if closed and self._calm and len(self._changed) == 1 else QUIET
        if first or self._pause < pause:
            self._condition.notify_all()


class _Ear(events.FileSystemEventHandler):
    """Listens to the system's events on some ground. Raises OSError when the system cannot watch all of it."""

    def __init__(self, ground: Ground, hear: Callable[[Ground, bool, list[str], bool], None]) -> None:
        self._ground = ground
        self._hear = hear
        self._open = True
        # A folder that watchdog finds twice, by its event and by listing its parent, is no news.
        warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
        self._observer: BaseObserver = Observer()
        try:
            for tree in sorted(ground.trees):
                self._observer.schedule(self, tree, recursive=True, event_filter=_HEARD)
            self._observer.start()
            # These come last, because watchdog says nothing when watches run out within a tree: now they have for all.
            for place in sorted(ground.places):
                self._observer.schedule(self, place, recursive=False, event_filter=_HEARD)
        except BaseException:
            self._observer.stop()
            raise

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        if self._open:
            paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
            closed = isinstance(event, events.FileClosedEvent) or (bool(event.dest_path) and self._ground.holds(paths[-1]))
            self._hear(self._ground, event.is_directory, paths, closed)

    def close(self) -> None:
        self._open = False
        threading.Thread(target=self._observer.stop, daemon=True).start()  # it may take half a second


def _is_moved(ground: Ground, path: str) -> bool:
    """Whether a step on the way to a target is another now; a plain file, as the settings are, is none."""
    return ground.is_step(path) and not os.path.isfile(path)


def _has_text(path: str) -> bool:
    """Whether a file is there and not empty, as some are at first that are written in several goes."""
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False


def _snapshot(targets: Targets) -> dict[str, Stat]:
    found = {str(file): files.stat(file) for file in targets.files}
    for folder in targets.folders:
        with contextlib.suppress(ContentError):  # the build says so
            found.update((f"{folder}/{path}", stat) for path, stat in files.walk(folder).items())
    return found


def _explain(error: OSError) -> Diagnostic:
    what, setting = _REMEDIES.get(error.errno or 0, (f"folders cannot be watched: {error.strerror or error}", ""))
    hint = f"raise it: sudo sysctl {setting}" if setting else ""
    return Diagnostic("", 0, 0, f"{what}; looking for changes every {INTERVAL:g} s instead", hint, "warning")
