#!/usr/bin/env python3
"""Plays a game with a head of clients/c through a real gateway and router.

    play.py ROUTER GATEWAY ENGINE NAME

ROUTER and GATEWAY are the programs, ENGINE is a stand-in for an engine with its head, NAME one of tbamud, rom, smaug,
afkmud. The game is the mud Home; this program is the mud Far, and the players of both.
"""
import os
import re
import signal
import subprocess
import sys
import time

from network import PATIENCE, Network, Player

ROUTER, GATEWAY, ENGINE, NAME = sys.argv[1:5]
# What players write for red, where the head sends typed colours as colours.
RED = {"tbamud": None, "rom": "{Rred{x", "smaug": "&Rred&w", "afkmud": "&Rred&d"}[NAME]
# One of the games writes Latin-1.
CHARSET = "latin-1" if NAME == "smaug" else "utf-8"
# What would be a code on some engine: players must see it as it was written.
CODES = "{R &R @R $n ^r }x %s %n {{ && @@ end"


class Play(Network):
    def __init__(self):
        super().__init__(ROUTER, GATEWAY)
        os.mkdir(self.folder + "/i3")
        with open(self.folder + "/i3.conf", "w") as file:
            file.write("# settings of the game\nport %d\nkey the-key-of-home\nclient %s\nplayers %s/i3\nchannel chat\ncharset %s\n"
                       % (self.port, NAME, self.folder, CHARSET))
        self.start_game()

    def start_game(self):
        self.game = self.start("game", [ENGINE, self.folder + "/i3.conf"], stdout=subprocess.PIPE)
        self.game_port = int(self.game.stdout.readline().split()[1])

    def player(self, name):
        return Player(self.game_port, name, CHARSET)

    def knows_far(self, player):
        """Waits until Far is on the game's own list of muds."""
        deadline = time.time() + PATIENCE
        while " 1 muds." not in " " + player.does("i3mudlist Far", " muds."):
            assert time.time() < deadline, "the game does not know Far"
            time.sleep(0.3)

    def connected(self, player):
        deadline = time.time() + PATIENCE
        while "Connected as Home" not in player.does("i3", "onnected"):
            assert time.time() < deadline, "the game does not reach the gateway"
            time.sleep(0.3)


def is_present(far, *names):
    """Waits until the game has published exactly these players."""
    deadline = time.time() + PATIENCE
    while [user["name"] for user in far.call("who", target_mud="Home", wait=True)["users"]] != list(names):
        assert time.time() < deadline, "the presence is another one"
        time.sleep(0.2)


def talk(play, far, ann):
    """Tells and lines, both ways."""
    is_present(far, "Ann")
    assert "result" in far.tell("hi " + CODES)
    ann.wait("Bob@Far tells you: hi " + CODES)
    ann.does("i3reply and hello to you", "You tell Bob@Far: and hello to you")
    got = far.event("tell_received", "and hello to you")
    assert (got["from_user"], got["visname"], got["to_user"].lower()) == ("Ann", "Ann", "bob"), got
    ann.does('i3tell bob@"Far" quoted', "You tell")
    far.event("tell_received", "quoted")
    ann.does("i3tell bob@nowhere lost", "nowhere")
    ann.does("i3emote bob@Far waves to you.", "You emote to bob@Far")
    far.event("emoteto_received", "waves to you.")
    ann.does("i3beep bob@Far", "You beep bob.")
    far.event("beep_received")
    far.call("beep", target_mud="Home", target_user="ann", from_user="Bob")
    ann.wait("Bob@Far beeps you.")
    far.call("emoteto", target_mud="Home", target_user="ann", from_user="Bob", emote="$N bows.")
    assert "Bob bows. (Bob@Far)" in ann.wait("Bob bows.")

    far.tell("d\u00e9j\u00e0 vu \u2013 \u201cyes\u201d")
    ann.wait("d\u00e9j\u00e0 vu - \"yes\"" if CHARSET == "latin-1" else "d\u00e9j\u00e0 vu \u2013 \u201cyes\u201d")
    ann.does("i3chat caf\u00e9", "Ann@Home: caf\u00e9")
    far.event("channel_message", "caf\\u00e9")
    ann.does("i3chat hello all", "Ann@Home: hello all")
    far.event("channel_message", "hello all")
    ann.does("i3chat chat :waves", "Ann waves")
    far.event("channel_emote", "waves")
    far.say("welcome " + CODES)
    line = ann.wait("welcome")
    assert line.endswith("Bob@Far: welcome " + CODES) and "[chat]" in line, line
    far.call("channel_targeted_emote", channel="chat", target_mud="Home", target_user="ann", from_user="Bob",
             message="$N points at $O.", message_target="$N points at you.")
    ann.wait("Bob points at you.")
    if RED:
        ann.send("i3chat it is " + RED)
        assert "RED" in far.event("channel_message", "it is")["message"]
    far.call("channel_send", channel="chat", from_user="Bob", message="so \x1b[31mred\x1b[0m!")
    assert re.search(r"so <.>red<.>!", ann.wait("Bob@Far: so ")), ann.seen[-1]
    ann.does("i3 colour off", "off")
    far.call("channel_send", channel="chat", from_user="Bob", message="no \x1b[31mred\x1b[0m!")
    ann.wait("no red!")
    ann.does("i3 colour on", "on")


def ask(play, far, ann):
    """Who, finger, locate and the lists, both ways."""
    far.publish()
    ann.does("i3who Far", "Players on Far:")
    ann.wait("Bob")
    ann.wait("1 player.")
    ann.does("i3finger bob@Far", "From Far:")
    ann.wait("the Bold")
    ann.does("i3locate bob", "Bob is on Far")
    ann.does("i3mudlist", "Far")
    ann.wait("muds.")
    ann.does("i3mudlist zzz", "0 muds.")
    ann.does("i3chanlist", "* chat")
    assert far.call("finger", target_mud="Home", target_user="ann", wait=True)["user_info"]["level"] in (7, "7")
    assert "error" in far.tell("hm", "nobody") or far.event("error_occurred", "nobody")["error_code"] == "unk-user"
    for command in ("i3chat", "i3tell", "i3tell bob", "i3finger", "i3beep", "i3who", "i3locate", "i3emote", "i3reply", "i3ignore"):
        ann.send(command)
    ann.does("i3 nonsense", "i3 alone shows")


def switches(play, far, ann):
    """Each player's own switches, and the bans of the staff."""
    ann.does("i3listen chat", "chat is off.")
    far.say("not for Ann")
    ann.never("not for Ann", 1)
    ann.does("i3chat x", "You do not listen to chat")
    ann.does("i3listen", "off  chat")
    ann.does("i3listen chat", "chat is on.")
    ann.does("i3ignore bob@*", "You ignore bob@*.")
    far.tell("ignored tell")
    assert far.event("error_occurred", "Ann ignores you.")["error_code"] == "unk-user"
    far.say("ignored line")
    ann.never("ignored", 1)
    ann.does("i3ignore", "bob@*")
    ann.does("i3ignore bob@*", "You ignore bob@* no longer.")
    ann.does("i3 beep off", "off")
    far.call("beep", target_mud="Home", target_user="ann", from_user="Bob")
    far.event("error_occurred", "Ann does not take beeps.")
    ann.does("i3 beep on", "on")
    ann.does("i3ban x@y", "You may not do that.")
    boss = play.player("Boss")
    boss.does("i3ban spam@Nowhere too much", "Done.")
    listed = boss.does("i3ban", "spam@Nowhere")
    boss.does("i3ban " + listed.split()[0], "Done.")
    boss.does("i3ban", "Nobody is banned.")
    boss.does("i3 join code", "The game listens to code.")
    boss.does("i3 join other", "The game listens to other.")
    boss.does("i3 leave code", "no longer listens")
    boss.does("i3chat code hm", "Boss@Home: code hm")  # no channel any more: a text for the first one
    boss.send("quit")
    boss.close()


def gateway_restarts(play, ann):
    """The game comes back by itself, and listens to its channels again."""
    play.stop(play.gateway)
    ann.does("i3tell bob@Far lost", "Intermud-3 is away")
    play.start_gateway()
    far = play.far()
    play.connected(ann)
    # It may still be joining.
    for _ in range(PATIENCE):
        far.say("after the restart")
        try:
            ann.wait("after the restart", 1)
            break
        except AssertionError:
            continue
    else:
        raise AssertionError("the game does not listen to its channel again")
    far.tell("still there?")
    ann.wait("still there?")
    return far


def sleeps(play, far, ann):
    """Nobody plays, and the engine waits: the game goes on publishing presence, also after the last one has expired."""
    ann.send("quit")
    ann.close()
    is_present(far)
    # A presence is valid for 30 seconds.
    time.sleep(35 if NAME == "tbamud" else 1)
    assert far.call("who", target_mud="Home", wait=True)["users"] == []
    got = far.tell("for nobody")
    assert "error" in got or far.event("error_occurred", "ann")["error_code"] == "unk-user"


def crashes(play, far):
    """A tell that came while the game was down is kept over two crashes, until its player has seen it, and no longer."""
    ann = play.player("Ann")
    play.connected(ann)
    is_present(far, "Ann")
    play.stop(play.game, signal.SIGKILL)
    ann.close()
    assert "result" in far.tell("kept for Ann")
    far.say("said while you were away")
    time.sleep(1)
    play.start_game()
    boss = play.player("Boss")
    play.connected(boss)
    boss.never("kept for Ann", 4)
    play.stop(play.game, signal.SIGKILL)
    boss.close()
    play.start_game()
    ann = play.player("Ann")
    seen = ann.wait("kept for Ann")
    assert "(earlier) Bob@Far tells you: kept for Ann" in seen, seen
    if not any("said while you were away" in line for line in ann.seen):
        ann.wait("said while you were away")
    ann.does("i3reply got it", "You tell Bob@Far")
    far.event("tell_received", "got it")
    time.sleep(8)  # the acknowledgement comes 2 seconds after the tell was shown
    play.stop(play.game, signal.SIGKILL)
    ann.close()
    play.start_game()
    ann = play.player("Ann")
    play.connected(ann)
    ann.never("kept for Ann", 3)
    ann.does("i3 history chat", "said while you were away")
    ann.close()
    play.stop(play.game)


def main():
    with Play() as play:
        far = play.far()
        ann = play.player("Ann")
        play.connected(ann)
        play.knows_far(ann)
        talk(play, far, ann)
        ask(play, far, ann)
        switches(play, far, ann)
        far = gateway_restarts(play, ann)
        sleeps(play, far, ann)
        crashes(play, far)
        play.stop(play.gateway)
        with open(play.folder + "/game.log") as log:
            text = log.read()
        assert "ERROR" not in text and "runtime error" not in text, text[-3000:]
    print("%s with %s: ok" % (NAME, os.path.basename(GATEWAY)))


main()
