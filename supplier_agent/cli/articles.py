"""Commands about the articles file, which has the name, the bin and the number of cartons of each article: import, list."""

import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from supplier_agent.base.errors import UsageError
from supplier_agent.cli.context import JsonOption, OnlySupplier, Surroundings, complain, here, result, result_json, say

if TYPE_CHECKING:
    from sqlmodel import Session

HEAD = ("sku", "name", "bin", "cartons")
LONGEST = {"sku": 100, "name": 200, "bin": 40}
MOST_CARTONS = 99
MOST_NAMED = 20
"""The maximum number of wrong lines, and of missing articles, to name."""
AS_CSV_UTF_8 = "in a spreadsheet, save it as “CSV UTF-8”"

articles = typer.Typer(
    no_args_is_help=True, help="Import or list the articles: name, bin, and number of cartons (parcels) of each."
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(articles, name="articles")


@dataclass(frozen=True)
class Row:
    """One article of the file."""

    sku: str
    name: str | None  # None: not given
    bin: str | None  # None: as above
    cartons: int | None  # None: as above


@articles.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file in UTF-8; - is stdin.")],
    supplier: Annotated[str, typer.Option("--supplier", help="Whose articles they are, if there are several.")] = "",
) -> None:
    """Import a CSV file with the columns sku, name, bin and cartons. Articles that are not in it stay as they are.

    If one line is wrong, every wrong line is listed, and nothing is imported.
    """
    from supplier_agent.labels import parcels

    surroundings = here(context)
    supplier = _only(surroundings, supplier)
    rows, wrong = read(content(file), str(file))
    for line, why in wrong[:MOST_NAMED]:
        complain(f"line {line}: {why}")
    if wrong:
        more = f" (and {len(wrong) - MOST_NAMED} more)" if len(wrong) > MOST_NAMED else ""
        lines = "1 line is" if len(wrong) == 1 else f"{len(wrong)} lines are"
        raise UsageError(f"nothing was imported: {lines} wrong{more}", "correct the file, and import it again")
    with surroundings.store(new=True) as store, store.write() as tx:
        said = _put(tx, supplier, rows, surroundings)
        missing, labelled_more = _missing(tx, supplier), parcels.labelled_more(tx, supplier)
    result(f"{supplier}: {said}")
    if missing:
        say(f"articles of open orders that are not in it: {_named(missing)}")
    if labelled_more:
        say(
            f"the labels of open orders have more parcels than these articles, whose cartons count: {_named(labelled_more)}"
        )


def _named(skus: Sequence[str]) -> str:
    return ", ".join(skus[:MOST_NAMED]) + (", …" if len(skus) > MOST_NAMED else "")


@articles.command("list")
def list_(
    context: typer.Context,
    supplier: OnlySupplier = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a CSV file, as it is imported.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the articles."""
    from sqlmodel import col, select

    from supplier_agent.base.cells import known
    from supplier_agent.db.warehouse import Article

    surroundings = here(context)
    if as_csv:
        supplier = _only(surroundings, supplier)
    query = select(Article).where(col(Article.supplier).in_(surroundings.suppliers(supplier)))
    with surroundings.store() as store, store.read() as tx:
        rows = [
            {"supplier": each.supplier, **{column: known(getattr(each, column)) for column in HEAD}}
            for each in tx.exec(query.order_by(Article.supplier, Article.sku))
        ]
    if as_json:
        result_json({"schema": 1, "articles": rows})
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([HEAD, *([row[column] for column in HEAD] for row in rows)])
    else:
        for row in rows:
            result("  ".join("-" if value is None else str(value) for value in row.values()))
        if not rows:
            say("none yet: supplier-agent articles import FILE")


def _only(surroundings: Surroundings, supplier: str) -> str:
    """Return the supplier that is meant. Raises UsageError if it is unknown, or not said and not clear."""
    if supplier:
        return surroundings.known(supplier)
    names = list(surroundings.settings.suppliers)
    if len(names) != 1:
        raise UsageError("there are several suppliers", f"say whose articles they are: --supplier {names[0]}")
    return names[0]


def content(file: Path) -> bytes:
    """Return what is in a file; - is stdin. Raises UsageError if it cannot be read."""
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", "name a file that you may read") from error


def read(content: bytes, name: str) -> tuple[list[Row], list[tuple[int, str]]]:
    """Return the articles of a file, and what is wrong in which line. Raises UsageError if its form is not clear."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"line {line} of {name} is not UTF-8 text", AS_CSV_UTF_8) from error
    first = text.partition("\n")[0]
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    rows, wrong = list[Row](), list[tuple[int, str]]()
    seen: dict[str, int] = {}
    try:
        head = [cell.strip().lower() for cell in next(lines, [])]
        if sorted(head) != sorted(HEAD):
            raise UsageError(
                f"the first line of {name} is “{first.strip()[:80]}”",
                f"it must name these columns, separated by commas or semicolons: {','.join(HEAD)}",
            )
        begins = lines.line_num + 1
        for cells in lines:
            number, begins = begins, lines.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            row, faults = _row(head, [cell.strip() for cell in cells])
            if row is not None and row.sku in seen:
                faults = [f"sku {row.sku} is in line {seen[row.sku]} already; expected once"]
            elif row is not None:
                seen[row.sku] = number
                rows.append(row)
            wrong += [(number, fault) for fault in faults]
    except csv.Error as error:
        raise UsageError(f"line {lines.line_num} of {name} is no line of a CSV: {error}", AS_CSV_UTF_8) from error
    return rows, wrong


def _row(head: Sequence[str], cells: Sequence[str]) -> tuple[Row | None, list[str]]:
    """Return the article of a line (None: it is wrong), and what is wrong, with what is expected."""
    if len(cells) != len(head):
        return None, [f"it has {len(cells)} cells; expected {len(head)}: {','.join(head)}"]
    given = dict(zip(head, cells, strict=True))
    faults = ["sku is empty; expected the SKU of the marketplace"] if not given["sku"] else []
    for column, longest in LONGEST.items():
        if len(given[column]) > longest:
            faults.append(f"{column} has {len(given[column])} characters; expected at most {longest}")
        if not given[column].isprintable():
            faults.append(f"{column} has a line break or an invisible character; expected one line of text")
    cartons = given["cartons"]
    is_number = cartons.isascii() and cartons.isdecimal() and 1 <= int(cartons[:9]) <= MOST_CARTONS
    if cartons and not is_number:
        faults.append(f"cartons is “{cartons[:20]}”; expected a whole number from 1 to {MOST_CARTONS}, or nothing")
    if faults:
        return None, faults
    return Row(given["sku"], given["name"] or None, given["bin"] or None, int(cartons) if cartons else None), []


def _put(tx: "Session", supplier: str, rows: Sequence[Row], surroundings: Surroundings) -> str:
    """Store the articles; return how many are new and how many have changed."""
    from supplier_agent.db.plain_sql import text

    connection, now = tx.connection(), text(surroundings.clock.now())
    known = connection.exec_driver_sql("SELECT sku, name, bin, cartons FROM articles WHERE supplier = ?", (supplier,))
    before = {sku: (sku, *rest) for sku, *rest in known}
    values = [(row.sku, row.name, row.bin, row.cartons) for row in rows]
    changed = [each for each in values if before.get(each[0]) != each]
    if changed:
        connection.exec_driver_sql(
            "INSERT INTO articles (supplier, sku, name, bin, cartons, imported_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (supplier, sku) DO UPDATE SET name = excluded.name, bin = excluded.bin,"
            " cartons = excluded.cartons, imported_at = excluded.imported_at",
            [(supplier, *each, now) for each in changed],
        )
    new = sum(each[0] not in before for each in changed)
    return f"{len(rows)} articles read: {new} new, {len(changed) - new} changed"


def _missing(tx: "Session", supplier: str) -> list[str]:
    """Return the articles of open orders that are not known."""
    from supplier_agent.db.plain_sql import OPEN, within

    unknown = (
        "NOT EXISTS (SELECT 1 FROM articles WHERE articles.supplier = orders.supplier AND articles.sku = orders.sku)"
    )
    rows = within(tx).rows(
        f"SELECT DISTINCT sku FROM orders WHERE {OPEN} AND supplier = ? AND sku IS NOT NULL AND {unknown} ORDER BY sku LIMIT ?",  # noqa: S608 - constants
        supplier, MOST_NAMED + 1,
    )  # fmt: skip
    return [str(row.sku) for row in rows]
