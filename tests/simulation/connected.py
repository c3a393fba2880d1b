"""Days with all integrations on: webhooks, the support API with its gate, a shop with its own staff, and bad weather at each.

The seed chooses the platform, the gate and the shop's habits. In a third of the lives everything goes well but with the other
sides (`is_calm`): there, nothing that they do may delay an acknowledgement or a report.
"""

import json
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from supplier_agent.db.store import open_store
from supplier_agent.integrations.webhooks import deliveries
from supplier_agent.marketplace.wire import Answer
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Fault
from supplier_agent.sandbox.shops import ShopSemantics
from supplier_agent.sandbox.support import CASES, PICTURE, PRODUCT, SALE
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from tests.simulation.life import Days
from tests.simulation.weather import DAY, Weather
from tests.world.books import Books
from tests.world.connected_rules import ALWAYS, AT_REST, broken, nothing_waits_for_the_others
from tests.world.connections import SHOPS, AboutSale, Others, connect, keys_of_supplier, webhooks
from tests.world.harness import settings_for
from tests.world.mortal import Heard, Spell

WEBHOOK = "webhook"
ASKED = (SALE, PRODUCT, CASES, PICTURE)
WORDS = ("cancelled", "refunded", "holded", "processing", "complete", "pending_payment")
DEATH_SECONDS = 60.0
"""What was answered within so long before a death may not have been stored."""
SLOW_SECONDS = 1.0
TURNS_OF_A_MARK = 6
"""What a shop answers has become a mark, or not, after so many turns."""
STILL_AT_WORK_SECONDS = (5.0, 300.0)
MOST_LATE = "lost, and made minutes later"


def kinds(platform: str) -> dict[str, tuple[tuple[str, ...], Callable[[], Fault | None]]]:
    """Return the weather at the other sides, as in weather.py."""
    everywhere = (WEBHOOK, platform, *ASKED)
    writes = (WEBHOOK, platform)
    return {
        "cannot be reached": (everywhere, lambda: None),
        "lost before its effect": (everywhere, lambda: faults.close(applied=False)),
        "lost after its effect": (everywhere, lambda: faults.close(applied=True)),
        "half an answer": (everywhere, lambda: faults.half_body(applied=True)),
        "hangs": (everywhere, lambda: faults.hang(applied=True)),
        "late": (everywhere, lambda: faults.late(6)),
        "no HTTP": (everywhere, lambda: faults.garbage(applied=True)),
        "500": (everywhere, lambda: faults.status(500)),
        "502 after its effect": (writes, lambda: faults.status(502, applied=True)),
        "503, come back": (everywhere, lambda: faults.status(503, headers=(("Retry-After", "90"),))),
        "429": (everywhere, lambda: faults.status(429)),
        "429, come back": (everywhere, lambda: faults.status(429, headers=(("Retry-After", "700"),))),
        "401": (everywhere, lambda: faults.status(401)),
        "403": (everywhere, lambda: faults.status(403)),
        "404": ((WEBHOOK, platform), lambda: faults.status(404)),
        "410": ((WEBHOOK,), lambda: faults.status(410)),
        "400": (writes, lambda: faults.status(400, body=b'{"message": "no"}')),
        "moved": (everywhere, lambda: faults.redirect("https://elsewhere.example/")),
        # Not from the webhook: any 2xx means that the event has arrived, also that of a proxy (Standard Webhooks).
        "a web page": ((platform, *ASKED), faults.html),
        "a web page after its effect": ((platform,), lambda: faults.html(applied=True)),
        "null": ((platform, *ASKED), lambda: faults.says(None, applied=True)),
        "a list": ((platform, *ASKED), lambda: faults.says([7], applied=True)),
        f"{MOST_LATE}": ((platform,), lambda: faults.close(applied=False)),
    }


class ConnectedDays(Days):
    """A life with everything that may happen in it, and with all integrations."""

    def __init__(self, seed: int, folder: Path, schedule: dict[str, Any]) -> None:
        self.luck = luck = random.Random(f"{seed}, connected")  # apart, so that the other dice fall as without
        self.platform = SHOPS[seed % len(SHOPS)]
        self.is_calm = luck.random() < 1 / 3
        self.is_strict = not self.is_calm and luck.random() < 0.5
        self._semantics = ShopSemantics(
            search=luck.choice(("usual", "usual", "nothing", "everything")),
            totals=luck.choice((True, True, False)),
            clock_ahead_seconds=luck.choice((0.0, 0.0, -40.0, 100.0)),
        )
        self._absences: dict[str, float] = {}  # which side is away, and until when
        self._looks = 0
        super().__init__(seed, folder, schedule)

    def settings(self, folder: Path, world: World, supplier: str, schedule: dict[str, Any]) -> Settings:
        """Return settings with all integrations on."""
        self._others: Others | None = None
        base_url = settings_for(folder, supplier).base_url
        receiver_comes_later: Any = None
        self._others = connect(
            world, receiver_comes_later, self.platform, is_strict=self.is_strict, semantics=self._semantics
        )
        support = {
            "when_unreachable": "hold" if self.is_strict else "warn",
            "wait_seconds": self.luck.choice((0, 5, 30)),
        }
        own = keys_of_supplier(folder / "secrets", base_url, world, self.platform, **support)
        own["shop"]["read_back_seconds"] = 7200
        return Settings(
            state_dir=folder / "state",
            schedule=schedule,
            suppliers={supplier: {"token": world.tokens[supplier], **own}},
            webhooks=webhooks(base_url),
            keep={"webhooks_days": self.luck.choice((4, 14))},
        )

    @property
    def others(self) -> Others:
        """The books of the other sides."""
        assert self._others is not None
        return self._others

    def start(self) -> None:
        """Start an agent; at the first time, listen to what the other sides answer."""
        self.others.receiver = self.site.api.receiver
        if not hasattr(self, "clouds"):
            self.clouds = Weather(self.luck, self.clock.monotonic, kinds(self.platform))
            self.site.heard = self._heard
        super().start()

    # -- what passes between them ---------------------------------------------------------------------------------

    def sky(self, endpoint: str) -> Spell:
        """Return what a request meets: the marketplace has its own weather."""
        if endpoint not in {WEBHOOK, self.platform, *ASKED}:
            return Spell() if self.is_calm else super().sky(endpoint)
        if self.clock.monotonic() < self._absences.get(endpoint, 0.0):
            return Spell(not_sent=True)
        spell, met = self.clouds.over(endpoint), self.clouds.last
        works_on = self.luck.uniform(*STILL_AT_WORK_SECONDS) if met == MOST_LATE else None
        return Spell(spell.not_sent, spell.fault, works_on)

    def _heard(self, heard: Heard) -> None:
        now = self.clock.monotonic()
        if heard.endpoint in {WEBHOOK, self.platform, *ASKED} or now - heard.began >= SLOW_SECONDS:
            self.others.stalls.append((heard.began, now))
        if heard.endpoint == self.platform:
            self._looks = TURNS_OF_A_MARK
        if heard.endpoint != SALE or not isinstance(heard.reply, Answer):
            return
        sale = heard.url.path.rpartition("/")[2]
        word = _word_of(heard.reply, sale)
        if word is not None or heard.reply.status == 404:
            self.others.answers.append(AboutSale(heard.began, sale, word))

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """As in every life; and note what the agent marks because of the shop, before it can act on it."""

        def looked() -> bool:
            if self._looks > 0:
                self._looks -= 1
                self._note_marks()
            return until()

        super().run(seconds, looked)
        self._note_marks()

    def _note_marks(self) -> None:
        for at, this in self.others.new_marks(self.ask, self.clock):
            self.staff.said[this].flags.append((at, True))

    def _bury(self) -> None:
        now = self.clock.monotonic()
        recent = [each for each in self.others.answers if each.asked > now - DEATH_SECONDS]
        self.others.doubtful.update(recent)
        super()._bury()
        self._looks = TURNS_OF_A_MARK

    # -- the days -------------------------------------------------------------------------------------------------

    def _more(self) -> list[tuple[float, str]]:
        luck, now = self.luck, self.clock.monotonic()
        self.clouds.forecast()
        if luck.random() < 0.12:
            self._absences[luck.choice((WEBHOOK, self.platform, SALE))] = now + luck.choice((0.3, 1, 2, 6)) * DAY
        found = [(luck.uniform(0, DAY), "shop") for _ in range(luck.choice((1, 3, 5)))]
        found += [(luck.uniform(0, DAY), "sale") for _ in range(luck.choice((0, 1, 2)))]
        found += [(luck.uniform(0, DAY), "replay")] * (luck.random() < 0.2)
        found += [(luck.uniform(0, DAY), "death of the others")] * (luck.random() < 0.5)
        return found

    def _happen(self, what: str) -> None:
        luck = self.luck
        if what == "shop":
            self._shop_staff()
        elif what == "sale":
            orders = self.world.orders(self.supplier)
            if orders:
                sale = luck.choice(orders).menzzo_order_id.rpartition("_")[0]
                self.world.support.statuses[sale] = luck.choice(WORDS)
        elif what == "replay":
            self.replay()
        elif what == "death of the others":
            if not self.is_calm:
                self.site.doom.among = luck.choice((WEBHOOK, self.platform, SALE))
                self.site.doom.steps_left = luck.choice((1, 2, 3, 4, 6, 9))
        elif what in {"order", "people", "change"} or not (self.is_calm or self._is_known_limit(what)):
            super()._happen(what)

    def _is_known_limit(self, what: str) -> bool:
        """Tell whether a clock would be set where the shop's search is replaced: then a lost order is looked for by its time."""
        return what.startswith("clock") and self._semantics.search != "usual"

    def _set_clock(self, wrong_by: timedelta) -> None:
        # What a shop still works on while a clock is set, nobody can wait for: the wait is by the clock.
        self.site.server_is_done(with_all=True)
        super()._set_clock(wrong_by)

    def _come_in(self) -> None:
        super()._come_in()
        if self.luck.random() < 0.9:
            self.others.sells(self.world, self.supplier)

    def _shop_staff(self) -> None:
        """Fulfil some orders in the shop, and undo a few: the shop's staff know nothing of labels, holds and sales."""
        shop, luck, now = self.others.shop, self.luck, self.clock.monotonic()
        for number, this in self.others.references().items():
            said = self.others.fulfilled[this]
            is_fulfilled = bool(said) and said[-1][1]
            if not is_fulfilled and luck.random() < 0.3:
                shop.fulfil(number)
            elif is_fulfilled and luck.random() < 0.03:
                shop.take_back(number)
            else:
                continue
            said.append((now, not is_fulfilled))

    def replay(self) -> None:
        """Send again what was given up."""
        store = open_store(self.site.database)
        (webhook,) = self.site.settings.webhooks
        with store.write() as tx:
            deliveries.replay(tx, webhook, deliveries.parked(tx, webhook), self.clock.now())
        store.close()

    # -- the end --------------------------------------------------------------------------------------------------

    def put_all_right(self) -> None:
        """As in every life; the other sides are back, too."""
        self.clouds.clear_up()
        self._absences.clear()
        self.others.sells(self.world, self.supplier)
        self.replay()
        super().put_all_right()
        # Old events are removed in the first turn after a change of this day; that is not what a quiet turn must not write.
        self.site.agent.ctx.look_again()
        self.site.agent.turn()

    def met(self) -> Mapping[str, int]:
        """Return how often each kind of fault was met, those of the other sides apart."""
        return {**self.weather.met, **{f"others: {kind}": n for kind, n in self.clouds.met.items()}}

    def at_others(self) -> Mapping[str, int]:
        """Return how much there is at the other sides."""
        return self.others.counted()

    def faults(self, *, at_rest: bool = False) -> list[str]:
        """Return every promise about the integrations that is broken."""
        rules = AT_REST if at_rest else ALWAYS
        books: Books = self.books()
        calm = (nothing_waits_for_the_others,) if self.is_calm else ()
        return broken((*rules, *calm), books, self.others)


def _word_of(answer: Answer, sale: str) -> str | None:
    """Return the status of the sale, if the answer is about it."""
    try:
        said = json.loads(answer.body)
        data = said["data"]
        return str(data["status"]) if answer.status == 200 and data["incrementId"] == sale else None
    except (ValueError, KeyError, TypeError):
        return None
