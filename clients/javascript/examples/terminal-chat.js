// A chat in the terminal. Type a line to say it on the first channel of I3_CHANNELS (default: chat), or a command.

import { userInfo } from "node:os";
import { createInterface } from "node:readline";
import { I3Client } from "i3-gateway-client";

const HELP = "/join CHANNEL   /leave CHANNEL   /on CHANNEL TEXT   /tell USER@MUD TEXT   /who MUD   /muds   /quit";
const channels = (process.env.I3_CHANNELS ?? "chat").split(",");
const me = process.env.I3_USER ?? userInfo().username;
const i3 = I3Client.fromEnv("terminal-chat", { channels, textFormat: "ansi", presence: () => [me] });

i3.on("channel_message", (line) => console.log(`[${line.channel}] ${line.visname}@${line.from_mud}: ${line.message}`));
i3.on("channel_emote", (line) => console.log(`[${line.channel}] ${line.message}`));
i3.on("tell_received", (tell) => console.log(`${tell.visname}@${tell.from_mud} tells ${tell.to_user}: ${tell.message}`));
i3.on("error_occurred", (error) => console.log(`-- ${error.error_message}`));
i3.on("disconnected", ({ reason }) => console.log(`-- ${reason}`));

async function obey(line) {
  const [, word, rest] = /^(\S+) ?(.*)$/.exec(line);
  const [, first, text] = /^(\S*) ?(.*)$/.exec(rest);
  if (!line.startsWith("/")) return i3.channel_send({ channel: channels[0], message: line, from_user: me });
  if (word === "/join") return i3.join(first);
  if (word === "/leave") return i3.leave(first);
  if (word === "/on") return i3.channel_send({ channel: first, message: text, from_user: me });
  if (word === "/tell") {
    const [target_user, target_mud] = first.split("@");
    return i3.tell({ target_user, target_mud, message: text, from_user: me });
  }
  if (word === "/who") {
    const { users } = await i3.who({ target_mud: rest, from_user: me, wait: true });
    return console.log(users.map((user) => user.name).join(", ") || "nobody");
  }
  if (word === "/muds") {
    const { muds } = await i3.mudlist({ filter: { status: "up" } });
    return console.log(muds.map((mud) => mud.name).join(", "));
  }
  return console.log(HELP);
}

await i3.start();
console.log(`-- ${me}@${i3.mudName}; /quit or Ctrl-D ends it; /help`);
for await (const typed of createInterface({ input: process.stdin })) {
  const line = typed.trim();
  if (line === "/quit") break;
  if (line !== "") await obey(line).catch((error) => console.log(`-- ${error.message}`));
}
await i3.close();
process.exit(0);
