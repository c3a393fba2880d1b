"""The surfaces of the warehouse page, read back: what each says of each order, as codes.

A surface renders one database in-process, through the page's own handlers; `read` maps the HTML back to codes by the sentences
of words/. `expected` is what it must say of an order by its verdict; None: the order is not on it. Another surface is one more
line in SURFACES.

    stop:X      it says that the order must not ship, because of X       later:X    its report waits, because of X
    problem:X   it names this problem                                     act:X      it offers this act
"""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import unescape

from supplier_agent import loads
from supplier_agent.db.tables import Order
from supplier_agent.labels.scan import missing
from supplier_agent.printing.papers import Bulk, Fault, Press
from supplier_agent.reports.orders import Judge
from supplier_agent.verdict import CHANGED, STOPS, Act, Blocker, Report, Role, Verdict
from supplier_agent.verdict.codes import INFO
from supplier_agent.web import documents, load_page, problems_page, scan_page
from supplier_agent.web.order_view import SAID_ANYWAY
from supplier_agent.web.request import Visit
from supplier_agent.words import Words
from tests.verdict.invented import Invented, Key
from tests.web.visits import visit_of

Codes = frozenset[str]
MakeJudge = Callable[[Visit, Judge], Judge]
"""What stands in the way of the judgement, for a planted lie; `honest` leaves it alone."""


@dataclass(frozen=True)
class Surface:
    """One rendering of the page. read: what it says of the orders that are on it. expected: None: the order is not on it."""

    name: str
    read: Callable[[Invented, MakeJudge], Mapping[Key, Codes]]
    expected: Callable[[Invented, Key], Codes | None]


def honest(_visit: Visit, judge: Judge) -> Judge:
    return judge


def a_visit(made: Invented, make: MakeJudge, role: str = "lead", **given: object) -> Visit:
    visit = visit_of(made.store, made.now, role, settings=made.settings, **given)  # type: ignore[arg-type]  # as that function has it
    with made.store.read() as tx:
        visit._judge = make(visit, visit.judge(tx))  # noqa: SLF001 - where it is kept for the visit
    return visit


def html_of(handler: Callable[[Visit], object], visit: Visit) -> str:
    return bytes(handler(visit).body).decode()  # type: ignore[attr-defined]  # a Response


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


# -- sentences, back to codes ------------------------------------------------------------------------------------------


def words_of(made: Invented) -> Words:
    return Words("en", made.settings.timezone, made.now)


def clauses(made: Invented, order: Order, group: str, codes: Iterable[Blocker]) -> Mapping[str, Blocker]:
    facts = {"held": order.held_reason or "?", "closed": order.closed_reason or "?"}
    return {words_of(made).say(f"{group}.{code}", facts): code for code in codes}


def read_back(made: Invented, order: Order, text: str) -> set[str]:
    """Return the reasons that a text gives, whole clause by whole clause; "?" for one that is no clause of ours."""
    found = set()
    stops = clauses(made, order, "stop", STOPS)
    later = clauses(made, order, "blocker", [code for code in Blocker if code not in STOPS])
    for pattern, name, known in (("Do not ship", "stop", stops), ("Its report waits", "later", later)):
        for said in re.findall(rf"{pattern}: ([^.]*)\.", text):
            found |= {f"{name}:{known.get(clause, '?')}" for clause in said.split("; ")}
    return found


def of_verdict(verdict: Verdict) -> set[str]:
    return {f"stop:{code}" for code in verdict.stops} | {
        f"later:{code}" for code in verdict.blockers if code not in STOPS
    }


def warnings(made: Invented, verdict: Verdict, html: str) -> set[str]:
    sentences = {words_of(made).trouble(problem): problem.code for problem in verdict.problems}
    shown = re.findall(r'<p class="warn"><span aria-hidden="true">!</span> (.*?)</p>', html)
    return {f"problem:{sentences.get(unescape(each), '?')}" for each in shown}


def other_problems(verdict: Verdict) -> set[str]:
    return {f"problem:{problem.code}" for problem in verdict.problems if problem.code not in SAID_ANYWAY}


# -- each surface ------------------------------------------------------------------------------------------------------


def of_each(made: Invented, read: Callable[[Key, Order, Verdict], set[str]]) -> Mapping[Key, Codes]:
    return {key: frozenset(read(key, order, made.orders[key])) for key, order in made.rows.items()}


def read_history(made: Invented, make: MakeJudge) -> Mapping[Key, Codes]:
    def read(_key: Key, order: Order, verdict: Verdict) -> set[str]:
        html = html_of(documents.history, a_visit(made, make, parts={"row": order.id}))
        acts = {"act:hold"} if 'value="hold"' in html else set()
        return read_back(made, order, text_of(html)) | warnings(made, verdict, html) | acts

    return of_each(made, read)


def history_of(made: Invented, key: Key) -> Codes:
    verdict = made.orders[key]
    acts = {"act:hold"} if Act.HOLD in verdict.may[Role.LEAD] else set()
    return frozenset(of_verdict(verdict) | other_problems(verdict) | acts)


BUTTONS = {"ship": Act.SHIP, "undo": Act.UNSHIP, "print": Act.PRINT}


def read_scan(made: Invented, make: MakeJudge) -> Mapping[Key, Codes]:
    def read(_key: Key, order: Order, verdict: Verdict) -> set[str]:
        visit = a_visit(
            made, make, "packer", form={"code": [order.menzzo_order_id], "key": [secrets.token_hex(16)], "token": [""]}
        )
        scan_page.scanned(visit)
        html = html_of(scan_page.show, visit)
        answer, _, board = html.partition('<div class="board"')
        board = re.sub(r'<ul class="lines">.*?</ul>', "", board, flags=re.DOTALL)  # the customer's other orders
        said = read_back(made, order, text_of(answer))
        sign = re.search(r'data-sign="(\w+)"', answer)
        acts = {f"act:{act}" for name, act in BUTTONS.items() if f'name="act" value="{name}"' in board}
        shown = read_back(made, order, text_of(board)) | warnings(made, verdict, board)
        return {f"answer:{each}" for each in said} | {f"sign:{sign[1] if sign else ''}"} | shown | acts

    return of_each(made, read)


def scan_of(made: Invented, key: Key) -> Codes:
    """Return what a first scan says: red if it must not ship, blue if it may, yellow if it is marked or shipped already."""
    verdict = made.orders[key]
    is_fine = Act.SHIP in verdict.may[Role.PACKER] and not (verdict.report or verdict.doubtful)
    sign = "red" if verdict.stops else "blue" if is_fine else "yellow"
    acts = {f"act:{act}" for act in BUTTONS.values() if act in verdict.may[Role.PACKER]}
    answer = {f"answer:stop:{code}" for code in verdict.stops}
    return frozenset(answer | {f"sign:{sign}"} | of_verdict(verdict) | other_problems(verdict) | acts)


def by_id(made: Invented, fragments: Mapping[str, str]) -> Mapping[Key, str]:
    """Return fragments of HTML by order; every invented id is of one supplier alone."""
    return {key: fragments[key[1]] for key in made.rows if key[1] in fragments}


def read_list(made: Invented, make: MakeJudge) -> Mapping[Key, Codes]:
    html = html_of(documents.to_ship, a_visit(made, make))
    rows = {
        found[1]: row
        for row in html.split('<div class="row">')[1:]
        if (found := re.search(r'aria-label="([^"]*)"', row))
    }
    codes = {}
    for key, row in by_id(made, rows).items():
        ticks = set() if " disabled" in row.partition(">")[0] + row[: row.index("</label>")] else {"act:print"}
        later = {f"later:{code}" for said, code in clauses(made, made.rows[key], "blocker", Blocker).items()
                 if said in re.findall(r'class="later">(.*?)</span>', row)[0:1] or said in "".join(
                     re.findall(r'class="later">(.*?)</span>', row)).split("; ")}  # fmt: skip
        codes[key] = frozenset(read_back(made, made.rows[key], text_of(row)) | ticks | later)
    return codes


def list_of(made: Invented, key: Key) -> Codes | None:
    order, verdict = made.rows[key], made.orders[key]
    if not is_open(order) or order.shipped:
        return None
    stops = {f"stop:{code}" for code in verdict.stops}
    later = set() if stops else {f"later:{code}" for code in missing(verdict)}
    ticks = {"act:print"} if Act.PRINT in verdict.may[Role.PACKER] and not verdict.stops else set()
    return frozenset(stops | later | ticks)


def is_open(order: Order) -> bool:
    return order.ship_confirmed_at is None and order.closed_reason is None


def read_pick_list(made: Invented, make: MakeJudge) -> Mapping[Key, Codes]:
    html = html_of(documents.pick_list, a_visit(made, make))
    spans = {text_of(span).split()[0]: text_of(span) for span in re.findall(r'<span class="each">(.*?)</span>', html)}
    return {key: frozenset(read_back(made, made.rows[key], span)) for key, span in by_id(made, spans).items()}


def pick_list_of(made: Invented, key: Key) -> Codes | None:
    order, verdict = made.rows[key], made.orders[key]
    late = {Blocker.NOT_ACKNOWLEDGED, Blocker.NO_LABEL}.intersection(verdict.blockers)
    if order.shipped or not is_open(order) or order.label_path is None or late or not CHANGED.issuperset(verdict.stops):
        return None
    return frozenset(f"stop:{code}" for code in verdict.stops)


def read_hand_over(made: Invented, make: MakeJudge) -> Mapping[Key, Codes]:
    found: dict[str, Codes] = {}
    orders = {order.menzzo_order_id: order for order in made.rows.values()}
    for days in ("0", "1"):
        html = html_of(documents.hand_over, a_visit(made, make, query={"days": days}))
        for this in re.findall(r'<td class="id">(.*?)</td>', html):
            found[this] = frozenset({"act:hand_over"})
        for this, said in re.findall(rf"<p><b>({'|'.join(orders)})</b> (.*?)</p>", html):
            known = clauses(made, orders[this], "stop", STOPS)
            why = unescape(said).removeprefix("Do not hand over: ")
            stops = frozenset(f"stop:{known.get(clause, '?')}" for clause in why.split("; "))
            found[this] = NOT_LEFT if why == words_of(made).say(f"report.{Report.NOT_LEFT}") else stops
    return {key: found[key[1]] for key in made.rows if key[1] in found}


def hand_over_of(made: Invented, key: Key) -> Codes | None:
    order, verdict = made.rows[key], made.orders[key]
    if order.shipped_at is None or (made.now - order.shipped_at).total_seconds() > SECONDS_OF_A_DAY:
        return None
    if verdict.stops and (order.ship_confirmed_at is None or verdict.report == Report.NOT_LEFT):
        return frozenset(f"stop:{code}" for code in verdict.stops)
    return NOT_LEFT if verdict.report == Report.NOT_LEFT else frozenset({"act:hand_over"})


NOT_LEFT: Codes = frozenset({"report:not_left"})
SECONDS_OF_A_DAY = 86400


class NoPress(Press):
    """A press that joins nothing, and remembers for which labels it was asked."""

    def __init__(self) -> None:
        self.asked: Sequence[str] = ()

    def bulk(self, label_paths: Sequence[str]) -> Bulk | Fault:
        self.asked = label_paths
        return Fault("nothing is printed here")


def read_bulk_print(made: Invented, make: MakeJudge) -> Mapping[Key, Codes]:
    press = NoPress()
    form = {"row": [str(order.id) for order in made.rows.values()], "how": ["pdf"], "key": [secrets.token_hex(16)]}
    visit = a_visit(made, make, form=form, press=press)
    documents.print_many(visit)
    said = text_of(html_of(documents.to_ship, visit).partition('<div class="head">')[0])
    codes: dict[Key, set[str]] = {key: set() for key in made.rows}
    for key, order in made.rows.items():
        if order.label_path in press.asked:
            codes[key].add("act:print")
    for reason, pattern in LEFT_OUT.items():
        for names in re.findall(rf"Not printed, because they {pattern}: ([^.]*)\.", said):
            for key in made.rows:
                if key[1] in names.split(", "):
                    codes[key].add(reason)
    return {key: frozenset(found) for key, found in codes.items()}


LEFT_OUT = {
    "left:stopped": "must not ship",
    "left:changed": "have changed since their label was printed",
    "left:over": "are shipped, or have no label",
}


def bulk_print_of(made: Invented, key: Key) -> Codes | None:
    """Return what becomes of an order that was ticked: it is printed, or it is named with one reason."""
    order, verdict = made.rows[key], made.orders[key]
    is_to_ship = not order.shipped and order.ship_confirmed_at is None and Act.PRINT in verdict.may[Role.PACKER]
    if is_to_ship and CHANGED.issuperset(verdict.stops):
        return frozenset({"left:changed" if verdict.stops else "act:print"})
    return frozenset({"left:stopped" if verdict.stops else "left:over"})


DECISIONS = {
    "shipped": Act.RESOLVE, "again": Act.SEND_AGAIN, "retry": Act.RETRY, "release": Act.RELEASE, "hold": Act.HOLD,
}  # fmt: skip


def read_problems(made: Invented, make: MakeJudge) -> Mapping[Key, Codes]:
    html = html_of(problems_page.problems, a_visit(made, make))
    rows = {order.id: key for key, order in made.rows.items()}
    codes: dict[Key, Codes] = {}
    for section in html.split('<section class="trouble')[1:]:
        found = re.search(r'href="/order/(\d+)"', section)
        if found is None:
            continue
        key = rows[int(found[1])]
        order, verdict, text = made.rows[key], made.orders[key], text_of(section)
        problems = {f"problem:{each.code}" for each in verdict.problems if words_of(made).trouble(each) in text}
        held = {"held"} if words_of(made).say("trouble.held") in text else set()
        acts = {f"act:{act}" for name, act in DECISIONS.items() if f'name="act" value="{name}"' in section}
        codes[key] = frozenset(read_back(made, order, text) | problems | held | acts)
    return codes


def problems_of(made: Invented, key: Key) -> Codes | None:
    verdict = made.orders[key]
    held = Blocker.HELD in verdict.blockers
    if not held and all(problem.code in INFO for problem in verdict.problems):
        return None
    stops = {f"stop:{code}" for code in verdict.stops}
    problems = {f"problem:{problem.code}" for problem in verdict.problems}
    acts = {f"act:{act}" for act in DECISIONS.values() if act in verdict.may[Role.LEAD]}
    return frozenset(stops | problems | acts | ({"held"} if held else set()))


def read_load(made: Invented, make: MakeJudge) -> Mapping[Key, Codes]:
    """Scan each order onto a vehicle. Nothing is marked, so the verdicts stay."""
    with made.store.write() as tx:
        van = loads.start(tx, "van", made.now, "Anna", "Bench 1").id

    def read(_key: Key, order: Order, _verdict: Verdict) -> set[str]:
        form = {"code": [order.menzzo_order_id], "key": [secrets.token_hex(16)], "token": [""]}
        visit = a_visit(made, make, "packer", form=form, parts={"row": van})
        load_page.scanned(visit)
        answer = html_of(load_page.show, visit).partition('<div class="head screen">')[0]
        sign = re.search(r'data-sign="(\w+)"', answer)
        return read_back(made, order, text_of(answer)) | {f"sign:{sign[1] if sign else ''}"}

    return of_each(made, read)


def load_of(made: Invented, key: Key) -> Codes:
    """Return what a scan onto a vehicle says: if a packer may ship the order now, green, or yellow if it is to be looked at first.

    Else red with every reason.
    """
    verdict = made.orders[key]
    fine = "yellow" if verdict.report or verdict.doubtful or missing(verdict) else "green"
    sign = fine if Act.SHIP in verdict.may[Role.PACKER] else "red"
    return frozenset({f"sign:{sign}"} | {f"stop:{code}" for code in verdict.stops})


SURFACES = (
    Surface("scan answer and board", read_scan, scan_of),
    Surface("order page", read_history, history_of),
    Surface("list", read_list, list_of),
    Surface("pick list", read_pick_list, pick_list_of),
    Surface("hand-over list", read_hand_over, hand_over_of),
    Surface("bulk print", read_bulk_print, bulk_print_of),
    Surface("problems page", read_problems, problems_of),
    Surface("scan onto a vehicle", read_load, load_of),
)


def differences(
    made: Invented, surface: Surface, make: MakeJudge = honest
) -> list[tuple[Key, Codes | None, Codes | None]]:
    """Return each order of which a surface says something else than the verdict: (order, expected, said)."""
    said = surface.read(made, make)
    expected = {key: surface.expected(made, key) for key in made.rows}
    return [(key, expected[key], said.get(key)) for key in made.rows if expected[key] != said.get(key)]


def wider(made: Invented) -> tuple[str, str]:
    """Return the text of the page of problems above the orders, and of the bar on every page."""
    html = html_of(problems_page.problems, a_visit(made, honest))
    return text_of(html.partition("<main")[2].partition('href="/order/')[0]), text_of(html.partition("<main")[0])


def at(made: Invented, instant: datetime) -> str:
    return words_of(made).at(instant)
