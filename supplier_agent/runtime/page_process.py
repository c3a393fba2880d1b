"""Supervises the page's process: starts it, watches it, restarts it, updates it on a reload, and ends it.

A bulkhead: whatever browsers, scrapers or strangers do to that process, the loop in this one continues. The child gets its
settings, without secrets, through a pipe, and only the environment variables below. When the agent dies for any reason, the pipe
closes and the child ends.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from supplier_agent.base.clock import Clock
from supplier_agent.base.log import Log
from supplier_agent.calls import CALLS
from supplier_agent.db import state_folder
from supplier_agent.reports.heartbeat import PAGE, Heartbeat, read, tell
from supplier_agent.reports.vitals import PAGE as NOT_LISTENING
from supplier_agent.reports.vitals import STARTING, STILL_SECONDS, Pulse, Trouble
from supplier_agent.settings import Settings
from supplier_agent.settings.dump import SUPERVISED, without_secrets
from supplier_agent.settings.model import NETWORK_VARIABLES

COMMAND: Sequence[str] = (sys.executable, "-P", "-m", "supplier_agent.web.process")
"""-P: never import a module of that name from the current folder."""
KEPT = {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TERM", "NO_COLOR", "JOURNAL_STREAM", *NETWORK_VARIABLES}
"""What the child needs for programs, language, logging and printers. None of these variables holds a token."""
LOOK_SECONDS = 0.5
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
ELSEWHERE_SECONDS = 10.0
"""How often to check whether another process still serves the page."""
MOST_BEATS = 4096
GRACE_SECONDS = 8.0
"""How long a child may take to end after it was asked to; then it is killed."""


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables for the page's process."""
    kept = {name: value for name, value in env.items() if name in KEPT or name.startswith("LC_")}
    return kept | {"PYTHONPATH": os.pathsep.join(str(Path(each).absolute()) for each in sys.path if each)}


def next_wait(before: float, lived: float) -> float:
    """Return the seconds until the child is restarted: doubled each time, unless the last child ran for LONGEST_WAIT_SECONDS."""
    if lived >= LONGEST_WAIT_SECONDS:
        return FIRST_WAIT_SECONDS
    return min(LONGEST_WAIT_SECONDS, max(FIRST_WAIT_SECONDS, before * 2))


def for_the_page(settings: Settings) -> str:
    """Return the settings for the page's process; "" if it has nothing to serve."""
    return without_secrets(settings, CALLS.rules(settings)) if settings.listen else ""


class PageProcess:
    """Keeps the child running from `start` to `close`, in a separate thread, so the loop never waits for it."""

    def __init__(
        self,
        settings: Settings,
        env: Mapping[str, str],
        clock: Clock,
        log: Log,
        stderr: int | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        # `stderr`: where the child's log goes; None: to our stderr.
        self._folder, self._handed = settings.state_dir, for_the_page(settings)
        self._env, self._clock, self._log = environment(env), clock, log
        self._stderr, self._command = stderr, command
        self._wake, self._stopping = threading.Event(), False
        self._thread = threading.Thread(target=self._keep, name="page", daemon=True)

    def start(self) -> Self:
        """Start the child, now or as soon as a page is configured."""
        self._thread.start()
        return self

    def follow(self, settings: Settings) -> None:
        """Update the child to a new configuration; it is restarted only if its settings changed."""
        self._handed = for_the_page(settings)
        self._wake.set()

    def ask_to_stop(self) -> None:
        """Ask the child to end; `close` waits for that."""
        self._stopping = True
        self._wake.set()

    def close(self) -> None:
        """Wait until the child has ended, for a bounded time."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(GRACE_SECONDS + 5.0)

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        wait = 0.0
        while not self._stopping:
            handed = self._handed
            if not handed:
                self._log.solved("page")
                self._pause(handed, None)
            elif state_folder.is_held(self._folder / state_folder.PAGE_LOCK):
                self._log.problem("page", "another process serves the page (page.lock)")
                self._pause(handed, ELSEWHERE_SECONDS)
            else:
                began = self._clock.monotonic()
                fault = self._serve(handed)
                lived = self._clock.monotonic() - began
                wait = 0.0 if fault is None else next_wait(wait, lived)
                if fault is not None:
                    self._say(f"the page's process {fault}; it is started again in {wait:g} s", handed, wait)
                self._leave_word(handed)

    def _pause(self, handed: str, seconds: float | None, beat: Heartbeat | None = None) -> None:
        """Wait `seconds` (None: without limit), or until the configuration changes or a stop is asked for."""
        until = None if seconds is None else self._clock.monotonic() + seconds
        while not self._stopping and self._handed == handed:
            left = None if until is None else until - self._clock.monotonic()
            if left is not None and left <= 0:
                return
            if beat is not None:
                beat.beat()
            self._wake.wait(None if left is None else min(left, LOOK_SECONDS))
            self._wake.clear()

    def _serve(self, handed: str) -> str | None:
        """Run one child to its end. Return what went wrong, or None if we ended it."""
        try:
            child = subprocess.Popen(  # noqa: S603 - our own interpreter
                [*self._command, SUPERVISED],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=self._env,
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal reaches only us: we end the child in an orderly way
            )
        except OSError as error:
            return f"could not be started ({error.strerror})"
        assert child.stdin is not None  # noqa: S101 - asked for above
        assert child.stdout is not None  # noqa: S101 - the same
        os.set_blocking(child.stdout.fileno(), False)
        with child.stdin, child.stdout:
            try:
                child.stdin.write(handed.encode() + b"\n")
                child.stdin.flush()
            except OSError:
                pass  # it died at once: reported below
            return self._watch(child, handed)

    def _watch(self, child: "subprocess.Popen[bytes]", handed: str) -> str | None:
        said: Pulse | None = None
        seen = self._clock.monotonic()  # time of the last sign of life, by the monotonic clock
        assert child.stdout is not None  # noqa: S101 - asked for in _serve
        while child.poll() is None:
            if self._stopping or self._handed != handed:
                self._end(child)
                return None
            if child.stdout.read(MOST_BEATS):
                seen = self._clock.monotonic()
            shown = read(self._folder / PAGE, self._clock)
            if shown is not None and shown.pid == child.pid:
                tell(self._log, shown.troubles, shown.serves, said.serves if said is not None else {})
                said = shown
            if self._clock.monotonic() - seen > STILL_SECONDS:
                child.kill()
                child.wait()
                return f"gave no sign for {STILL_SECONDS:g} s and was ended"
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
        return None if self._stopping else f"ended unexpectedly (code {child.returncode})"

    def _say(self, what: str, handed: str, wait: float) -> None:
        """Write what happened to the child into its heartbeat file, until the next child writes its own state."""
        self._log.problem("page", what)
        beat = self._heartbeat()
        beat.keep("page", [Trouble(NOT_LISTENING, what, "see the agent's log; orders are not affected")])
        self._pause(handed, wait, beat)

    def _leave_word(self, handed: str) -> None:
        """Write into the heartbeat file whether another child will be started."""
        if self._stopping or not self._handed:
            self._heartbeat().end()
        elif self._handed != handed:
            self._heartbeat().beat(STARTING)

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(
            self._folder / PAGE, self._clock, "page"
        )  # not cached: the child has written to the file meanwhile

    def _end(self, child: "subprocess.Popen[bytes]") -> None:
        child.terminate()
        try:
            child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
