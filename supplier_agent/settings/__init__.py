"""The configuration: a file and the environment become one frozen, checked value, or one error with every mistake.

`load` is the entry point. The modules are: model (every key and its default), schedule, values, addresses (what people
write), layers (file and environment), findings (mistakes as sentences), tokens.
"""

from supplier_agent.base.config_paths import PLACES
from supplier_agent.settings.hours import Hours
from supplier_agent.settings.loading import load
from supplier_agent.settings.model import KNOWN_SUPPLIERS, Http, Retry, Settings, Ship, Supplier
from supplier_agent.settings.schedule import Schedule
from supplier_agent.settings.tokens import SECRETS_DIR
from supplier_agent.settings.tokens import mark as token_mark

__all__ = [
    "KNOWN_SUPPLIERS",
    "PLACES",
    "SECRETS_DIR",
    "Hours",
    "Http",
    "Retry",
    "Schedule",
    "Settings",
    "Ship",
    "Supplier",
    "load",
    "token_mark",
]
