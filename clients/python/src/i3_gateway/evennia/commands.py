"""What players type. Add `I3CmdSet` to the game's AccountCmdSet in commands/default_cmdsets.py."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from evennia import CmdSet  # type: ignore[import-not-found, import-untyped, unused-ignore]
from evennia.commands.default.muxcommand import MuxAccountCommand  # type: ignore[import-not-found, import-untyped, unused-ignore]
from evennia.utils.ansi import raw  # type: ignore[import-not-found, import-untyped, unused-ignore]
from evennia.utils.evtable import EvTable  # type: ignore[import-not-found, import-untyped, unused-ignore]

from .bot import bots


class _I3Command(MuxAccountCommand):  # type: ignore[misc, unused-ignore]
    help_category = "Intermud-3"
    locks = "cmd:all()"

    @property
    def speaker(self) -> str:
        """The name that the network sees: the character's, or the account's."""
        puppet = self.session.get_puppet() if self.session else None
        return str((puppet or self.caller).key)

    def ask(self, method: str, params: Dict[str, Any], show: Callable[[Dict[str, Any]], str]) -> None:
        """Calls a method, and shows its result or the reason why there is none."""
        found = bots()
        if not found:
            self.msg("Intermud-3 is not set up.")
            return
        session = self.session

        def answer(result: Optional[Dict[str, Any]], error: Optional[str]) -> None:
            self.caller.msg(f"|wIntermud-3:|n {raw(error)}" if error is not None else show(result or {}), session=session)

        found[0].ask(method, {"from_user": self.speaker, **params}, answer)


def _address(text: str) -> Optional[Dict[str, str]]:
    user, at, mud = text.strip().partition("@")
    return {"target_user": user.strip(), "target_mud": mud.strip()} if at and user.strip() and mud.strip() else None


class CmdI3Tell(_I3Command):
    """
    tell somebody on another mud

    Usage:
      i3tell user@mud = text
      i3reply text

    With ':' in front of the text it is an emote. i3reply answers whoever told you something last. The mud's name may be
    shortened.
    """

    key = "i3tell"
    aliases = ["i3reply"]

    def func(self) -> None:
        if self.cmdstring.lower() == "i3reply":
            puppet = self.session.get_puppet() if self.session else None
            target = (puppet or self.caller).attributes.get("i3_last_sender", default="")
            text = self.args.strip()
        else:
            target, text = self.lhs, (self.rhs or "").strip()
        to = _address(target)
        if to is None or not text:
            self.msg("Usage: i3tell user@mud = text" if target or not text else "Nobody has told you anything.")
        elif text.startswith((":", ";")):
            emote = f"$N {text[1:].lstrip()}"
            self.ask("emoteto", {**to, "emote": emote}, lambda result: f"You emote to {raw(target)}: {raw(text[1:].lstrip())}")
        else:
            self.ask("tell", {**to, "message": text}, lambda result: f"You tell |c{raw(target)}|n: {raw(text)}")


class CmdI3Who(_I3Command):
    """
    see who is on another mud

    Usage:
      i3who mud
    """

    key = "i3who"

    def func(self) -> None:
        mud = self.args.strip()
        if not mud:
            self.msg("Usage: i3who mud")
            return

        def show(result: Dict[str, Any]) -> str:
            table = EvTable("name", "idle", "", border="header")
            for user in result.get("users", []):
                table.add_row(raw(str(user["name"])), f"{user.get('idle', 0) // 60} min", raw(str(user.get("extra", ""))))
            return f"{raw(str(result.get('from_mud', mud)))}: {len(result.get('users', []))} on\n{table}"

        self.ask("who", {"target_mud": mud, "wait": True}, show)


class CmdI3Finger(_I3Command):
    """
    ask about a user of another mud, or where a user is

    Usage:
      i3finger user@mud
      i3locate user
    """

    key = "i3finger"
    aliases = ["i3locate"]

    def func(self) -> None:
        if self.cmdstring.lower() == "i3locate":
            if not self.args.strip():
                self.msg("Usage: i3locate user")
                return

            def found(answer: Dict[str, Any]) -> str:
                return str(raw(f"{answer.get('located_user')} is on {answer.get('located_mud')}."))

            self.ask("locate", {"target_user": self.args.strip(), "wait": True}, found)
            return
        to = _address(self.args)
        if to is None:
            self.msg("Usage: i3finger user@mud")
            return

        def show(answer: Dict[str, Any]) -> str:
            told = {name: value for name, value in answer.get("user_info", {}).items() if value not in ("", None)}
            return "\n".join(f"|w{name}|n: {raw(str(value))}" for name, value in told.items())

        self.ask("finger", {**to, "wait": True}, show)


class CmdI3Muds(_I3Command):
    """
    list the muds, or the channels, of the network

    Usage:
      i3muds [part of a name]
      i3channels
    """

    key = "i3muds"
    aliases = ["i3channels", "i3mudlist", "i3chanlist"]

    def func(self) -> None:
        if self.cmdstring.lower() in ("i3channels", "i3chanlist"):

            def channels(result: Dict[str, Any]) -> str:
                joined = set(result["subscribed_channels"])
                return "\n".join(
                    raw(f"{channel['name']} ({channel['owner']})") + (" *" if channel["name"] in joined else "")
                    for channel in result["channels"]
                )

            self.ask("channel_list", {}, channels)
            return
        part = self.args.strip().lower()

        def muds(result: Dict[str, Any]) -> str:
            table = EvTable("mud", "address", "mudlib", border="header")
            for mud in result["muds"]:
                if part in mud["name"].lower():
                    table.add_row(raw(mud["name"]), raw(f"{mud['host']} {mud['port']}"), raw(mud["mudlib"]))
            return str(table)

        self.ask("mudlist", {"filter": {"status": "up"}}, muds)


class I3CmdSet(CmdSet):  # type: ignore[misc, unused-ignore]
    """The commands of the network."""

    key = "I3CmdSet"

    def at_cmdset_creation(self) -> None:
        for command in (CmdI3Tell, CmdI3Who, CmdI3Finger, CmdI3Muds):
            self.add(command())
