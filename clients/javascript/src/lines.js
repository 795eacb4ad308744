// JSON lines over TCP or TLS, for Node.

import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { StringDecoder } from "node:string_decoder";

// The longest line that is read. The gateway's longest answers have some 300,000 bytes.
const LINE_CHARACTERS_MAX = 4 * 1024 * 1024;

/** Connects. `on.text` gets each line and returns false to pause; `on.closed` gets the reason, once. */
export function openLines({ host, port, tls }, on) {
  const socket = tls ? connectTls({ host, port, servername: host, ...(tls === true ? {} : tls) }) : connectTcp({ host, port });
  const decoder = new StringDecoder("utf8");
  let partial = "";
  let waiting = [];
  let paused = false;
  let reason = "the gateway has closed the connection";

  const drain = () => {
    paused = false;
    while (waiting.length > 0) {
      if (on.text(waiting[0]) === false) {
        paused = true;
        socket.pause();
        return;
      }
      waiting.shift();
    }
  };
  socket.setNoDelay(true);
  socket.once(tls ? "secureConnect" : "connect", () => on.open());
  socket.on("data", (bytes) => {
    const lines = (partial + decoder.write(bytes)).split("\n");
    partial = lines.pop();
    if (partial.length > LINE_CHARACTERS_MAX) {
      reason = `a line of the gateway is longer than ${LINE_CHARACTERS_MAX} characters`;
      socket.destroy();
      return;
    }
    waiting = waiting.concat(lines.map((line) => line.trim()).filter((line) => line !== ""));
    if (!paused) drain();
  });
  socket.on("error", (error) => (reason = error.message || String(error)));
  socket.on("close", () => on.closed(reason));
  return {
    canPause: true,
    send: (text) => socket.write(text + "\n"),
    resume: () => {
      if (!paused) return;
      drain();
      if (!paused) socket.resume();
    },
    close: () => {
      socket.end();
      // What the gateway still sends is read, so that the end arrives.
      socket.removeAllListeners("data");
      socket.resume();
      setTimeout(() => socket.destroy(), 500).unref();
    },
  };
}
