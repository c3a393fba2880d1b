"""Commands about the marketplace: what it listed and answered, and what was learned from it."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from supplier_agent.base.errors import UsageError
from supplier_agent.cli.context import JsonOption, OnlySupplier, epilog, here, result, result_json, say

if TYPE_CHECKING:
    from supplier_agent.learning import Evidence, Question
    from supplier_agent.words import Words

marketplace = typer.Typer(help="Show what was learned about the marketplace, or find out more.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(marketplace, name="marketplace")


@marketplace.callback(invoke_without_command=True, epilog=epilog("marketplace"))
def learned(context: typer.Context, supplier: OnlySupplier = "", as_json: JsonOption = False) -> None:
    """Show what was learned about the marketplace, with the requests that show it, and what could be configured."""
    if context.invoked_subcommand is not None:
        return
    from supplier_agent.db.plain_sql import within
    from supplier_agent.reports import marketplace as report
    from supplier_agent.words import Words

    surroundings, words = here(context), Words()
    names = surroundings.suppliers(supplier)
    with surroundings.store() as store, store.read() as tx:
        found = {name: report.learned(within(tx), name) for name in names}
        proposals = report.proposals(within(tx), surroundings.settings, names)
    if as_json:
        suppliers = [{"supplier": name, "questions": questions} for name, questions in found.items()]
        told = [report.proposal_json(each) for each in proposals]
        result_json({"schema": 1, "suppliers": suppliers, "proposals": told})
        return
    for name, questions in found.items():
        result(name)
        for line in report.lines(questions, words):
            result(f"  {line}")
    for each in proposals:
        result(report.proposed(each, words))
    if not proposals:
        say("nothing to configure")


@marketplace.command()
def probe(context: typer.Context, supplier: OnlySupplier = "", as_json: JsonOption = False) -> None:
    """Find out more by about ten reads per supplier, each named before it is made. The agent must not run meanwhile."""
    from supplier_agent.check.probe import Prober
    from supplier_agent.check.probe import as_json as told
    from supplier_agent.db import state_folder
    from supplier_agent.db.store import is_there, open_store
    from supplier_agent.words import Words

    surroundings, words = here(context), Words()
    settings, names = surroundings.settings, surroundings.suppliers(supplier)
    if not is_there(surroundings.database):
        raise UsageError(f"there is no database at {surroundings.database} yet", "supplier-agent run --once")
    results = []
    with (
        state_folder.InstanceLock(surroundings.lock_file, "marketplace probe", surroundings.clock),
        closing(open_store(surroundings.database, agent=True)) as store,
    ):
        for name in names:
            token = settings.token_of(name, surroundings.env)
            prober = Prober(
                settings,
                name,
                token,
                surroundings.clock,
                store,
                lambda request, why, name=name: say(f"{name}: {request} ({words.say(f'probe.{why}')})"),  # type: ignore[misc]
            )
            shown = prober.run()
            results.append(
                {
                    "supplier": name,
                    "requests": [told(each) for each in prober.done],
                    "shown": [{"question": question.value, "answer": piece.answer} for question, piece in shown],
                }
            )
            if not as_json:
                _show(name, shown, words)
    if as_json:
        result_json({"schema": 1, "suppliers": results})
    else:
        say("one probe is one observation a day; what holds: supplier-agent marketplace")


@marketplace.command()
def settle(
    context: typer.Context,
    supplier: Annotated[str, typer.Argument(metavar="SUPPLIER")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who has looked at the changes.")],
    as_json: JsonOption = False,
) -> None:
    """Accept how the marketplace has changed, and take note of fields that are not documented: they are problems no longer."""
    from supplier_agent.learning.written import settle as accept

    surroundings = here(context)
    (name,) = surroundings.suppliers(supplier)
    with surroundings.store() as store, store.write() as tx:
        accepted = accept(tx, name, by.strip() or surroundings.who)
    if as_json:
        result_json({"schema": 1, "supplier": name, "accepted": accepted})
        return
    for each in accepted:
        result(f"{name}: accepted: {each}")
    if not accepted:
        say(f"{name}: there is nothing to settle")


def _show(name: str, shown: "list[tuple[Question, Evidence]]", words: "Words") -> None:
    from supplier_agent.reports.marketplace import answer

    for question, piece in shown:
        result(f"{name}: {words.say(f'question.{question}')} {answer(question, piece.answer, words)}")
    if not shown:
        result(f"{name}: nothing new")
