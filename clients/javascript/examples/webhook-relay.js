// Relays channels to a webhook that takes {"content": …} as Discord's do, or {"text": …} as Slack's and Mattermost's do.
//
//     WEBHOOK_URL=https://… node examples/webhook-relay.js
//
// I3_CHANNELS names the channels (default: chat), WEBHOOK_FIELD the member for the text (default: content).
//
// - Loop guard: lines of this mud are not relayed (echo: false, and its name is compared), nor are lines of users in
//   RELAY_IGNORE ("name@mud,…": other bridges), nor a text that the relay has sent in the last ten seconds.
// - Mentions are harmless: @everyone, <@id> and <!channel> arrive as plain text, and Discord is told to notify nobody.
// - A line counts as handled when the webhook has taken it; what came while the relay was down is sent when it is back.

import { I3Client } from "i3-gateway-client";

const url = process.env.WEBHOOK_URL;
const field = process.env.WEBHOOK_FIELD ?? "content";
const channels = (process.env.I3_CHANNELS ?? "chat").split(",");
const ignored = new Set((process.env.RELAY_IGNORE ?? "").toLowerCase().split(",").map((name) => name.trim()));
const TEXT_CHARACTERS_MAX = 1900; // Discord takes 2,000
const REPEAT_MS = 10_000;
const TRIES = 5;

if (!/^https?:\/\//.test(url ?? "")) throw new Error("set WEBHOOK_URL");
const i3 = I3Client.fromEnv("webhook-relay", { channels, textFormat: "plain", echo: false });

/** The text without anything that would notify or format: a zero-width space behind each @ and <. */
const harmless = (text) =>
  text.replace(/[@<]/g, "$&\u200b").replace(/[\\*_~`|[\]]/g, "\\$&").slice(0, TEXT_CHARACTERS_MAX);

const recent = new Map(); // text -> when it was relayed

function stops(line) {
  if (line.self || line.from_mud === i3.mudName || ignored.has(`${line.from_user}@${line.from_mud}`.toLowerCase())) return true;
  const now = Date.now();
  for (const [text, when] of recent) if (now - when > REPEAT_MS) recent.delete(text);
  const repeated = recent.has(line.message);
  recent.set(line.message, now);
  return repeated;
}

/** Sends one text, and waits as long as the webhook asks for. */
async function post(text) {
  const body = JSON.stringify({ [field]: text, allowed_mentions: { parse: [] } });
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    let wait = 2 ** attempt;
    try {
      const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
      await answer.arrayBuffer();
      if (answer.ok) return;
      if (answer.status !== 429 && answer.status < 500) return console.log(`the webhook refuses a line: ${answer.status}`);
      wait = Number(answer.headers.get("retry-after")) || wait;
    } catch (error) {
      console.log(`the webhook cannot be reached: ${error.message}`);
    }
    await new Promise((done) => setTimeout(done, Math.min(wait, 60) * 1000));
  }
  console.log("the webhook does not answer; what it has not taken comes again at the next start");
  await i3.close({ handled: false });
  process.exit(1);
}

i3.on("channel_message", async (line) => {
  if (!stops(line)) await post(`[${line.channel}] ${harmless(`${line.visname}@${line.from_mud}`)}: ${harmless(line.message)}`);
});
i3.on("channel_emote", async (line) => {
  if (!stops(line)) await post(`[${line.channel}] ${harmless(line.message)}`);
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => i3.close().then(() => process.exit(0)));
await i3.start();
console.log(`relaying ${channels.join(", ")}`);
