"""The Evennia plug-in: channels, tells and who over the Intermud-3 gateway. EVENNIA.md says how to set it up.

`portal` runs in Evennia's Portal and keeps the connection, also while the Server reloads; `bot` is its account in the game;
`commands` are what players type.
"""

from __future__ import annotations

BOT_KEY = "intermud3"


def at_server_start() -> None:
    """To be called by `at_server_start` in the game's server/conf/at_server_startstop.py: starts the bot, made at the first time."""
    from evennia import create_account, search_account  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from evennia.utils import utils  # type: ignore[import-not-found, import-untyped, unused-ignore]

    found = search_account(BOT_KEY)
    if found:
        bot = found[0]
        bot.connect_channels()
        bot.publish_presence()
    else:
        bot = create_account(BOT_KEY, None, None, typeclass="i3_gateway.evennia.bot.I3Bot")
    # When the Server reloads, the Portal gives its session back a moment later.
    utils.delay(2, bot.start)
