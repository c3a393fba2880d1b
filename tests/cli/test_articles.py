"""`articles import`: names, bins and cartons come from a CSV file; a file with one wrong line changes nothing."""

import io
from pathlib import Path

import pytest

from supplier_agent.cli import run
from supplier_agent.cli.articles import Row, read
from supplier_agent.db.store import open_store
from supplier_agent.db.tables import Barcode
from tests.scan.shelf import order_of, put

HEAD = "sku,name,bin,cartons\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return the configuration of an installation that has never run."""
    return configured(tmp_path, "notio")


def configured(folder: Path, *suppliers: str) -> Path:
    path = folder / "agent.toml"
    sections = "".join(f'[suppliers.{name}]\ntoken = "t"\n' for name in suppliers)
    path.write_text(f'state_dir = "{folder / "state"}"\nbase_url = "http://127.0.0.1:9"\n{sections}')
    path.chmod(0o600)
    return path


def imported(config: Path, content: str | bytes, *more: str) -> int:
    file = config.with_name("articles.csv")
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return run(["--config", str(config), "articles", "import", str(file), *more])


def listed(config: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    capsys.readouterr()
    assert run(["--config", str(config), "articles", "list", *more]) == 0
    return capsys.readouterr().out


def test_articles_are_imported_before_the_first_run(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imported(config, HEAD + "SOFA-3P,Canapé Oslo,A-12-3,3\nCHAIR,,,\n") == 0
    assert capsys.readouterr().out == "notio: 2 articles read: 2 new, 0 changed\n"
    assert listed(config, capsys) == "notio  CHAIR  -  -  -\nnotio  SOFA-3P  Canapé Oslo  A-12-3  3\n"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfsku;name;bin;cartons\r\nSOFA;Canap\xc3\xa9, gris;A-1;2\r\n;;;\r\n",  # a spreadsheet's, in France
        b'Cartons, SKU ,bin,name\n2,SOFA,A-1,"Canap\xc3\xa9, gris"\n\n',
    ],
)
def test_what_spreadsheets_write_is_read(content: bytes) -> None:
    assert read(content, "x.csv") == ([Row("SOFA", "Canapé, gris", "A-1", 2)], [])


def test_an_article_is_replaced_and_others_stay(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported(config, HEAD + "SOFA,Oslo,A-1,2\nBED,Verona,B-1,1\n")
    capsys.readouterr()
    assert imported(config, HEAD + "SOFA,Oslo,A-2,2\nTABLE,Loft,C-1,1\n") == 0
    assert capsys.readouterr().out == "notio: 2 articles read: 1 new, 1 changed\n"
    assert listed(config, capsys, "--csv") == HEAD + "BED,Verona,B-1,1\nSOFA,Oslo,A-2,2\nTABLE,Loft,C-1,1\n"


def test_what_is_listed_as_csv_can_be_imported(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported(config, HEAD + '"SO,FA","Oslo ""3P""",,2\n')
    assert read(listed(config, capsys, "--csv").encode(), "x.csv")[0] == [Row("SO,FA", 'Oslo "3P"', None, 2)]


WRONG = {
    "SOFA,Oslo,A-1": "it has 3 cells; expected 4: sku,name,bin,cartons",
    "SOFA,Oslo,A-1,2,x": "it has 5 cells; expected 4",
    ",Oslo,A-1,2": "sku is empty; expected the SKU of the marketplace",
    "SOFA,Oslo,A-1,two": "cartons is “two”; expected a whole number from 1 to 99, or nothing",
    "SOFA,Oslo,A-1,0": "cartons is “0”; expected",
    "SOFA,Oslo,A-1,2.0": "cartons is “2.0”; expected",
    "SOFA,Oslo,A-1,-1": "cartons is “-1”; expected",
    "SOFA,Oslo,A-1,1000000000000": "cartons is “1000000000000”; expected",
    "SOFA,Oslo,A-1,٣": "cartons is “٣”; expected",
    "BED,Oslo,A-1,2": "sku BED is in line 2 already; expected once",
    'SOFA,"Os\nlo",A-1,2': "name has a line break or an invisible character; expected one line of text",
    f"SOFA,Oslo,{'A' * 41},2": "bin has 41 characters; expected at most 40",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_named_and_nothing_is_imported(
    config: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    imported(config, HEAD + "BED,Before,B-1,1\n")
    capsys.readouterr()
    assert imported(config, f"{HEAD}BED,After,B-1,1\n{line}\nTABLE,Loft,C-1,1\n") == 2
    said = capsys.readouterr().err
    assert f"line 3: {WRONG[line]}" in said
    assert "nothing was imported: 1 line is wrong" in said
    assert listed(config, capsys) == "notio  BED  Before  B-1  1\n"


def test_every_wrong_line_is_named_up_to_a_number(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imported(config, HEAD + "X,,,x\n" * 25) == 2
    said = capsys.readouterr().err
    assert ("line 2:" in said, "line 21:" in said, "line 22:" in said) == (True, True, False)
    assert "25 lines are wrong (and 5 more)" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the first line of"),
        (b"sku,name,place,cartons\nA,B,C,1\n", "it must name these columns"),
        (b"sku,name,bin,cartons,weight\nA,B,C,1,2\n", "it must name these columns"),
        (b"SOFA,Oslo,A-1,2\n", "it must name these columns"),
        (HEAD.encode() + b"A,B,C,1\nSOFA,Canap\xe9,A-1,2\n", "line 3 of"),
        (HEAD.encode("utf-16"), "is not UTF-8 text"),
        (HEAD.encode() + b'SOFA,"Oslo,A-1,2\n', "is no line of a CSV"),
    ],
)
def test_a_file_of_another_form_is_refused_with_what_is_expected(
    config: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    assert imported(config, content) == 2
    assert said in capsys.readouterr().err
    assert not (config.parent / "state").exists()


def test_with_several_suppliers_it_must_be_said_whose_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path, "notio", "asir-group")
    assert imported(config, HEAD + "SOFA,Oslo,A-1,2\n") == 2
    assert "--supplier notio" in capsys.readouterr().err
    assert imported(config, HEAD + "SOFA,Oslo,A-1,2\n", "--supplier", "asir-group") == 0
    assert listed(config, capsys) == "asir-group  SOFA  Oslo  A-1  2\n"
    assert imported(config, HEAD, "--supplier", "nobody") == 2


def test_articles_of_open_orders_that_are_missing_are_named(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported(config, HEAD)
    store = open_store(config.parent / "state" / "agent.db")
    put(store, order_of("1_1", sku="SOFA"), order_of("2_2", sku="BED"), order_of("3_3", sku="OLD", closed_reason="x"))
    store.close()
    imported(config, HEAD + "SOFA,Oslo,A-1,2\n")
    assert capsys.readouterr().err.endswith("articles of open orders that are not in it: BED\n")


def test_articles_whose_labels_have_more_parcels_are_named(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported(config, HEAD)
    store = open_store(config.parent / "state" / "agent.db")
    rows = put(store, order_of("1_1", sku="SOFA", quantity=1), order_of("2_2", sku="BED", quantity=2))
    with store.write() as tx:
        tx.add_all(Barcode(order_id=row, code=f"P{n}", label_sha256="0", page=n) for row in rows for n in (1, 2, 3))
    store.close()
    imported(config, HEAD + "SOFA,Oslo,A-1,2\nBED,Lyon,A-2,2\n")
    said = "the labels of open orders have more parcels than these articles, whose cartons count: SOFA\n"
    assert capsys.readouterr().err.endswith(said)


def test_a_file_that_is_not_there_is_an_error(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--config", str(config), "articles", "import", str(config.with_name("no.csv"))]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_file_may_come_from_stdin(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((HEAD + "SOFA,Oslo,A-1,2\n").encode())))
    assert run(["--config", str(config), "articles", "import", "-"]) == 0
    assert listed(config, capsys) == "notio  SOFA  Oslo  A-1  2\n"
