"""One line for each thing that happens, in the order of its happening. Any thread may add a line; one prints them."""

import queue
from collections.abc import Callable, Mapping

from supplier_agent.clock import Clock

MARKETPLACE, AGENT, WAREHOUSE = "marketplace", "agent", "warehouse"

_DONE = {
    "acknowledge": "acknowledged: the marketplace knows that we have it",
    "label": "label on disk, checked to be a whole PDF",
    "ship": "reported as shipped, and the marketplace said yes",
}


class Story:
    """Lines for people, with the seconds since the beginning, plain text."""

    def __init__(self, result: Callable[[str], None], clock: Clock) -> None:
        self._result, self._clock, self._started = result, clock, clock.monotonic()
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.page = ""  # where the warehouse page is; empty: there is none

    def add(self, who: str, about: str, what: str) -> None:
        """Remember what happened now; `show` prints it."""
        seconds = self._clock.monotonic() - self._started
        self._lines.put(f"{seconds:5.1f} s  {who:<11}  {about:<15}  {what}")

    def hear(self, event: str, facts: Mapping[str, object]) -> None:
        """Take in an event of the agent's log, from the agent's own thread."""
        if event == "page.started":
            self.page = str(facts["at"])
        what = in_words(event, facts)
        if what:
            self.add(AGENT, str(facts.get("order") or facts.get("supplier") or ""), what)

    def show(self) -> None:
        """Print what was added since."""
        while not self._lines.empty():
            self._result(self._lines.get())

    def scene(self, *lines: str) -> None:
        """Print words that belong to no moment."""
        self.show()
        for line in lines:
            self._result(line)


def in_words(event: str, facts: Mapping[str, object]) -> str:
    """Return what an event of the agent's log means, or "" for one that a visitor does not miss."""
    kind, detail = str(facts.get("call", "")), facts.get("detail")
    match event:
        case "call.done":
            return _DONE.get(kind, f"{kind} done")
        case "call.postponed":
            return f"{kind}: {detail}; it is tried again"
        case "call.unknown":
            return f"{kind}: NOBODY KNOWS ({detail}). Not repeated; a person is asked"
        case "call.parked":
            return f"{kind}: {detail}; a person is asked"
        case "page.read" if facts.get("added"):
            return f"page {facts.get('page')} of the list, orders that are new and stored: {facts.get('added')}"
        case "run.finished" if facts.get("added"):
            return f"{facts.get('purpose')} read to its end: {facts.get('listed')} listed, {facts.get('added')} of them new"
        case "supplier.failed":
            return f"{facts.get('what')}: they pause, then one goes first to see"
        case "supplier.recovered":
            return str(facts.get("what"))
        case "run.finished" | "page.read" | "agent.started" | "agent.stopped" | "page.started" | "page.unattended":
            return ""
    return f"{event} {detail or ''}".strip()
