"""The bot's account in the game: it relays between Evennia's channels and the network's, and carries out the commands.

The settings are the game's (server/conf/settings.py and secret_settings.py):

    I3_API_KEY = "…"                    the key of the game
    I3_ADDRESS = "tcp://127.0.0.1:8081" where the gateway is
    I3_CHANNELS = {"Public": "chat"}    Evennia's channels, and those of the network

Without them, I3_API_KEY, I3_GATEWAY_HOST, I3_GATEWAY_PORT and I3_GATEWAY_URL of the environment count.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any, Callable, Dict, List, Optional

import evennia  # type: ignore[import-not-found, import-untyped, unused-ignore]
from django.conf import settings  # type: ignore[import-not-found, import-untyped, unused-ignore]
from evennia.accounts.bots import Bot  # type: ignore[import-not-found, import-untyped, unused-ignore]
from evennia.server import signals  # type: ignore[import-not-found, import-untyped, unused-ignore]
from evennia.utils import logger, search  # type: ignore[import-not-found, import-untyped, unused-ignore]
from evennia.utils.ansi import raw, strip_ansi  # type: ignore[import-not-found, import-untyped, unused-ignore]

from ..address import Address

Answer = Callable[[Optional[Dict[str, Any]], Optional[str]], None]


def client_options() -> Dict[str, Any]:
    address = getattr(settings, "I3_ADDRESS", None) or str(Address.from_env())
    return {
        "address": address,
        "api_key": getattr(settings, "I3_API_KEY", None) or os.environ.get("I3_API_KEY"),
        "client": getattr(settings, "I3_CLIENT", "evennia"),
        "channels": sorted(set(links().values())),
        "text_format": "plain",
        "echo": False,
    }


def links() -> Dict[str, str]:
    """Evennia's channels, and the channel of the network that each is linked to."""
    return dict(getattr(settings, "I3_CHANNELS", {}))


def present() -> Dict[str, Any]:
    """Who is on, by name: what a player is addressed by, and the account or character that hears it."""
    found: Dict[str, Any] = {}
    for session in evennia.SESSION_HANDLER.get_sessions():
        account = session.get_account()
        if account is not None and not getattr(account, "is_bot", False) and not isinstance(account, I3Bot):
            listener = session.get_puppet() or account
            found[listener.key] = listener
    return found


class I3Bot(Bot):  # type: ignore[misc, unused-ignore]
    """See above. `i3_gateway.evennia.at_server_start` makes and starts it."""

    factory_path = "i3_gateway.evennia.portal.I3Factory"

    def start(self, **kwargs: Any) -> None:
        """Asks the Portal for the session, unless it has one with the same settings."""
        options = client_options()
        if not options["api_key"]:
            logger.log_err("Intermud-3: set I3_API_KEY in server/conf/secret_settings.py")
            return
        self.connect_channels()
        digest = hashlib.sha256(repr(sorted(options.items())).encode()).hexdigest()  # the key is not kept in the database
        if self.sessions.all() and self.db.started_with == digest:
            return  # the Portal has kept the session while the Server reloaded
        self.db.started_with = digest
        evennia.SESSION_HANDLER.start_bot_session(self.factory_path, {"uid": self.dbid, "options": options})

    def connect_channels(self) -> None:
        """Subscribes to Evennia's channels."""
        for name in links():
            for channel in search.search_channel(name):
                if not channel.has_connection(self):
                    channel.connect(self)
                break
            else:
                logger.log_err(f"Intermud-3: Evennia's channel {name} of I3_CHANNELS does not exist")

    def at_init(self) -> None:
        super().at_init()
        for signal in (signals.SIGNAL_OBJECT_POST_PUPPET, signals.SIGNAL_OBJECT_POST_UNPUPPET, signals.SIGNAL_ACCOUNT_POST_LOGOUT):
            signal.connect(_people_changed, dispatch_uid="i3_gateway")

    def at_msg_send(self, **kwargs: Any) -> None:
        """As the other bots: what is sent to a bot has no sender to be told."""

    # -- to the network ------------------------------------------------------------------------------------------------

    def msg(self, text: Any = None, **kwargs: Any) -> None:
        """Only what is meant for the Portal leaves: a bot reads no texts."""
        told = {name: value for name, value in kwargs.items() if name.startswith("i3_")}
        if told and self.sessions.all():
            super().msg(**told)

    def ask(self, method: str, params: Dict[str, Any], answer: Optional[Answer] = None) -> None:
        """Calls a method of the API. `answer` gets the result, or else the reason for players why there is none."""
        if not self.sessions.all():
            if answer:
                answer(None, "Intermud-3 is not connected.")
            return
        calls = self.ndb.calls = self.ndb.calls or {}
        token = self.ndb.token = (self.ndb.token or 0) + 1
        if answer is not None:
            calls[token] = answer
            while len(calls) > 500:  # answers that were lost with a Portal
                del calls[next(iter(calls))]
        self.msg(i3_call=((token, method, params), {}))

    def publish_presence(self) -> None:
        """Tells the network who is on."""
        self.msg(i3_presence=(([{"name": name} for name in present()],), {}))

    def at_pre_channel_msg(self, message: str, channel: Any, senders: Any = None, **kwargs: Any) -> str:
        return message  # without the prefix and the sender that players see

    def channel_msg(self, message: str, channel: Any, senders: Any = None, relayed: bool = False, **kwargs: Any) -> None:
        """A line of Evennia's channel goes to the network."""
        remote = {name.lower(): other for name, other in links().items()}.get(channel.key.lower())
        if relayed or remote is None or not senders:
            return
        text = strip_ansi(message.strip())
        who = senders[0].key
        params = {"channel": remote, "from_user": who}
        if text.startswith((":", ";")):
            self.ask("channel_emote", {**params, "emote": f"$N {text[1:].lstrip()}"}, _complain(senders[0]))
        elif text:
            self.ask("channel_send", {**params, "message": text}, _complain(senders[0]))

    # -- from the network ----------------------------------------------------------------------------------------------

    def execute_cmd(self, txt: Any = None, session: Any = None, i3: Optional[str] = None, **kwargs: Any) -> None:
        """What the Portal reports, through the inputfunc bot_data_in."""
        if i3 == "answer":
            answer = (self.ndb.calls or {}).pop(kwargs.get("token"), None)
            if answer is not None:
                answer(kwargs.get("result"), kwargs.get("error"))
        elif i3 == "event":
            try:
                self.heard(kwargs["name"], kwargs["params"])
            except Exception:
                logger.log_trace("Intermud-3: an event could not be handled")
            self.msg(i3_handled=((kwargs["number"],), {}))

    def heard(self, name: str, params: Dict[str, Any]) -> None:
        """One event. A game can do more with it in a subclass."""
        if name in ("channel_message", "channel_emote", "channel_targeted_emote"):
            sender = f"{params['visname']}@{params['from_mud']}"
            line = f"{sender}: {params['message']}" if name == "channel_message" else params["message"]
            for local, remote in links().items():
                if remote.lower() == params["channel"].lower():
                    for channel in search.search_channel(local)[:1]:
                        # Codes in a text of strangers are shown as they are.
                        channel.msg(raw(line), senders=None, relayed=True)
        elif name in ("tell_received", "emoteto_received", "beep_received"):
            self.told(name, params)
        elif name == "error_occurred":
            listener = _listener(params.get("to_user", ""))
            if listener is not None:
                listener.msg(f"|wIntermud-3:|n {raw(params['error_message'])}")
        elif name == "connected":
            logger.log_info(f"Intermud-3: connected as {params.get('mud_name')}")
            self.publish_presence()

    def told(self, name: str, params: Dict[str, Any]) -> None:
        """A tell, an emote or a beep for one player."""
        listener = _listener(params["to_user"])
        if listener is None:
            logger.log_info(f"Intermud-3: a tell for {params['to_user']}, who is not on")
            return
        sender = raw(f"{params['visname']}@{params['from_mud']}")
        listener.attributes.add("i3_last_sender", f"{params['from_user']}@{params['from_mud']}")
        if name == "tell_received":
            listener.msg(f"|c{sender}|n tells you: {raw(params['message'])}")
        elif name == "emoteto_received":
            listener.msg(f"|cIntermud-3:|n {raw(params['message'])}")
        else:
            listener.msg(f"|c{sender}|n beeps you.")


def _listener(user: str) -> Any:
    names = {name.lower(): listener for name, listener in present().items()}
    return names.get(user.lower())


def _complain(sender: Any) -> Answer:
    def answer(result: Optional[Dict[str, Any]], error: Optional[str]) -> None:
        if error is not None:
            sender.msg(f"|wIntermud-3:|n {raw(error)}")

    return answer


def bots() -> List[Any]:
    return list(I3Bot.objects.all())


def _people_changed(**kwargs: Any) -> None:
    for bot in bots():
        # A moment later: the session is not out of the list yet.
        evennia.utils.utils.delay(0.5, bot.publish_presence)
