"""The daemon of `run`: APScheduler wakes suppliers, signals stop it, and only real progress feeds the watchdog. No rules here.

The scheduler holds no state: each wake asks the database what is due, so a missed, doubled or late wake does no harm.
"""

import socket
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor as SchedulerPool
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from supplier_agent.agent import DRAIN_SECONDS, Agent
from supplier_agent.alerts import Watch
from supplier_agent.base.process import Stop
from supplier_agent.db.store import LockedError, is_ours
from supplier_agent.maintenance.retention import Retention
from supplier_agent.reports.heartbeat import AGENT, Heartbeat
from supplier_agent.reports.status import counts
from supplier_agent.reports.vitals import AGENT_TROUBLE, STOPPING, WORKERS_HUNG, Trouble
from supplier_agent.runtime.page_process import PageProcess
from supplier_agent.runtime.wiring import Reload, database_troubles
from supplier_agent.tick import plan
from supplier_agent.tick.choose import FULL_LOOK_SECONDS

WATCH_SECONDS = 0.2
"""How often the loop checks whether another program wrote to the database; a mark is noticed within this time."""
FEED_SECONDS = 10.0
JUMP_SECONDS = 5.0
"""If wall time and monotonic time diverge by more than this, the clock was set."""
FAULT_SECONDS = 1.0
HUNG_SECONDS = 30.0
"""A worker this far beyond its deadline is stuck, and the watchdog is no longer fed."""
LAST_SECONDS = 2.0
"""How long a stop waits for the thread that sends alerts. After the next start it does its work again."""


def notify(env: Mapping[str, str], message: str) -> None:
    """Send a message to systemd (sd_notify(3)); without systemd, do nothing."""
    address = env.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.sendto(message.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            return


def make_scheduler(agent: Agent) -> BackgroundScheduler:
    """Return a scheduler that wakes each supplier at once, and then whenever its next read is due.

    A late wake is never skipped (the default drops it after one second); wakes neither queue up nor overlap.
    """
    scheduler = BackgroundScheduler(
        timezone="UTC",
        executors={"default": SchedulerPool(1)},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    _wake_all(scheduler, agent)
    return scheduler


def _wake_all(scheduler: BackgroundScheduler, agent: Agent) -> None:
    for name in set(agent.accounts) - {job.id for job in scheduler.get_jobs()}:
        trigger = IntervalTrigger(seconds=FULL_LOOK_SECONDS, jitter=1, timezone="UTC")
        scheduler.add_job(_wake, trigger, args=(agent, name), id=name, next_run_time=agent.ctx.clock.now())


def _wake(agent: Agent, name: str) -> None:
    agent.ctx.inbox.put(lambda: agent.ctx.look_again(name))


class Daemon:
    """Runs one agent until it is asked to stop."""

    def __init__(
        self,
        agent: Agent,
        env: Mapping[str, str],
        stop: Stop,
        ping: Callable[[str | None], None],
        reload: Reload | None = None,
        heartbeat: Heartbeat | None = None,
        page: PageProcess | None = None,
    ) -> None:
        # `ping` pings the heartbeat URL of one supplier, which was read, or (None) the common URL: all were read.
        self._agent, self._env, self._stop, self._ping = agent, env, stop, ping
        # `page`: None if no page is served, as in tests.
        self._scheduler, self._reload, self._page = make_scheduler(agent), reload, page
        self._retention = Retention(
            agent.ctx.store, agent.ctx.labels, agent.ctx.clock, agent.ctx.log, lambda: agent.ctx.settings
        )
        self._wall, self._monotonic = agent.ctx.clock.now(), agent.ctx.clock.monotonic()
        self._heartbeat = heartbeat or Heartbeat(agent.ctx.settings.state_dir / AGENT, agent.ctx.clock, "run")
        self._fed_at = 0.0
        self._locked: LockedError | None = None  # a chore outside the loop met a locked database
        self._wakes: dict[str, datetime] = {}

    def run(self) -> int:
        """Run until SIGTERM or SIGINT, then finish requests in flight. Return the exit code."""
        agent = self._agent
        agent.start()
        if self._reload is not None:
            self._reload.start()
        watch = Watch(lambda: agent.ctx.settings, agent.ctx.clock, agent.ctx.log, self._heartbeat.keep).start()
        self._scheduler.start()
        if self._page is not None:
            self._page.start()
        notify(self._env, "READY=1")
        agent.ctx.log.info(
            "agent.started", suppliers=", ".join(agent.accounts), state=str(agent.ctx.settings.state_dir)
        )
        try:
            while not self._stop.event.is_set():
                wait = self._turn()
                self._after_turn()
                agent.ctx.inbox.wait(min(wait, WATCH_SECONDS))
        finally:
            notify(self._env, "STOPPING=1")
            if self._page is not None:
                self._page.ask_to_stop()  # it ends while the loop finishes requests in flight
            self._scheduler.shutdown(wait=False)
            watch.stop()
        agent.drain(DRAIN_SECONDS, WATCH_SECONDS, lambda: self._heartbeat.beat(STOPPING))
        if self._page is not None:
            self._page.close()
        watch.close(LAST_SECONDS)
        agent.ctx.log.info("agent.stopped")
        return 0

    def _after_turn(self) -> None:
        self._contained(self._show)
        self._locked = None
        self._contained(self._mind_the_clock)
        if self._agent.database_problem is None:  # else each step would wait for the lock, and so would a stop
            self._contained(self._mind_the_configuration)
            self._contained(self._retention.step)
        for chore in (self._tell_who_was_read, self._feed, self._reschedule):
            self._contained(chore)

    def _turn(self) -> float:
        """Run one turn of the loop. An internal error that escapes it is logged and does not end the daemon."""
        try:
            return self._agent.turn()
        except Exception as error:
            if not is_ours(error):
                raise
            self._agent.ctx.log.fault("internal.error", "turn", error)
            return FAULT_SECONDS

    def _contained(self, chore: Callable[[], object]) -> None:
        """Run a chore outside the loop. An error in it is logged once and does not end the loop."""
        try:
            chore()
        except LockedError as error:  # the next turn tries it again
            self._agent.ctx.log.problem("database", error.what)
            self._locked = error
        except Exception as error:  # noqa: BLE001 - see above
            self._agent.ctx.log.fault("internal.error", chore.__name__, error)

    def _tell_who_was_read(self) -> None:
        agent = self._agent
        if agent.ctx.all_were_read() and agent.ctx.workers.apart("", lambda: self._ping(None)):
            agent.ctx.read_since_ping.clear()
        agent.ctx.read_lately = {
            name for name in agent.ctx.read_lately if not agent.ctx.workers.apart(name, partial(self._ping, name))
        }

    def _feed(self) -> None:
        """Feed the watchdog while the loop makes progress."""
        now = self._agent.ctx.clock.monotonic()
        if now - self._fed_at >= FEED_SECONDS and not self._hung():
            self._fed_at = now
            notify(self._env, f"WATCHDOG=1\nSTATUS={self._status()}")

    def _show(self) -> None:
        """Touch the heartbeat and write present problems into it, so they are visible even if the database cannot be written."""
        troubles = database_troubles(self._agent.database_problem or self._locked)
        if self._hung():
            cure = "systemctl restart supplier-agent, and keep its log"
            troubles.append(Trouble(WORKERS_HUNG, "a request hangs far beyond its deadline", cure))
        if self._reload is not None and self._reload.refused is not None:
            troubles.append(self._reload.refused)
        cure = "see internal.error in the agent's log"
        troubles += [Trouble(AGENT_TROUBLE, what, cure) for what in self._agent.ctx.contained.values()]
        self._heartbeat.keep("loop", troubles)
        self._heartbeat.beat()

    def _mind_the_configuration(self) -> None:
        """Adopt a new configuration after SIGHUP, also in the scheduler and the page's process."""
        reload = self._reload
        if reload is None:
            return
        if reload.is_asked and not reload.is_under_way:
            notify(self._env, f"RELOADING=1\nMONOTONIC_USEC={self._agent.ctx.clock.monotonic() * 1e6:.0f}")
            if not reload.begin():
                notify(self._env, "READY=1\nSTATUS=the new configuration was refused; still using the previous one")
        if reload.is_under_way and reload.finish():
            self._follow()
            notify(self._env, "READY=1")

    def _follow(self) -> None:
        """Update the scheduler and the page's process to the new configuration."""
        for name in {job.id for job in self._scheduler.get_jobs()} - set(self._agent.accounts):
            self._scheduler.remove_job(name)
        _wake_all(self._scheduler, self._agent)
        self._wakes.clear()
        if self._page is not None:
            self._page.follow(self._agent.ctx.settings)

    def _mind_the_clock(self) -> None:
        """If the clock was set, check everything again and wake the scheduler."""
        wall, monotonic = self._agent.ctx.clock.now(), self._agent.ctx.clock.monotonic()
        jumped = abs((wall - self._wall).total_seconds() - (monotonic - self._monotonic)) > JUMP_SECONDS
        self._wall, self._monotonic = wall, monotonic
        if jumped:
            self._agent.ctx.log.warning("clock.jumped", now=wall.isoformat(timespec="seconds"))
            self._agent.ctx.inbox.put(partial(plan.clock_changed, self._agent.ctx))
            for name in self._agent.accounts:
                self._scheduler.modify_job(name, next_run_time=wall)

    def _reschedule(self) -> None:
        """Set the scheduler to wake each supplier when its next read is due."""
        now = self._agent.ctx.clock.now()
        latest = now + timedelta(seconds=FULL_LOOK_SECONDS)
        for name, account in self._agent.accounts.items():
            at = account.next_read.at if account.next_read is not None else None
            if at is not None and self._wakes.get(name) != at and at > now:
                self._wakes[name] = at
                self._scheduler.modify_job(name, next_run_time=min(at, latest))

    def _hung(self) -> bool:
        limit = self._agent.ctx.settings.http.timeout_seconds * 4 + HUNG_SECONDS
        now = self._agent.ctx.clock.monotonic()
        return any(
            now - flight.started > limit for account in self._agent.accounts.values() for flight in account.in_flight
        )

    def _status(self) -> str:
        if "NOTIFY_SOCKET" not in self._env:
            return ""
        if self._agent.database_problem is not None:
            return self._agent.database_problem.what
        total: dict[str, int] = {}
        try:
            with self._agent.ctx.store.read() as tx:
                for name in self._agent.accounts:
                    for stage, number in counts(tx, name).items():
                        total[stage] = total.get(stage, 0) + number
        except LockedError as error:  # the loop waits for the lock; show that
            return error.what
        except Exception as error:  # noqa: BLE001 - an error in a status line must not stop feeding the watchdog
            self._agent.ctx.log.fault("internal.error", "status line", error)
            return "the state cannot be counted"
        return (
            ", ".join(
                f"{total[stage]} {stage}" for stage in ("new", "ready", "flagged", "attention") if total.get(stage)
            )
            or "nothing open"
        )
