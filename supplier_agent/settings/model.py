"""Every key of the configuration with its default and bounds. What each key means is in the example file."""

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from supplier_agent.base.files import STATE_DIR
from supplier_agent.settings.businessonbot import BusinessOnBot
from supplier_agent.settings.carriers import CARRIERS, Carrier, Dhl, FedEx, LaPoste, Ups
from supplier_agent.settings.hooks import Hooks
from supplier_agent.settings.schedule import Calendar, OwnSchedule, Schedule, calendar
from supplier_agent.settings.sections import Addresses, Alerts, Metrics, Web, parse_time_of_day, written_time
from supplier_agent.settings.shop import Shop
from supplier_agent.settings.support import Support, secret_of
from supplier_agent.settings.tokens import SECRETS_DIR, parse_token, read_next_token, read_token
from supplier_agent.settings.values import (
    BaseUrl,
    Count,
    CountOrOff,
    Day,
    Days,
    DaysOrForEver,
    Deadline,
    FieldName,
    FieldNames,
    HeartbeatUrl,
    Location,
    NotNegative,
    Origins,
    Positive,
    ProxyUrl,
    Rate,
    Section,
    Slug,
    StateDir,
    Zone,
    close,
    named_once,
)
from supplier_agent.settings.webhooks import Webhooks

WorkingDays = Annotated[int, Field(ge=0, le=60)]
S = TypeVar("S", bound=BaseModel)


class Keep(Section):
    """The `[keep]` section. Orders themselves have no key: one that was deleted would look new when it is listed again."""

    labels_days: DaysOrForEver = 90
    journal_days: DaysOrForEver = 365
    raw_days: DaysOrForEver = 90
    evidence_days: DaysOrForEver = 1095
    webhooks_days: Days = 14


class Brakes(Section):
    """The `[brakes]` section."""

    flags_per_minute: CountOrOff = 0
    not_found_in_a_row: CountOrOff = 20
    first_acknowledgements: CountOrOff = 0


class Log(Section):
    """The `[log]` section."""

    format: Literal["auto", "console", "json", "journal"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


KNOWN_SUPPLIERS: Mapping[str, Mapping[str, object]] = {
    "asir-group": {"cache_seconds": 1800, "order_number_filter": True},
    "notio": {"cache_seconds": 0, "order_number_filter": False},
}
"""What the marketplace documents for its two suppliers (API notes, 2 and 8)."""


NETWORK_VARIABLES = (
    *("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""The usual variables for proxies and certificates: used if [http] does not set them."""


class Retry(Section):
    """The `[retry]` section. A first wait above `max_seconds` is simply `max_seconds`."""

    first_seconds: Positive = 30
    max_seconds: Positive = 3600
    once_patience_seconds: NotNegative = 60
    park_after_attempts: Count = 12
    label_first_seconds: Positive = 300
    label_park_seconds: NotNegative = 259_200


class Ship(Section):
    """The `[ship]` section."""

    undo_seconds: NotNegative = 120
    after_lost_answer: Literal["ask", "resend"] = "ask"
    settle_seconds: NotNegative = 1860


class Http(Section):
    """The `[http]` section."""

    timeout_seconds: Deadline = 20
    max_label_bytes: Count = 10_485_760
    label_origins: Origins = ()
    requests_per_second_total: Rate | None = None  # None: no limit but that of each supplier
    proxy: ProxyUrl = Field(default="", repr=False)
    ca_file: Location | None = None


class Supplier(OwnSchedule):
    """One `[suppliers.SLUG]` section. Without `token` and `token_file` the token is a system or container secret."""

    token: Annotated[SecretStr, BeforeValidator(parse_token)] | None = None
    token_file: Location | None = None
    token_next: Annotated[SecretStr, BeforeValidator(parse_token)] | None = None
    token_next_file: Location | None = None
    cache_seconds: NotNegative = 0
    order_number_filter: bool = False
    start_date: Day | None = None
    read_only: bool = False
    unmasked_fields: FieldNames = ()
    instructions_field: FieldName = ""
    ship_by_days: WorkingDays | None = None  # None: no ship-by clock
    ship_by_time: Annotated[time | None, BeforeValidator(parse_time_of_day), PlainSerializer(written_time)] = None
    alert_urls: Addresses = ()
    letter_urls: Addresses = ()
    heartbeat_url: HeartbeatUrl = Field(default="", repr=False)
    support: Support | None = None  # None: the support API is not used
    shop: Shop | None = None  # None: the supplier's own shop is not connected
    laposte: LaPoste | None = None  # None: this carrier is not asked, like the next three
    dhl: Dhl | None = None
    ups: Ups | None = None
    fedex: FedEx | None = None
    businessonbot: BusinessOnBot | None = None  # None: no WhatsApp bot is connected

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if self.token is not None and self.token_file is not None:
            raise ValueError("has both token and token_file; keep one")
        if self.token_next is not None and self.token_next_file is not None:
            raise ValueError("has both token_next and token_next_file; keep one")
        if self.businessonbot is not None and self.businessonbot.send_dispatched:
            self.businessonbot.must_fit(self.shop)
        return self

    @property
    def carriers(self) -> Mapping[str, Carrier]:
        """The carriers that are asked about its parcels, by the kind of account, in the order in which they are tried."""
        sections = {kind: getattr(self, kind) for kind in CARRIERS}
        return {kind: each for kind, each in sections.items() if each is not None}


class Settings(BaseSettings):
    """The whole configuration. `load` builds it from a file and the environment, a test from keywords."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: BaseUrl = "https://api.menzzo.fr"
    state_dir: StateDir = STATE_DIR
    requests_per_second: Rate = 1.0
    timezone: Zone = ZoneInfo("Europe/Paris")
    heartbeat_url: HeartbeatUrl = Field(default="", repr=False)
    read_only: bool = False
    schedule: Schedule = Schedule()
    retry: Retry = Retry()
    ship: Ship = Ship()
    http: Http = Http()
    web: Web = Web()
    metrics: Metrics = Metrics()
    alerts: Alerts = Alerts()
    keep: Keep = Keep()
    brakes: Brakes = Brakes()
    log: Log = Log()
    hooks: Hooks = ()
    calls: dict[str, dict[str, bool | int | float | str]] = Field(default_factory=dict, repr=False)  # may be secrets
    suppliers: dict[Slug, Supplier] = Field(default_factory=dict, validate_default=True)
    webhooks: Webhooks = ()

    _config_path: Path | None = PrivateAttr(default=None)
    _warnings: tuple[str, ...] = PrivateAttr(default=())
    _network_env: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _calls_on: frozenset[str] | None = PrivateAttr(default=None)

    def __init__(
        self,
        *sources: PydanticBaseSettingsSource,
        config_path: Path | None = None,
        warnings: tuple[str, ...] = (),
        network_env: Mapping[str, str] = MappingProxyType({}),
        calls_on: Iterable[str] | None = None,
        **values: object,
    ) -> None:
        # Sources are passed in: os.environ and .env files are never read implicitly.
        super().__init__(_build_sources=(sources or (InitSettingsSource(type(self), values),), values))
        self._config_path = config_path
        self._warnings = warnings
        self._network_env = {name: network_env[name] for name in NETWORK_VARIABLES if network_env.get(name)}
        self._calls_on = None if calls_on is None else frozenset(calls_on)

    def of_call(self, kind: str, section: type[S]) -> S:
        """Return the keys of `[calls.KIND]`, as the file of that call declares them. `Calls.check` has proved them."""
        return section.model_validate(self.calls.get(kind, {}))

    @property
    def config_path(self) -> Path | None:
        """The file that was read; None if everything came from the environment."""
        return self._config_path

    @property
    def listen(self) -> str:
        """Where the page's process listens, for people and for machines; "": nowhere."""
        return " and ".join(filter(None, (self.web.listen, self.metrics.listen)))

    @property
    def network_env(self) -> Mapping[str, str]:
        """The variables for proxy and certificates (NETWORK_VARIABLES) that are set; used by egress.py."""
        return self._network_env

    @property
    def calls_on(self) -> frozenset[str] | None:
        """The kinds of calls that are switched on, in a process that has no keys of `[calls]`; None: the keys say it."""
        return self._calls_on

    @property
    def warnings(self) -> tuple[str, ...]:
        """Settings that work but are probably a mistake, as sentences for people."""
        return (*self._warnings, *self._doubts())

    def calendar(self, slug: str) -> Calendar:
        """Return when this supplier's warehouse works."""
        schedule = self.schedule_of(slug)
        return calendar(schedule.business_hours, schedule.business_days, schedule.holidays, self.timezone)

    def schedule_of(self, slug: str) -> Schedule:
        """Return the schedule of a supplier: `[schedule]`, with the keys of its own section."""
        supplier = self.suppliers.get(slug)
        return self.schedule if supplier is None else supplier.over(self.schedule)

    def only_reads(self, slug: str) -> bool:
        """Tell whether no call is made for this supplier, or for all suppliers."""
        supplier = self.suppliers.get(slug)
        return self.read_only or (supplier is not None and supplier.read_only)

    def poll_interval(self, slug: str, now: datetime) -> float:
        """Return the seconds between two polls, as of now. Asked again at each look, so the opening hour counts at once."""
        schedule = self.schedule_of(slug)
        return schedule.poll_seconds if self.calendar(slug).is_open(now) else schedule.off_hours_poll_seconds

    def counted_ago(self, slug: str, seconds: float, now: datetime) -> datetime:
        """Return the instant since which so much time has counted for the age of this supplier's orders (alerts.age_counts)."""
        return self.calendar(slug).ago(now, seconds, self.alerts.age_counts)

    @property
    def has_ship_by(self) -> bool:
        """Tell whether any supplier has a ship-by clock."""
        return any(each.ship_by_days is not None for each in self.suppliers.values())

    def ship_by(self, slug: str, seen: datetime) -> datetime | None:
        """Return until when an order of this supplier that was first seen then must leave; None: it has no ship-by clock."""
        supplier = self.suppliers.get(slug)
        if supplier is None or supplier.ship_by_days is None:
            return None
        return self.calendar(slug).ship_by(seen, supplier.ship_by_days, supplier.ship_by_time)

    def overdue_before(self, slug: str, now: datetime) -> datetime | None:
        """Return the instant before which an order was first seen if it must have left by now; None: as above."""
        supplier = self.suppliers.get(slug)
        if supplier is None or supplier.ship_by_days is None:
            return None
        return self.calendar(slug).overdue_before(now, supplier.ship_by_days, supplier.ship_by_time)

    def token_of(self, slug: str, env: Mapping[str, str], secrets_dir: Path = SECRETS_DIR) -> str:
        """Return the supplier's current token; it is read at each call, so that a new one is noticed."""
        supplier = self.suppliers[slug]
        return read_token(slug, supplier.token, supplier.token_file, env, secrets_dir)

    def has_account(self, slug: str, kind: str) -> bool:
        """Tell whether a supplier is configured, and so is its account of this kind, if that has a section of its own."""
        supplier = self.suppliers.get(slug)
        return supplier is not None and getattr(supplier, kind, supplier) is not None

    def shop_of(self, slug: str) -> Shop | None:
        """Return how the supplier's own shop is connected; None: it is not."""
        supplier = self.suppliers.get(slug)
        return None if supplier is None else supplier.shop

    def bot_of(self, slug: str) -> BusinessOnBot | None:
        """Return how the supplier's WhatsApp bot is connected; None: it is not."""
        supplier = self.suppliers.get(slug)
        return None if supplier is None else supplier.businessonbot

    def next_token_of(self, slug: str, env: Mapping[str, str], secrets_dir: Path = SECRETS_DIR) -> str | None:
        """Return the token that follows the present one; None: there is none yet. Read at each call."""
        supplier = self.suppliers[slug]
        shared = f"{slug}-next" in self.suppliers  # then the secret of that name belongs to the other supplier
        return read_next_token(
            slug, supplier.token_next, supplier.token_next_file, env, None if shared else secrets_dir
        )

    def support_of(self, slug: str) -> Support | None:
        """Return how this supplier uses the support API; None: not at all."""
        supplier = self.suppliers.get(slug)
        return None if supplier is None else supplier.support

    def carrier_of(self, slug: str, kind: str) -> Carrier | None:
        """Return how this supplier asks a carrier, by the kind of its account; None: it does not."""
        supplier = self.suppliers.get(slug)
        return None if supplier is None else supplier.carriers.get(kind)

    def carrier_for(self, slug: str, name: str | None) -> str | None:
        """Return the kind of the carrier that is asked about an order with this carrier's name; None: none is."""
        supplier = self.suppliers.get(slug)
        carriers = {} if supplier is None else supplier.carriers
        return next((kind for kind, each in carriers.items() if each.takes(name)), None)

    def support_token_of(self, slug: str, env: Mapping[str, str], secrets_dir: Path = SECRETS_DIR) -> str:
        """Return the supplier's current token for the support API; as `token_of`. It must have a section `support`."""
        support = self.support_of(slug)
        assert support is not None  # noqa: S101 - the caller has looked
        return read_token(secret_of(slug), support.token, support.token_file, env, secrets_dir)

    @field_validator("suppliers", mode="before")
    @classmethod
    def _with_known_defaults(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        if not given:
            raise ValueError("is empty: add the supplier whose orders are yours, like [suppliers.asir-group]")
        return {
            slug: {**KNOWN_SUPPLIERS.get(slug, {}), **supplier} if isinstance(supplier, dict) else supplier
            for slug, supplier in given.items()
        }

    @field_validator("webhooks", mode="after")
    @classmethod
    def _webhooks_fit(cls, given: Webhooks, info: ValidationInfo) -> Webhooks:
        known = info.data.get("suppliers", {})  # without the key: they have mistakes of their own
        for webhook in given if known else ():
            if unknown := sorted(set(webhook.suppliers) - known.keys()):
                raise ValueError(f"({webhook.name}) names suppliers that are not configured: {', '.join(unknown)}")
        return named_once("webhooks")(given)

    def _doubts(self) -> list[str]:
        doubts = []
        if urlsplit(self.base_url).path.rpartition("/")[2] in {"api", *self.suppliers}:
            doubts.append("base_url ends in a part of the API's own paths; the agent adds /api/SUPPLIER itself.")
        if self.requests_per_second > 1 and self.base_url.startswith("https:"):
            doubts.append("requests_per_second is above 1, which is the most that the marketplace recommends.")
        for slug in self.suppliers:
            meant = None if slug in KNOWN_SUPPLIERS else close(slug, list(KNOWN_SUPPLIERS), likeness=0.8)
            if meant:
                doubts.append(f"suppliers.{slug} is not a supplier we know of; did you mean suppliers.{meant}?")
        return doubts
