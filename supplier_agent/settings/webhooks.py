"""The `[[webhooks]]` tables: who is told of which events, and the secret by which the receiver knows that an event is ours.

The signature is that of Standard Webhooks (https://www.standardwebhooks.com), so a receiver checks it with a library.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from supplier_agent.base.errors import ConfigError
from supplier_agent.base.standard_webhooks import LEAST_BYTES, MOST_BYTES, MOST_FILE_BYTES, PREFIX, key_of
from supplier_agent.settings.tokens import SECRETS_DIR, read_file, secret_folders
from supplier_agent.settings.values import Location, Rate, Section, Slug, as_text, close, is_loopback, parse_list, split

STAGES = ("new", "acknowledged", "ready", "flagged", "shipped", "held", "attention", "closed")
"""The stages of an order that an event can tell of; a test compares them with verdict.Stage."""
PROBLEM_STARTED, PROBLEM_ENDED = "order.problem_started", "order.problem_ended"
PAUSED, RESUMED = "supplier.paused", "supplier.resumed"
TYPES = (*(f"order.{stage}" for stage in STAGES), PROBLEM_STARTED, PROBLEM_ENDED, PAUSED, RESUMED)
"""Every type of event."""
TEST = "webhook.test"
"""The type of the event that `webhooks test` sends, whatever `events` says."""
_NAME = re.compile(r"\A[a-z0-9][a-z0-9-]{0,40}\Z")
SHAPE = f"a secret is {PREFIX} and then the base64 of {LEAST_BYTES} to {MOST_BYTES} random bytes"
MAKE = "make one: printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\""


def parse_name(value: object) -> str:
    """Return the name of a webhook. It is part of the kind of its calls."""
    if isinstance(value, str) and _NAME.match(value):
        return value
    raise ValueError('must be a short name like "erp": 1 to 41 of a-z, 0-9 and -')


def parse_url(value: object) -> SecretStr:
    """Return where the events go. It may contain a secret, so it is not shown. https, or http to this machine."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    parts = split(text)
    if "@" in parts.netloc:
        raise ValueError("has a user or password before the host; leave it out, each event is signed")
    if parts.fragment:
        raise ValueError("has a fragment (#…), which is never sent; leave it out")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("must start with https:// (http only goes to this machine, like http://127.0.0.1:8080/hook)")
    return SecretStr(str(text))


def parse_secret(value: object) -> SecretStr:
    """Return an inline secret. It is checked when it is used, like one from a file."""
    return SecretStr(as_text(value.get_secret_value() if isinstance(value, SecretStr) else value).strip())


def parse_events(value: object) -> tuple[str, ...]:
    """Return the types of events that these names and patterns mean, in the order of TYPES."""
    patterns = parse_list(value, '["order.shipped", "supplier.*"]')
    found: set[str] = set()
    for place, pattern in enumerate(patterns, 1):
        matching = {each for each in TYPES if isinstance(pattern, str) and fnmatchcase(each, pattern)}
        if not matching:
            meant = close(pattern, list(TYPES)) if isinstance(pattern, str) else None
            hint = f'did you mean "{meant}"?' if meant else f"known are {', '.join(TYPES)}"
            raise ValueError(f"names no event at place {place}; {hint}")
        found |= matching
    if not found:
        raise ValueError("is empty, so nothing would be sent; leave it out for all events")
    return tuple(each for each in TYPES if each in found)


def _names(value: object) -> object:
    return tuple(parse_list(value, '["notio"]'))


class Webhook(Section):
    """One `[[webhooks]]` table. Without `secret` and `secret_file` it is a system or container secret, `webhook-NAME`."""

    name: Annotated[str, BeforeValidator(parse_name)]
    url: Annotated[SecretStr, BeforeValidator(parse_url)]
    secret: Annotated[SecretStr, BeforeValidator(parse_secret)] | None = None
    secret_file: Location | None = None
    events: Annotated[tuple[str, ...], BeforeValidator(parse_events)] = TYPES
    suppliers: Annotated[tuple[Slug, ...], BeforeValidator(_names)] = ()  # (): all of them
    requests_per_second: Rate = 2.0
    give_up_seconds: Annotated[float, Field(ge=60, le=30 * 86_400)] = 259_200

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.secret is not None and self.secret_file is not None:
            raise ValueError("has both secret and secret_file; keep one")
        return self

    def takes(self, type_: str, supplier: str) -> bool:
        """Tell whether an event of this type and supplier is sent to it."""
        return type_ in self.events and (not self.suppliers or supplier in self.suppliers)

    @property
    def host(self) -> str:
        """The host of its URL: what may be shown of it."""
        return split(self.url.get_secret_value()).netloc

    @property
    def kind(self) -> str:
        """The kind of its calls, which is also the name of its account."""
        return kind_of(self.name)


def kind_of(name: str) -> str:
    """Return the kind of the calls to a webhook."""
    return f"webhook.{name}"


def parse_webhooks(value: object) -> list[object]:
    """Return the tables, from the file, or from text (a variable) as JSON."""
    return parse_list(value, '[{ name = "erp", url = "https://…", secret_file = "…" }]', separator=None)


Webhooks = Annotated[tuple[Webhook, ...], BeforeValidator(parse_webhooks)]


# -- The secret, read when it is needed. Never shown.


def secret_of(webhook: Webhook, env: Mapping[str, str], secrets_dir: Path = SECRETS_DIR) -> str:
    """Return the secret as it is now: inline, else from `secret_file`, else `webhook-NAME` of a secrets folder.

    It may be several, with blanks or lines between: each event is signed with all of them, so that a new one can be brought in
    while the receiver still checks the old one. Raises ConfigError.
    """
    where = f"webhooks.{webhook.name}"
    if webhook.secret is not None:
        return _checked(webhook.name, f"{where}.secret", webhook.secret.get_secret_value())
    if webhook.secret_file is not None:
        return _checked(webhook.name, str(webhook.secret_file), _read(webhook.name, webhook.secret_file))
    for folder in secret_folders(env, secrets_dir):
        file = folder / f"webhook-{webhook.name}"
        if file.exists():
            return _checked(webhook.name, str(file), _read(webhook.name, file))
    raise ConfigError(
        f"There is no secret for webhook {webhook.name}: it has neither secret nor secret_file.",
        f"Put it into a file that only the agent may read, and set secret_file of this [[webhooks]] to its path; {MAKE}",
    )


def keys_of(secret: str) -> list[bytes]:
    """Return the signing keys of a secret that `secret_of` has checked."""
    return [key for each in secret.split() if (key := key_of(each)) is not None]


def _read(name: str, file: Path) -> str:
    cure = f"Create it, and let the user that runs the agent read it, and nobody else; {MAKE}"
    return read_file(file, f"The secret file of webhook {name}, {file},", cure, MOST_FILE_BYTES)


def _checked(name: str, place: str, secret: str) -> str:
    if any(key_of(each) is None for each in secret.split() or [""]):
        raise ConfigError(f"The secret of webhook {name} ({place}) cannot be used: {SHAPE}.", f"Replace it; {MAKE}")
    return secret
