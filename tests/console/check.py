"""The page for people in a real browser, against one daemon: each view, each action, what strangers may send, a lost
connection, a phone, the keyboard, and axe-core.

    check.py PROGRAMS DAEMON AXE [--pictures FOLDER] [--files FOLDER]

PROGRAMS is the folder of the built programs, AXE the file axe.min.js. With --pictures it takes the pictures of docs/ instead.
With --files the browser gets the page's files from there, and not from the program: for work on them.
"""

import argparse
import pathlib
import sys
import tempfile
import time

from playwright.sync_api import expect, sync_playwright

from network import PATIENCE, Gateway, Lines, Mud, Router, programs, wait_until
from pictures import VIEWS, Pictures

CHROMIUM = "/usr/bin/chromium"

# What strangers may send. Whatever of it were to act would set this.
MARK = "window.stranger=1"
HOSTILE = [
    f"<script>{MARK}</script>",
    f"<img src=x onerror='{MARK}'>",
    f'"><svg onload={MARK}><a xlink:href="javascript:{MARK}">x</a></svg>',
    f"<iframe srcdoc='<script>parent.{MARK}</script>'></iframe>",
    f"<style>*{{display:none}}</style><base href=//evil.example/><meta http-equiv=refresh content=0;url=//evil.example>",
    f"javascript:{MARK}",
    "${" + MARK + "} {{constructor.constructor('" + MARK + "')()}} <!-- --> ]]>",
    "&lt;b&gt; &amp;amp; &#x3c;script&#x3e;",
    "\u202egnp.exe\u202c \u2066isolated \u200fright",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 left",
    "\x1b]0;owned\x07\x1b]8;;http://evil.example\x07link\x1b]8;;\x07 \x1b[2J\x1b[1;1H\x1b[31mred",
    "%^RED%^%^BOLD%^pinkfish%^RESET%^ %%^^literal %^UNKNOWN%^",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f" * 40 + " zalgo",
    "x" * 3000,
    "\U0001f409\u200d\U0001f525 \ufffd \x85 \x9b31m",
    "__proto__",
]


class Test(Pictures):
    def __init__(self, page, gateway, sage, axe, options):
        self.page, self.gateway, self.sage, self.axe, self.options = page, gateway, sage, axe, options
        self.faults = []
        page.on("console", lambda message: message.type in ("error", "warning") and self.faults.append(message.text))
        page.on("pageerror", lambda error: self.faults.append(f"{error}\n{error.stack}"))
        page.on("request", lambda request: self.asked(request.url))
        page.on("dialog", lambda dialog: self.faults.append(f"a dialog: {dialog.message}"))

    def asked(self, url):
        if not url.startswith((self.gateway.url, self.gateway.url.replace("http", "ws", 1), "blob:")):
            self.faults.append(f"a request to elsewhere: {url}")

    def button(self, name, within=None):
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def box(self, name, within=None):
        return (within or self.page).get_by_role("textbox", name=name, exact=True)

    def go(self, view):
        self.page.get_by_role("link", name=view, exact=True).click()
        expect(self.page.get_by_role("heading", name=view, level=1)).to_be_focused()

    def sign_in(self, key):
        self.box("API key").fill(key)
        self.button("Sign in").click()

    def signed_in(self):
        expect(self.page.get_by_role("link", name="Home", exact=True)).to_be_visible()

    @property
    def log(self):
        return self.page.get_by_role("log", name="Lines")

    @property
    def dialog(self):
        return self.page.get_by_role("dialog")

    def on_gossip(self):
        self.go("Channels")
        self.page.get_by_role("list", name="Channels").get_by_text("gossip").click()
        expect(self.button("Join").or_(self.button("Leave"))).to_be_visible()
        if self.button("Join").count():
            self.button("Join").click()
        expect(self.button("Leave")).to_be_visible()
        wait_until("the channel is heard", lambda: self.is_heard("gossip"))

    def notice(self, text):
        expect(self.page.locator(".notices")).to_contain_text(text)

    def is_clean(self):
        assert self.page.evaluate("window.stranger") is None, "a stranger's text was run"
        assert not self.faults, "\n".join(self.faults)

    def accessible(self, what):
        self.page.evaluate(self.axe)
        found = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        bad = [f"{one['impact']} {one['id']}: {one['help']}: {one['nodes'][0]['html'][:300]} {one['nodes'][0]['failureSummary'][:300]}"
               for one in found["violations"] if one["impact"] in ("serious", "critical", "moderate")]
        assert not bad, f"{what}:\n" + "\n".join(bad)

    def fits(self, what):
        """Nothing is wider than the window."""
        width = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1], f"{what} is {width[0]} wide, the window {width[1]}"

    # The parts, in this order.

    def signing_in(self):
        self.page.goto(self.gateway.url)
        self.accessible("sign-in")
        alert = self.page.get_by_role("alert")
        self.sign_in("")
        expect(alert).to_contain_text("Enter the API key")
        self.sign_in("a-wrong-key")
        expect(alert).to_contain_text("does not know this key")
        for number in range(6):
            self.sign_in(f"another-wrong-key-{number}")
            expect(self.button("Sign in")).to_be_enabled()
        expect(alert).to_contain_text("Too many wrong keys")
        self.sign_in(Gateway.KEY)
        self.signed_in()
        assert Gateway.KEY not in self.page.url
        assert self.page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie])") == '[{},{},""]'
        self.page.reload()
        expect(self.box("API key")).to_be_visible()
        self.box("API key").fill(Gateway.KEY)
        self.page.get_by_role("checkbox").check()
        self.page.keyboard.press("Tab")
        self.page.keyboard.press("Enter")
        self.signed_in()
        self.page.reload()
        self.signed_in()
        self.button("Sign out").click()
        expect(self.box("API key")).to_be_visible()
        self.page.reload()
        expect(self.box("API key")).to_be_visible()
        # A key that may not do everything is offered less.
        self.sign_in(Gateway.READER)
        self.signed_in()
        views = self.page.get_by_role("navigation").get_by_role("link").all_inner_texts()
        assert views == ["Home", "Channels", "Network", "Preview"], views
        self.go("Home")
        expect(self.button("Reconnect")).to_have_count(0)
        expect(self.page.get_by_role("heading", name="Warnings")).to_have_count(0)
        self.button("Sign out").click()
        self.faults.clear()  # The browser reports the WebSocket connections that were refused.
        self.sign_in(Gateway.KEY)
        self.signed_in()

    def home(self):
        main = self.page.get_by_role("main")
        expect(main).to_contain_text("logged in since")
        for text in ("Alpha", "Beta", "*spare 127.0.0.1:1", "misspelt", "Packets in", "Waits for the router", "i3-gateway 0."):
            expect(main).to_contain_text(text)
        self.button("Reconnect").click()
        self.notice("logs in again")
        expect(self.page.locator("header")).to_contain_text("ready")

    def channels(self):
        self.go("Channels")
        listed = self.page.get_by_role("list", name="Channels")
        listed.get_by_text("gossip").click()
        expect(self.button("Send")).to_have_count(0)
        self.button("Join").click()
        expect(self.button("Leave")).to_be_visible()
        wait_until("the mud hears the channel", lambda: self.is_heard("gossip"))
        self.sage.say("gossip", "%^RED%^Red%^RESET%^ and \x1b[32mgreen\x1b[0m words")
        expect(self.log.locator(".f1")).to_have_text("Red")
        expect(self.log.locator(".f2")).to_have_text("green")
        self.sage.emote("gossip", "$N waves.")
        expect(self.log.locator(".line").last).to_contain_text("Bob@Sage waves.")
        self.box("As user").fill("Ann")
        self.box("Message").fill("Hello from the page")
        self.button("Send").click()
        expect(self.log).to_contain_text("Ann@Alpha: Hello from the page")
        expect(self.box("Message")).to_have_value("")
        wait_until("Sage hears it", lambda: self.sage.got("channel-m", "Hello from the page"))
        self.page.get_by_label("How").select_option("emote")
        self.box("Message").fill("smiles from the page")
        self.box("Message").press("Enter")
        expect(self.log).to_contain_text("Ann@Alpha smiles from the page")
        wait_until("Sage sees it", lambda: self.sage.got("channel-e", "$N smiles from the page"))
        self.page.get_by_label("How").select_option("say")
        # Search.
        self.box("Search").fill("GREEN")
        expect(self.log.locator(".line")).to_have_count(1)
        self.box("Search").fill("no such words")
        expect(self.log).to_contain_text("No line has it.")
        self.button("Back to all lines").click()
        expect(self.log).to_contain_text("Hello from the page")
        self.button("Who listens").click()
        expect(self.dialog).to_contain_text("Sage")
        expect(self.dialog.get_by_role("button", name="bob@Sage")).to_be_visible()
        self.page.keyboard.press("Escape")
        expect(self.dialog).to_have_count(0)
        self.accessible("channels")
        # Another session's lines come too; those of a channel that was left do not.
        self.button("Leave").click()
        expect(self.button("Join")).to_be_visible()
        self.button("Join").click()
        self.box("Another one").fill("newchannel")
        self.button("Open").click()
        self.button("Join").click()
        self.notice("newchannel")
        listed.get_by_text("gossip").click()

    def is_heard(self, channel):
        """Whether the router passes on the channel's lines already."""
        self.sage.say(channel, "anybody?", user="probe")
        time.sleep(0.2)
        return self.log.get_by_text("anybody?").count() > 0

    def history(self):
        """History and live lines meet without a seam, and older lines come when they are wanted."""
        for number in range(350):
            self.sage.say("code", f"number {number}", user="counter")
            if number % 8 == 7:
                time.sleep(0.02)
        wait_until("the history has them", lambda: self.newest("code") == "number 349", 60)
        time.sleep(2)  # So that a session that joins gets none of them as replayed events.
        self.page.get_by_role("list", name="Channels").get_by_text("code").click()
        expect(self.log.locator(".line")).to_have_count(100)
        self.button("Join").click()
        self.sage.say("code", "number 350", user="counter")
        expect(self.log.locator(".line").last).to_contain_text("number 350")
        # At the top older lines come by themselves, and what is in view stays in view.
        self.log.evaluate("log => { log.scrollTop = 0; }")
        expect(self.log.locator(".line")).to_have_count(201)
        self.page.wait_for_timeout(300)
        expect(self.log.locator(".line")).to_have_count(201)
        expect(self.log.get_by_text("number 250", exact=True)).to_be_in_viewport()
        self.button("Earlier lines").focus()
        while self.button("Earlier lines").count():
            self.page.keyboard.press("Enter")
            self.page.wait_for_timeout(300)
        texts = [text.split(": ")[-1] for text in self.log.locator(".line").all_inner_texts()]
        assert texts == [f"number {number}" for number in range(351)], texts[:5]
        self.page.get_by_role("list", name="Channels").get_by_text("gossip").click()

    def newest(self, channel):
        messages = self.game.call("channel_history", channel=channel, limit=1).get("messages", [])
        return messages[0]["message"] if messages else None

    def actions(self):
        """What a name offers: finger, locate, tell, mute, ban."""
        self.sage.say("gossip", "buy my gold", user="seller")
        line = self.log.locator(".line", has_text="buy my gold")
        line.get_by_role("button", name="Seller@Sage").click()
        expect(self.dialog).to_contain_text("buy my gold")
        self.accessible("the actions of a name")
        self.button("Finger").click()
        expect(self.dialog).to_contain_text("Says <b>anything</b>.")
        self.button("Tell", self.dialog).click()
        self.box("Message", self.dialog).fill("please stop")
        self.button("Send", self.dialog).click()
        wait_until("Sage got the tell", lambda: self.sage.got("tell", "please stop"))
        line.get_by_role("button", name="Seller@Sage").click()
        self.button("Mute").click()
        expect(self.dialog).to_contain_text("This would have stopped 1 of the last")
        self.accessible("the dialog of a mute")
        self.button("Mute", self.dialog).click()
        self.notice("Muted: seller@Sage")
        line.get_by_role("button", name="Seller@Sage").click()
        self.button("Ban").click()
        self.button("The whole mud").click()
        expect(self.box("Pattern", self.dialog)).to_have_value("*@Sage")
        self.box("Pattern", self.dialog).fill("seller@*")
        self.page.get_by_label("For").select_option("3600")
        self.box("Reason", self.dialog).fill("sells gold")
        self.button("Ban", self.dialog).click()
        self.notice("Banned: seller@*")
        self.sage.say("gossip", "more gold", user="seller")
        self.sage.say("gossip", "no gold here")
        expect(self.log).to_contain_text("no gold here")
        expect(self.log.get_by_text("more gold")).to_have_count(0)

    def tells(self):
        self.sage.tell("Alpha", "ann", "Are you there?")
        self.go("Tells")
        threads = self.page.get_by_role("list", name="Threads")
        threads.get_by_text("bob@Sage").click()
        log = self.page.get_by_role("log", name="Tells")
        expect(log).to_contain_text("Are you there?")
        expect(self.box("As user")).to_have_value("ann")
        self.box("Message").fill("I am.")
        self.button("Send").click()
        expect(log.locator(".line")).to_have_count(2)
        wait_until("Sage got it", lambda: self.sage.got("tell", "I am."))
        self.accessible("tells")
        self.button("New tell").click()
        self.box("To").fill("nobody@Sage")
        self.box("Message").fill("hello?")
        self.page.get_by_label("How").select_option("emote")
        self.button("Send").click()
        expect(threads).to_contain_text("nobody@Sage")
        self.button("New tell").click()
        self.box("To").fill("bob@Nowhere")
        self.box("Message").fill("hello?")
        self.button("Send").click()
        # The gateway refuses it, or the router does if the list of muds is not complete yet.
        refused = self.page.locator(".notices").get_by_text("Nowhere").or_(self.page.get_by_role("log").get_by_text("Not delivered"))
        expect(refused.first).to_be_visible()

    def network(self):
        self.go("Network")
        muds = self.page.get_by_role("table", name="Muds")
        expect(muds).to_contain_text("Sage")
        self.box("Filter muds").fill("sag")
        expect(muds.get_by_role("row")).to_have_count(2)
        self.button("Sage", muds).click()
        for text in ("a@b.example", "driver", "tell"):
            expect(self.dialog).to_contain_text(text)
        self.accessible("a mud")
        self.box("User", self.dialog).fill("bob")
        self.button("Finger", self.dialog).click()
        expect(self.dialog).to_contain_text("the Tester")
        self.button("Close").click()
        self.button("Who", muds).click()
        expect(self.dialog).to_contain_text("bob the Tester")
        self.dialog.get_by_role("button", name="bob@Sage").click()
        self.button("Locate", self.dialog).click()
        expect(self.dialog).to_contain_text("bob@Sage")
        self.button("Close").click()
        self.box("User name").fill("nobody-at-all")
        self.button("Locate").click()
        expect(self.dialog).to_contain_text("answer")
        self.page.keyboard.press("Escape")
        self.box("Filter channels").fill("code")
        channels = self.page.get_by_role("table", name="Channels of the network")
        expect(channels.get_by_role("row")).to_have_count(2)
        self.button("code", channels).click()
        expect(self.dialog).to_contain_text("*net")
        self.accessible("network")
        self.button("Open", self.dialog).click()
        expect(self.page.get_by_role("heading", name="Channels", level=1)).to_be_visible()
        expect(self.page.get_by_role("heading", name="code", level=2)).to_be_visible()

    def sessions(self):
        victim = Lines(self.gateway.lines, Gateway.KEY, client="victim")
        self.go("Sessions")
        row = self.page.get_by_role("row", name="victim")
        for text in ("Alpha", "tcp", "127.0.0.1", "everything"):
            expect(row).to_contain_text(text)
        expect(self.page.get_by_role("row", name="this page")).to_contain_text("observer")
        self.accessible("sessions")
        self.button("Kick", row).click()
        expect(row).to_have_count(0)
        self.notice("Kicked")
        while line := victim.file.readline():
            assert "administrator" in line or '"method"' in line, line
        victim.close()

    def moderation(self):
        self.go("Moderation")
        bans = self.page.get_by_role("table").first
        expect(bans).to_contain_text("seller@*")
        row = bans.get_by_role("row", name="seller@*")
        for text in ("sells gold", "everything", "Alpha", "from 127.0.0.1"):
            expect(row).to_contain_text(text)
        expect(bans.get_by_role("row", name="seller@Sage")).to_contain_text("mute")
        self.box("Pattern").fill("b?b@*")
        expect(self.page.get_by_role("main")).to_contain_text("no gold here")
        self.box("Pattern").fill("no-pattern")
        self.button("Ban").click()
        self.notice("pattern must be user@mud")
        self.box("Pattern").fill("troll@*")
        self.box("Reason").fill("<b>trolls</b>")
        self.page.get_by_label("For").select_option("86400")
        self.accessible("moderation")
        self.button("Ban").click()
        row = bans.get_by_role("row", name="troll@*")
        expect(row).to_contain_text("<b>trolls</b>")
        self.button("Remove", row).click()
        expect(row).to_have_count(0)
        audit = self.page.get_by_role("table", name="Actions of administrators")
        for text in ("ban_add", "ban_remove", "kick", "reconnect"):
            expect(audit).to_contain_text(text)
        for pattern in ("seller@*", "seller@Sage"):
            self.button("Remove", bans.get_by_role("row", name=pattern)).click()
            expect(self.page.get_by_role("cell", name=pattern, exact=True)).to_have_count(0)

    def trace(self):
        self.go("Trace")
        self.button("Start").click()
        expect(self.button("Pause")).to_be_visible()
        self.sage.tell("Alpha", "ann", "traced words")
        packets = self.page.locator(".packets")
        expect(packets).to_contain_text("tell")
        packets.locator("summary", has_text="bob@Sage to ann@Alpha").click()
        expect(packets).to_contain_text("visible name")
        expect(packets).to_contain_text('"traced words"')
        self.accessible("trace")
        self.button("Pause").click()
        self.sage.tell("Alpha", "ann", "while it pauses")
        expect(self.page.get_by_role("main")).to_contain_text("Paused: 1 more came")
        self.button("Go on").click()
        expect(packets).to_contain_text("while it pauses", use_inner_text=False)
        self.box("Filter").fill("while it pauses")
        expect(packets.locator("details")).to_have_count(1)
        with self.page.expect_download() as download:
            self.button("Export").click()
        text = pathlib.Path(download.value.path()).read_text()
        assert "while it pauses" in text and "visible name" in text and text.count("\n") == 1, text
        self.page.get_by_label("Direction").select_option("sent")
        expect(packets.locator("details")).to_have_count(0)
        self.button("Clear").click()
        self.button("Stop").click()
        expect(self.button("Start")).to_be_visible()

    def preview(self):
        self.go("Preview")
        self.box("Text").fill("%^GREEN%^go%^RESET%^ \x1b[31mstop\x1b[0m <i>&")
        main = self.page.get_by_role("main")
        expect(main).to_contain_text("go stop <i>&")
        expect(main).to_contain_text('<span style="color:#0a0">go</span>')
        expect(main).to_contain_text("%^GREEN%^go%^RESET%^ %^RED%^stop%^RESET%^ <i>&")
        expect(main.locator(".terminal .f2")).to_have_text(["go", "go"])
        assert main.locator("i").count() == 0
        self.button("Insert %^RED%^").click()
        expect(self.box("Text")).to_be_focused()
        self.box("Text").fill("A %^BLUE%^word%^RESET%^")
        expect(main).to_contain_text("A word")
        self.accessible("preview")

    def hostile(self):
        """Strangers' texts are text, in every view."""
        self.on_gossip()
        for number, text in enumerate(HOSTILE):
            self.sage.say("gossip", text, user=f"u{number}", visname=text[:60])
            self.sage.tell("Alpha", "ann", text, user=f"u{number}", visname=text[:60])
            time.sleep(0.03)
        self.sage.emote("gossip", f"$N <img src=x onerror='{MARK}'>", user="last")
        expect(self.log).to_contain_text(f"<img src=x onerror='{MARK}'>")
        for text in HOSTILE[:8]:
            expect(self.log).to_contain_text(text)
        expect(self.log).to_contain_text("pinkfish %^literal")
        expect(self.log).to_contain_text("link red")
        # What turns the direction stands alone, and cannot turn what is beside it.
        arabic = self.log.get_by_text("\u05e9\u05dc\u05d5\u05dd").last
        assert arabic.evaluate("one => getComputedStyle(one.closest('bdi')).unicodeBidi") == "isolate"
        assert "\u202e" not in self.log.inner_text()
        self.accessible("hostile channel")
        name = self.log.get_by_role("button", name="onload").first
        name.click()
        self.accessible("hostile person")
        self.button("Ban").click()
        self.page.keyboard.press("Escape")
        self.strangers = [Mud(self.router.port, f"<b>{number}</b>{text[:40]}", users=[text[:60]], open_status=text[:100])
                          for number, text in enumerate(HOSTILE[:3])]
        for view in VIEWS[2:]:
            self.go(view)
            if view == "Trace":
                self.button("Start").click()
                expect(self.button("Pause")).to_be_visible()
                for text in HOSTILE:
                    self.sage.tell("Alpha", "ann", text)
                expect(self.page.locator(".packets details")).not_to_have_count(0)
                for packet in self.page.locator(".packets summary").all()[:4]:
                    packet.click()
            elif view == "Tells":
                self.page.get_by_role("list", name="Threads").get_by_text("u1@Sage").click()
            elif view == "Network":
                expect(self.page.get_by_role("table", name="Muds")).to_contain_text("<b>0</b><script>")
                self.page.get_by_role("row", name="<b>0</b>").get_by_role("button", name="Who").click()
                expect(self.dialog).to_contain_text(HOSTILE[0][:20])
                self.page.keyboard.press("Escape")
            elif view == "Moderation":
                self.box("Pattern").fill("*@Sage")
                self.box("Reason").fill(HOSTILE[1])
                self.button("Ban").click()
                expect(self.page.get_by_role("table").first).to_contain_text(HOSTILE[1])
                self.button("Remove").click()
            elif view == "Preview":
                for text in HOSTILE[:3]:
                    self.box("Text").fill(text)
                    expect(self.page.get_by_role("main")).to_contain_text(text)
            self.page.wait_for_timeout(200)
            self.accessible(f"hostile {view}")
            self.is_clean()
        self.button("Sign out").click()
        self.sign_in(Gateway.KEY)
        self.signed_in()

    def reconnect(self):
        """The page comes back by itself, and says what it missed."""
        self.on_gossip()
        # A network that fails silently.
        self.page.context.set_offline(True)
        expect(self.page.locator("header")).to_contain_text("Not connected")
        self.page.context.set_offline(False)
        self.notice("Connected again after")
        self.notice("nothing was missed")
        self.gateway.stop()
        expect(self.page.locator("header")).to_contain_text("Not connected")
        # The page stays away from the gateway until something was said.
        self.page.context.set_offline(True)
        self.gateway.start()
        game = Lines(self.gateway.lines, Gateway.KEY, role="observer")
        wait_until("the channel is heard again", lambda: self.heard_by(game))
        self.sage.say("gossip", "said while the page was away")
        wait_until("it is kept", lambda: "said while" in str(game.call("channel_history", channel="gossip", limit=3)))
        self.page.context.set_offline(False)
        self.notice("came meanwhile and are shown")
        expect(self.log).to_contain_text("said while the page was away")
        self.sage.say("gossip", "and live again")
        expect(self.log.locator(".line").last).to_contain_text("and live again")
        game.close()
        self.faults.clear()  # The browser reports each attempt that failed.

    def heard_by(self, game):
        game.call("channel_join", channel="gossip")
        self.sage.say("gossip", "is it heard?", user="probe")
        time.sleep(0.3)
        return "is it heard?" in str(game.call("channel_history", channel="gossip", limit=5))

    def crowd(self):
        """Ten thousand lines stay smooth."""
        self.go("Channels")
        self.page.get_by_role("list", name="Channels").get_by_text("gossip").click()
        spent = self.page.evaluate(
            """async () => {
                const { channelOf, changed, lineOf } = await import('./console/store.js');
                const channel = channelOf('gossip');
                const from = Math.floor(channel.lines.last.id);
                const line = (at) => lineOf({ event: 'channel_message', channel: 'gossip', from_mud: 'Sage', from_user: 'bob',
                    visname: 'Bob', message: `%^GREEN%^line%^RESET%^ ${at} ` + 'word '.repeat(at % 20), timestamp: new Date().toISOString(),
                    event_id: from + at });
                const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                for (let at = 1; at <= 10000; at += 500) {
                    channel.lines.add(Array.from({ length: 500 }, (_, more) => line(at + more)));
                    changed();
                    await frame();
                }
                const log = document.querySelector('[role=log]');
                const times = [];
                for (let at = 10001; at <= 10040; at += 1) {
                    const began = performance.now();
                    channel.lines.add([line(at)]);
                    changed();
                    await frame();
                    log.scrollTop = at % 2 ? log.scrollHeight * Math.random() : log.scrollHeight;
                    await frame();
                    times.push(performance.now() - began);
                }
                times.sort((a, b) => a - b);
                return [times[20], times[38], log.querySelectorAll('.line').length];
            }""")
        print(f"  10,000 lines: a line more and a jump take {spent[0]:.0f} ms, at worst {spent[1]:.0f} ms; {spent[2]} are kept")
        assert spent[2] >= 9900 and spent[0] < 500, spent

    def phone(self):
        """The width of a phone, in light and in dark, and what the keyboard reaches."""
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            for size in ((320, 640), (1280, 800)):
                self.page.set_viewport_size({"width": size[0], "height": size[1]})
                for view in VIEWS:
                    self.go(view)
                    self.page.wait_for_timeout(150)
                    self.fits(f"{view} at {size[0]}")
                    self.accessible(f"{view}, {scheme}, {size[0]}")
        self.page.emulate_media(color_scheme="light")

    def keyboard(self):
        self.on_gossip()
        self.sage.say("gossip", "the last line")
        expect(self.log.locator(".line").last).to_contain_text("the last line")
        self.go("Home")
        self.page.evaluate("document.activeElement.blur()")
        reached = []
        for _ in range(14):
            self.page.keyboard.press("Tab")
            reached.append(self.page.evaluate("document.activeElement.textContent"))
        for view in VIEWS:
            assert view in reached, f"{view} is not reached with the Tab key: {reached}"
        self.page.get_by_role("link", name="Channels", exact=True).focus()
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("heading", name="Channels", level=1)).to_be_focused()
        self.page.get_by_role("list", name="Channels").get_by_role("button", name="gossip").focus()
        self.page.keyboard.press("Enter")
        expect(self.log.locator(".line").last).to_be_visible()
        last = self.log.locator("button.name").last
        last.focus()
        self.page.keyboard.press("ArrowUp")
        expect(last).not_to_be_focused()
        self.page.keyboard.press("End")
        expect(last).to_be_focused()
        self.page.keyboard.press("Enter")
        expect(self.dialog).to_be_visible()
        self.page.keyboard.press("Escape")
        expect(self.dialog).to_have_count(0)
        expect(last).to_be_focused()

    def kicked(self):
        """The session of the page itself ends, which it says."""
        # A connection that was lost without a goodbye may still be there, without an id or with one.
        listed = self.game.call("sessions")["sessions"]
        for one in listed:
            if one["transport"] == "websocket" and one["session_id"]:
                self.game.call("kick", session_id=one["session_id"])
        try:
            expect(self.page.get_by_role("alert")).to_contain_text("administrator")
        except AssertionError:
            print(f"the sessions were {listed}, and are {self.game.call('sessions')}", flush=True)
            raise
        expect(self.box("API key")).to_be_visible()


def without_javascript(browser, gateway):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(gateway.url)
    expect(page.get_by_role("main")).to_contain_text("needs JavaScript")
    context.close()


def run(test, part):
    began = time.monotonic()
    part()
    test.is_clean()
    print(f"  {part.__name__}: {time.monotonic() - began:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=programs)
    parser.add_argument("daemon")
    parser.add_argument("axe", type=pathlib.Path)
    parser.add_argument("--pictures", type=pathlib.Path)
    parser.add_argument("--files", type=pathlib.Path)
    parser.add_argument("--only")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="i3-console-"))
    router = Router(options.programs, folder)
    more = {} if options.pictures else {"misspelt": {"key": 1}}
    gateway = Gateway(options.programs, options.daemon, folder, router.port, **more)
    try:
        sage = Mud(router.port, "Sage", users=("bob", "seller"))
        for channel in ("gossip", "code"):
            sage.listen(channel)
        game = Lines(gateway.lines, Gateway.KEY, role="observer")
        game.call("channel_join", channel="code")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            without_javascript(browser, gateway)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(PATIENCE * 1000)
            expect.set_options(timeout=PATIENCE * 1000)
            if options.files:
                page.route("**/console/**", lambda route: route.fulfill(path=options.files / route.request.url.split("/console/")[1]))
            test = Test(page, gateway, sage, options.axe.read_text(), options)
            test.game, test.router = game, router
            parts = [test.signing_in, test.home, test.channels, test.history, test.actions, test.tells, test.network, test.sessions,
                     test.moderation, test.trace, test.preview, test.hostile, test.phone, test.keyboard, test.reconnect, test.crowd]
            if options.pictures:
                # Nothing but the pictures: what the other parts leave behind is not for the documents.
                run(test, lambda: test.pictures(options.pictures))
                parts, options.only = [], ""
            for part in parts:
                if options.only is None or part.__name__ in ("signing_in", *options.only.split(",")):
                    run(test, part)
            if options.only is None:
                test.game = Lines(gateway.lines, Gateway.KEY, role="observer")
                run(test, test.kicked)
            browser.close()
    except BaseException:
        print((folder / "gateway.log").read_text()[-3000:], *(str(one)[:300] for one in sage.seen[-10:]), sep="\n", file=sys.stderr)
        raise
    finally:
        gateway.stop()
        router.stop()
    print(f"console: {options.daemon}: all checks have passed", flush=True)


if __name__ == "__main__":
    main()
