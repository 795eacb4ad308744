// Prints every tell and every channel line until Ctrl-C. I3_CHANNELS=chat,code limits it to some channels.

import { I3Client } from "i3-gateway-client";

const wanted = (process.env.I3_CHANNELS ?? "").split(",").filter((name) => name !== "");
const i3 = I3Client.fromEnv("javascript-listen", { channels: wanted, textFormat: "plain" });
const say = (text) => console.log(text);

/** Joins the channels of the network, to listen only. */
async function joinAll() {
  if (wanted.length > 0) return;
  try {
    for (let after; ; ) {
      const page = await i3.channel_list({ after });
      for (const { name } of page.channels) {
        if (!page.subscribed_channels.includes(name)) await i3.join(name, { listenOnly: true });
      }
      after = page.next;
      if (after === undefined) return;
    }
  } catch (error) {
    say(`-- ${error.message}`);
  }
}

i3.on("tell_received", (tell) => say(`tell ${tell.visname}@${tell.from_mud} -> ${tell.to_user}: ${tell.message}`));
i3.on("emoteto_received", (tell) => say(`emote ${tell.visname}@${tell.from_mud} -> ${tell.to_user}: ${tell.message}`));
i3.on("channel_message", (line) => say(`[${line.channel}] ${line.visname}@${line.from_mud}: ${line.message}`));
i3.on("channel_emote", (line) => say(`[${line.channel}] ${line.message}`));
i3.on("channel_targeted_emote", (line) => say(`[${line.channel}] ${line.message}`));
i3.on("connected", ({ mud_name }) => say(`-- connected as ${mud_name}`));
i3.on("disconnected", ({ reason }) => say(`-- ${reason}`));
for (const news of ["connected", "gateway_reconnected", "channel_added"]) i3.on(news, joinAll);

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => i3.close().then(() => process.exit(0)));
await i3.start().catch((error) => {
  if (error.name !== "ClientClosed") say(`${error.message}${error.name === "NotAuthenticated" ? ": set I3_API_KEY" : ""}`);
  process.exitCode = 1;
});
