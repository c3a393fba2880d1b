"""The configuration: a file and the environment become one frozen, checked value, or one error with every mistake.

`load` is the entry point. model has every key and its default (sections and schedule for the larger sections, values for what
people write), layers reads file and environment, tokens reads secrets when they are needed, dump writes settings out.
"""

from supplier_agent.base.files import PLACES
from supplier_agent.settings.loading import load
from supplier_agent.settings.model import KNOWN_SUPPLIERS, Http, Retry, Settings, Ship, Supplier
from supplier_agent.settings.schedule import Hours, Schedule
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
