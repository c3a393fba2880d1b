"""Vehicles: which orders are on them, their departure, and what was recalled after it.

Facts only: the verdict judges what may be loaded and what may leave. A departure marks orders as the bench does, with actions.ship.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, and_, col, func, select

from supplier_agent import actions
from supplier_agent.db.tables import Event, Order
from supplier_agent.db.warehouse import Load, Loaded, LoadedParcel

LOADED, PARCEL, TAKEN_OFF = "loaded", "parcel loaded", "taken off"
DEPARTED, STAYED, RECALLED = "departed", "stayed behind", "recalled"
"""What the history of an order says. Its detail is the vehicle."""
LONGEST_NAME = 60
ON_IT = and_(col(Loaded.left_at).is_(None), col(Loaded.removed_at).is_(None))
"""An order on a vehicle that has not departed, as in the index loaded_once."""


def start(tx: Session, vehicle: str, now: datetime, who: str, station: str) -> Load:
    """Begin to load a vehicle."""
    load = Load(vehicle=vehicle, opened_at=now, opened_by=who, station=station)
    tx.add(load)
    tx.flush()
    return load


def open_loads(tx: Session) -> Sequence[tuple[Load, int]]:
    """Return the vehicles that are being loaded, each with its number of orders; the newest first."""
    number = select(func.count()).where(Loaded.load_id == Load.id, ON_IT).scalar_subquery()
    query = select(Load, number).where(col(Load.departed_at).is_(None)).order_by(col(Load.id).desc())
    return [(load, count) for load, count in tx.exec(query)]


def departed_loads(tx: Session, most: int) -> Sequence[tuple[Load, int]]:
    """Return the vehicles that departed last, each with the number of orders that left. A removed vehicle is none of them."""
    gone = select(func.count()).where(Loaded.load_id == Load.id, col(Loaded.left_at).is_not(None))
    number = gone.where(col(Loaded.removed_at).is_(None)).scalar_subquery()
    query = select(Load, number).where(col(Load.departed_at).is_not(None), gone.scalar_subquery() > 0)
    query = query.order_by(col(Load.id).desc()).limit(most)
    return [(load, count) for load, count in tx.exec(query)]


def on_vehicles(tx: Session) -> int:
    """Return how many orders are on vehicles that have not departed."""
    return tx.exec(select(func.count()).select_from(Loaded).where(ON_IT)).one()


def number_on(tx: Session, load: Load) -> int:
    """Return how many orders are on a vehicle that has not departed."""
    return tx.exec(select(func.count()).select_from(Loaded).where(Loaded.load_id == load.id, ON_IT)).one()


def of_load(tx: Session, load: Load) -> Sequence[Loaded]:
    """Return what was ever on a vehicle, the last one first."""
    return tx.exec(select(Loaded).where(Loaded.load_id == load.id).order_by(col(Loaded.id).desc())).all()


def place_of(tx: Session, row: int) -> tuple[Loaded, Load] | None:
    """Return on which vehicle an order is that has not departed; None if it is on none."""
    query = select(Loaded, Load).join(Load).where(Loaded.order_id == row, ON_IT)
    return tx.exec(query).first()


def pages_of(tx: Session, load: Load) -> Mapping[int, frozenset[int]]:
    """Return which parcels were scanned onto a vehicle: the pages of their present labels, by the id in `loaded`."""
    query = select(LoadedParcel).join(Loaded).join(Order).where(Loaded.load_id == load.id)
    query = query.where(LoadedParcel.label_sha256 == Order.label_sha256)
    found: dict[int, set[int]] = defaultdict(set)
    for each in tx.exec(query):
        found[each.loaded_id].add(each.page)
    return {loaded: frozenset(pages) for loaded, pages in found.items()}


def put(tx: Session, load: Load, row: int, label: str | None, now: datetime, who: str, station: str) -> Loaded:
    """Record that an order is on a vehicle with this label. It is not marked."""
    place = Loaded(load_id=load.id or 0, order_id=row, at=now, who=who, label_sha256=label)
    tx.add(place)
    tx.flush()
    _note(tx, row, now, who, LOADED, load, station)
    return place


def relabel(tx: Session, load: Load, place: Loaded, label: str | None, now: datetime, who: str, station: str) -> None:
    """Record that an order on a vehicle was scanned with another label than before."""
    place.label_sha256 = label
    tx.add(place)
    _note(tx, place.order_id, now, who, LOADED, load, station)


def put_parcel(
    tx: Session, load: Load, place: Loaded, page: int, count: str, now: datetime, who: str, station: str
) -> None:
    """Record that one more parcel of an order is on the vehicle. count: how many, of how many."""
    tx.add(LoadedParcel(loaded_id=place.id or 0, label_sha256=place.label_sha256, page=page, at=now, who=who))
    _note(tx, place.order_id, now, who, PARCEL, load, station, f" ({count})")


def take_off(tx: Session, load: Load, on_it: Loaded, now: datetime, who: str, station: str) -> None:
    """Record that an order is no longer on a vehicle."""
    on_it.removed_at, on_it.removed_by = now, who
    tx.add(on_it)
    _note(tx, on_it.order_id, now, who, TAKEN_OFF, load, station)


def depart(
    tx: Session,
    load: Load,
    leaves: Mapping[int, Loaded],
    stays: Mapping[int, tuple[Loaded, str]],
    now: datetime,
    who: str,
    station: str,
) -> None:
    """Record a departure: mark what leaves as shipped, and take off what must stay, with the reason. By row ids of orders."""
    # Many orders hold the database's lock together: they are loaded at once, and all that is new is written at once.
    for order in tx.exec(select(Order).where(col(Order.id).in_(leaves))).all():
        actions.ship(tx, order, now, who, station=station)
    for row, on_it in leaves.items():
        on_it.left_at = now
        tx.add(on_it)
        _note(tx, row, now, who, DEPARTED, load, station)
    for row, (on_it, why) in stays.items():
        on_it.removed_at, on_it.removed_by, on_it.stayed_because = now, who, why
        tx.add(on_it)
        _note(tx, row, now, who, STAYED, load, station)
    close(tx, load, now, who)


def close(tx: Session, load: Load, now: datetime, who: str) -> None:
    """Record that a vehicle is no longer loaded, without orders."""
    load.departed_at, load.departed_by = now, who
    tx.add(load)


def recall(tx: Session, load: Load, left: Loaded, now: datetime, who: str, station: str) -> None:
    """Record that an order did not leave with a vehicle after all."""
    left.removed_at, left.removed_by = now, who
    tx.add(left)
    _note(tx, left.order_id, now, who, RECALLED, load, station)


def _note(tx: Session, row: int, now: datetime, who: str, what: str, load: Load, station: str, more: str = "") -> None:
    tx.add(Event(order_id=row, at=now, who=who, what=what, detail=load.vehicle + more, station=station))
