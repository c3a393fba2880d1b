"""The command about what only Menzzo can answer: letter."""

from typing import Annotated

import typer

from supplier_agent.cli.context import JsonOption, OnlySupplier, here, result, result_json, say


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(letter)


def letter(
    context: typer.Context,
    supplier: OnlySupplier = "",
    all_: Annotated[bool, typer.Option("--all", help="Include the questions that were asked before.")] = False,
    mark: Annotated[
        bool, typer.Option("--mark", help="Mark the questions as asked: they are not in the next message.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the message with what only Menzzo can answer, one for each supplier, to copy and mail to technique@menzzo.fr."""
    from supplier_agent.db.plain_sql import within
    from supplier_agent.db.store import is_there
    from supplier_agent.reports.letters import letters
    from supplier_agent.suppliers.letters import mark_asked
    from supplier_agent.words.formats import iso_or_null
    from supplier_agent.words.letters import letter as text_of

    surroundings = here(context)
    names, now = surroundings.suppliers(supplier), surroundings.clock.now()
    if not is_there(surroundings.database):
        result_json({"schema": 1, "letters": []}) if as_json else say("nothing has run yet (supplier-agent run --once)")
        return
    with surroundings.store() as store:
        with store.read() as tx:
            found = letters(within(tx), surroundings.settings, now, names)
        shown = [(each, each.everything if all_ else each.to_ask) for each in found]
        if mark:
            with store.write() as tx:
                for _, questions in shown:
                    mark_asked(tx, (each.key for each in questions), now, surroundings.who)
    if as_json:
        told = [
            {
                "supplier": each.supplier,
                "text": text_of(each.supplier, questions) or None,
                "questions": [
                    {
                        "menzzo_order_id": question.problem.order,
                        "code": question.problem.code.value,
                        "kind": question.problem.facts.get("kind"),
                        "asked_at": iso_or_null(question.asked_at),
                    }
                    for question in questions
                ],
                "waiting": len(each.waiting),
                "marked": mark,
            }
            for each, questions in shown
        ]
        result_json({"schema": 1, "letters": told})
        return
    result(
        "\n\n".join(text for each, questions in shown if (text := text_of(each.supplier, questions)))
        or "nothing to ask"
    )
    waiting = sum(len(each.waiting) for each in found)
    if waiting and not all_:
        say(f"asked before, and still open: {waiting} (supplier-agent letter --all)")
    if mark:
        say(f"marked as asked: {sum(len(questions) for _, questions in shown)}")
    elif any(questions for _, questions in shown):
        say(
            "mail it to technique@menzzo.fr, then: supplier-agent letter --mark; its answers: supplier-agent resolve --file FILE"
        )
