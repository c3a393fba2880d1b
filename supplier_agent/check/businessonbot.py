"""The suppliers' own WhatsApp bots in `check`: their keys, and what each direction needs. It sends no message to any customer."""

import stat

from supplier_agent.base.errors import ConfigError
from supplier_agent.check.report import Report
from supplier_agent.settings import Settings
from supplier_agent.settings.businessonbot import PATH, BusinessOnBot

HOW_TO = "docs/how-to/businessonbot.md"
OTHERS = stat.S_IROTH | stat.S_IWOTH
TRIED = "BusinessOnBot was tried against a stand-in only, made from its Notifications API, which has no version"


def look(report: Report, settings: Settings) -> None:
    """Check the bot of every supplier that has one."""
    for name in settings.suppliers:
        bot = settings.bot_of(name)
        if bot is not None:
            _one(report, settings, name, bot)


def _one(report: Report, settings: Settings, name: str, bot: BusinessOnBot) -> None:
    report.note(f"{name}: {TRIED}", f"place an order of your own in the shop, and compare the message with {HOW_TO}")
    where = f"{name}: the key file of BusinessOnBot, {bot.key_file},"
    try:
        number, mode = len(bot.keys(name)), bot.key_file.stat().st_mode
    except ConfigError as error:
        report.error(error)
        return
    if bot.key_file.is_relative_to(settings.state_dir):
        report.doubt(
            f"{where} is in state_dir, which staff can read and every backup copies", "move it, and correct key_file"
        )
    if mode & OTHERS:
        report.doubt(f"{where} can be opened by every user of this machine", f"chmod 640 {bot.key_file}")
    report.good(f"{where} holds {number} key{'s' if number > 1 else ''}")
    if not bot.send_dispatched and not bot.answer_requests:
        report.doubt(f"{name}: its bot is connected, and both directions are off", f"see {HOW_TO}")
    if bot.answer_requests and settings.web.address is None:
        what = f"{name}: the bot is to be answered, but the page, which does that, is off"
        report.doubt(what, '[web] listen = "127.0.0.1:8080", then restart the agent')
    elif bot.answer_requests:
        report.good(f"{name}: its bot is answered at {PATH}/{name}")
    if bot.answer_requests and settings.web.is_open and not settings.web.origin.startswith("https:"):
        what = f"{name}: other machines can reach the page without encryption: the bot's key can be read on the network"
        report.doubt(what, f"put a proxy in front that speaks https: {HOW_TO}")
    if bot.send_dispatched:
        report.good(f"{name}: customers of its own shop are told that their order has left; those of Menzzo never are")
