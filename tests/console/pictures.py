"""The pictures of the documents."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import time

from playwright.sync_api import expect

from network import Gateway

VIEWS = ["Home", "Channels", "Tells", "Network", "Sessions", "Moderation", "Trace", "Preview"]

# What is said for the pictures.
TALK = [
    ("bob", "Good evening, everybody. The %^YELLOW%^lanterns%^RESET%^ are lit."),
    ("mara", "$N warms her hands at the fire."),
    ("bob", "Has anybody seen the %^GREEN%^green dragon%^RESET%^ of the north?"),
    ("mara", "Only its shadow, over the harbour."),
    ("Ann", "It slept on our roof last night!"),
    ("bob", "%^BOLD%^%^RED%^Run!%^RESET%^"),
    ("mara", "Or feed it. Dragons like soup."),
    ("Ann", "We have plenty of soup."),
]


class Pictures:
    """What `check.Test` does for --pictures."""

    def pictures(self, folder):
        """The pictures of the documents: each view in light, in dark and on a phone, and `watch` on a terminal."""
        folder.mkdir(parents=True, exist_ok=True)
        self.page.goto(self.gateway.url)
        self.sign_in(Gateway.KEY)
        self.signed_in()
        self.go("Channels")
        self.page.get_by_role("list", name="Channels").get_by_text("gossip").click()
        self.button("Join").click()
        self.page.wait_for_timeout(1500)
        self.box("As user").fill("Ann")
        for user, text in TALK:
            if user == "Ann":
                self.box("Message").fill(text)
                self.button("Send").click()
            elif text.startswith("$N"):
                self.sage.emote("gossip", text, user=user)
            else:
                self.sage.say("gossip", text, user=user)
            self.page.wait_for_timeout(150)
        self.sage.tell("Alpha", "Ann", "Will you be at the fair tonight?")
        self.go("Tells")
        self.page.get_by_role("list", name="Threads").get_by_text("bob@Sage").click()
        self.box("Message").fill("Yes, after the rain.")
        self.button("Send").click()
        self.game.call("ban_add", pattern="*@Spam", reason="advertises", expires_in=86400)
        self.game.call("ban_add", pattern="seller@Sage", packet_type="channel-*", direction="in", reason="sells gold")
        self.go("Trace")
        self.button("Start").click()
        expect(self.button("Pause")).to_be_visible()
        self.sage.tell("Alpha", "Ann", "Until then.")
        self.page.locator("summary", has_text="bob@Sage to Ann@Alpha").click()
        for scheme, width, height, name in (("light", 1000, 700, "light"), ("dark", 1000, 700, "dark"), ("light", 375, 700, "narrow")):
            self.page.emulate_media(color_scheme=scheme)
            self.page.set_viewport_size({"width": width, "height": height})
            for view in VIEWS:
                self.go(view)
                self.page.wait_for_timeout(500)
                self.page.evaluate("document.activeElement.blur()")
                self.picture(folder / f"{view.lower()}-{name}.png")
        shown = self.watched()
        self.page.set_viewport_size({"width": 900, "height": 260})
        self.page.evaluate(
            """async (text) => {
                const { runs } = await import('./console/ansi.js');
                const pre = document.createElement('pre');
                pre.className = 'terminal';
                for (const run of runs(text)) {
                    const span = document.createElement('span');
                    span.className = run.names;
                    span.textContent = run.text;
                    pre.append(span);
                }
                document.body.replaceChildren(pre);
                pre.style.minHeight = '250px';
            }""", shown)
        self.picture(folder / "watch.png")

    def watched(self):
        """What `watch` shows on a terminal of 100 columns."""
        own, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        command = [self.gateway.programs / "i3-gateway", "watch", "--url", self.gateway.url.replace("http", "ws") + "ws", "--key", Gateway.KEY, "gossip"]
        watch = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env={"PATH": os.environ["PATH"], "TERM": "xterm-256color"})
        os.close(other)
        time.sleep(2)
        for user, text in TALK[:4]:
            (self.sage.emote if text.startswith("$N") else self.sage.say)("gossip", text, user=user)
            time.sleep(0.3)
        self.sage.tell("Alpha", "Ann", "Will you be at the fair tonight?")
        time.sleep(1)
        watch.terminate()
        watch.wait(10)
        text = b""
        try:
            while more := os.read(own, 65536):
                text += more
        except OSError:
            pass
        os.close(own)
        return text.decode("utf-8", "replace")

    def picture(self, path):
        """Takes a picture, with few colours so that it is small."""
        from PIL import Image

        self.page.screenshot(path=path)
        Image.open(path).convert("RGB").quantize(160, dither=Image.Dither.NONE).save(path, optimize=True)
        assert path.stat().st_size <= 60_000, f"{path} has {path.stat().st_size} bytes"
