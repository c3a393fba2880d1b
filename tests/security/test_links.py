"""Links to labels that lead astray, from the listing to the disk: nobody but the marketplace is ever asked."""

import socket
from pathlib import Path

import pytest

from supplier_agent.sandbox import faults
from tests.promises.shop import SUPPLIER, Shop, open_shop
from tests.security.listener import Listener

ELSEWHERE = (
    "http://127.0.0.1:{p}/x.pdf",
    "http://127.0.0.1:{p}",
    "HTTP://127.0.0.1:{p}/x.pdf",
    "http://localhost:{p}/x.pdf",
    "http://LOCALHOST.:{p}/x.pdf",
    "http://127.0.0.1.:{p}/x.pdf",
    "http://127.0.0.2:{p}/x.pdf",
    "http://0.0.0.0:{p}/x.pdf",
    "http://0:{p}/x.pdf",
    "http://127.1:{p}/x.pdf",
    "http://127.0.1:{p}/x.pdf",
    "http://2130706433:{p}/x.pdf",
    "http://0x7f000001:{p}/x.pdf",
    "http://0x7f.0.0.1:{p}/x.pdf",
    "http://0177.0.0.1:{p}/x.pdf",
    "http://017700000001:{p}/x.pdf",
    "http://[::1]:{p}/x.pdf",
    "http://[0:0:0:0:0:0:0:1]:{p}/x.pdf",
    "http://[::ffff:127.0.0.1]:{p}/x.pdf",
    "http://[::ffff:7f00:1]:{p}/x.pdf",
    "http://[64:ff9b::7f00:1]:{p}/x.pdf",
    "http://[2002:7f00:1::]:{p}/x.pdf",
    "http://[::1%25lo]:{p}/x.pdf",
    "http://127。0。0。1:{p}/x.pdf",
    "http://①②⑦.⓪.⓪.①:{p}/x.pdf",
    "http://ⓛocalhost:{p}/x.pdf",
    "http://127%2e0%2e0%2e1:{p}/x.pdf",
    "http://127.0.0.1%00.example:{p}/x.pdf",
    "http://user@127.0.0.1:{p}/x.pdf",
    "http://user:pass@127.0.0.1:{p}/x.pdf",
    "http://127.0.0.1:{s}@127.0.0.1:{p}/x.pdf",
    "http://127.0.0.1:{s}\\@127.0.0.1:{p}/x.pdf",
    "http://127.0.0.1:{p}#@127.0.0.1:{s}/x.pdf",
    "http://127.0.0.1:{p}?@127.0.0.1:{s}/x.pdf",
    "http://127.0.0.1:{p}\\@127.0.0.1:{s}/x.pdf",
    "http://127.0.0.1:{s}:{p}/x.pdf",
    "http://127.0.0.1:{p}:{s}/x.pdf",
    "//127.0.0.1:{p}/x.pdf",
    "///127.0.0.1:{p}/x.pdf",
    "/\\127.0.0.1:{p}/x.pdf",
    "\\\\127.0.0.1:{p}\\x.pdf",
    "http:/127.0.0.1:{p}/x.pdf",
    "http:127.0.0.1:{p}/x.pdf",
    "http:///127.0.0.1:{p}/x.pdf",
    "http:\\\\127.0.0.1:{p}\\x.pdf",
    "https://127.0.0.1:{p}/x.pdf",
    "https://localhost:{p}/x.pdf",
    "https://127.0.0.1:{s}/x.pdf",
    "ftp://127.0.0.1:{p}/x.pdf",
    "gopher://127.0.0.1:{p}/x.pdf",
    "ws://127.0.0.1:{p}/x.pdf",
    "file:///etc/passwd",
    "file://127.0.0.1:{p}/etc/passwd",
    "javascript:alert(1)",
    "data:application/pdf;base64,JVBERi0=",
    "http://127.0.0.1:{p}/x.pdf\r\nX-Evil: 1",
    "http://127.0.0.1\t:{p}/x.pdf",
    " http://127.0.0.1:{p}/x.pdf",
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1:{p}/x.pdf",
    "http://127.0.0.1:0/x.pdf",
    "http://127.0.0.1:99999/x.pdf",
    "../../../../etc/passwd",
    "x.pdf",
    "?x",
)
"""{p} is a port with ears on it, {s} the marketplace's own."""
AT_THE_MARKETPLACE = (
    "/../../../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/x?next=http://127.0.0.1:{p}/",
    "/@127.0.0.1:{p}/x.pdf",
    "http://127.0.0.1:{s}/..//127.0.0.1:{p}/x.pdf",
)
"""Strange, but the host and the port are the marketplace's: asked there, and nowhere else."""
REDIRECTS = (
    *ELSEWHERE[:12],
    "//127.0.0.1:{p}/x",
    "https://127.0.0.1:{p}/x",
    "file:///etc/passwd",
    "/\\127.0.0.1:{p}/x",
)
PATIENT = {"label_first_seconds": 3600, "max_seconds": 3600}
"""A label that is not there is not asked for again within a test."""

LABELS = """
SELECT o.*, c.state, c.attempts, a.outcome FROM orders o
LEFT JOIN calls c ON c.order_id = o.id AND c.kind = 'label' LEFT JOIN attempts a ON a.call_id = c.id
"""


def listed(shop: Shop, number: int, link: str) -> str:
    """List an order with that link."""
    this = f"7{number}_1"
    day = shop.orders[0].order_date
    row = {
        "menzzo_order_id": this,
        "sku": "A",
        "quantity": 1,
        "price": 1,
        "order_date": str(day),
        "link_to_label": link,
    }
    shop.world.arrive_raw(SUPPLIER, row, day)
    return this


def filled(shop: Shop, listener: Listener, link: str) -> str:
    return link.replace("{p}", str(listener.port)).replace("{s}", shop.sandbox.url.rpartition(":")[2])


def test_no_link_leads_anywhere_but_to_the_marketplace(tmp_path: Path) -> None:
    assert len(ELSEWHERE) >= 40
    with open_shop(tmp_path, 1) as shop, Listener() as listener:
        shop.configure(retry=PATIENT)
        links = {listed(shop, n, filled(shop, listener, link)): link for n, link in enumerate(ELSEWHERE)}
        assert shop.cycle() == 1
        assert listener.heard == []
        for row in shop.sql(LABELS):
            if (link := links.get(row["menzzo_order_id"])) is None:
                continue
            assert row["acknowledged_at"] is not None, link
            assert row["label_path"] is None, link
            unreadable = row["link_to_label"] is None and "link_to_label" in row["problem"]
            assert unreadable or (row["state"], row["attempts"], row["outcome"]) == ("parked", 1, "refused"), link
        asked = {line.target for line in shop.world.requests() if line.endpoint in {"label", "other"}}
        assert asked == {shop.orders[0].label_path}, "only the honest label was asked for"


def test_a_strange_path_is_asked_at_the_marketplace_and_names_no_file(tmp_path: Path) -> None:
    with open_shop(tmp_path, 1) as shop, Listener() as listener:
        shop.configure(retry=PATIENT)
        ids = [listed(shop, n, filled(shop, listener, link)) for n, link in enumerate(AT_THE_MARKETPLACE)]
        shop.cycle()
        assert listener.heard == []
        assert not [this for this in ids if shop.row(this)["label_path"]]
        honest = shop.orders[0].menzzo_order_id
        assert {path.name for path in (shop.state_dir / "labels").rglob("*.*")} == {f"{honest}.pdf"}


def test_no_redirect_leads_anywhere_else(tmp_path: Path) -> None:
    with open_shop(tmp_path, len(REDIRECTS)) as shop, Listener() as listener:
        for order, link in zip(shop.orders, REDIRECTS, strict=True):
            away = faults.redirect(filled(shop, listener, link), code=302)
            shop.world.faults.arm("label", away, menzzo_order_id=order.menzzo_order_id)
        assert shop.cycle() == 1
        assert listener.heard == []
        assert {row["state"] for row in shop.sql(LABELS)} == {"parked"}


def test_the_ears_hear() -> None:
    with Listener() as listener:
        for host in ("127.0.0.1", "127.0.0.2", "localhost"):
            with socket.create_connection((host, listener.port), 2) as client:
                client.sendall(b"hello")
                client.shutdown(socket.SHUT_WR)
                assert client.recv(1) == b""
        assert listener.heard == [b"hello"] * 3


@pytest.mark.parametrize("endpoint", ["get-sales", "acknowledge-sale", "ship-sale"])
def test_an_api_call_that_is_sent_elsewhere_stays(shop: Shop, endpoint: str) -> None:
    with Listener() as listener:
        away = faults.redirect(f"http://127.0.0.1:{listener.port}/api/{SUPPLIER}/{endpoint}", code=307)
        shop.configure(retry={"once_patience_seconds": 0})
        assert shop.cycle() == 0
        shop.world.arrive(SUPPLIER)
        shop.flag(shop.orders[0].menzzo_order_id)
        shop.world.faults.arm(endpoint, away, times=100)
        assert shop.cycle() in {1, 69}
        assert listener.heard == []
