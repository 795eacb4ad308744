// A bot on channels: it answers `!time`, `!muds` and `!seen NAME`. I3_CHANNELS names its channels (default: chat).

import { I3Client } from "i3-gateway-client";

const NAME = "Clockwork";
const channels = (process.env.I3_CHANNELS ?? "chat").split(",");
const seen = new Map();
// echo: false: the bot does not hear itself.
const i3 = I3Client.fromEnv("channel-bot", { channels, textFormat: "plain", echo: false });

async function answer(message) {
  const [word, ...rest] = message.trim().split(/\s+/);
  if (word === "!time") return `It is ${new Date().toISOString().slice(11, 19)} UTC.`;
  if (word === "!muds") return `${(await i3.stats()).online_muds} muds are on the network.`;
  if (word === "!seen" && rest.length > 0) return seen.get(rest.join(" ").toLowerCase()) ?? `I have not seen ${rest.join(" ")}.`;
  return undefined;
}

i3.on("channel_message", async (line) => {
  if (line.replay) return; // it is old: nobody waits for its answer
  try {
    const message = await answer(line.message);
    if (message !== undefined) await i3.channel_send({ channel: line.channel, message, from_user: NAME });
  } catch (error) {
    console.log(`no answer to ${line.visname}@${line.from_mud}: ${error.message}`);
  }
  seen.set(line.from_user.toLowerCase(), `${line.visname}@${line.from_mud} spoke at ${line.timestamp}.`);
});

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => i3.close().then(() => process.exit(0)));
await i3.start();
console.log(`${NAME} is on ${channels.join(", ")}`);
