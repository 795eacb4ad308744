// The smallest game: players connect with telnet, give a name, and talk to the network.
//
//     node examples/game.js 4000        then: telnet 127.0.0.1 4000
//
// Commands: gossip TEXT, tell USER@MUD TEXT, who MUD, quit.

import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { I3Client } from "i3-gateway-client";

const CHANNEL = "chat";
const players = new Map(); // name -> socket
const i3 = I3Client.fromEnv("smallest-game", { channels: [CHANNEL], textFormat: "plain", presence: () => players.keys() });

function show(text, player) {
  for (const [name, socket] of players) {
    if (player === undefined || name.toLowerCase() === player.toLowerCase()) socket.write(`${text}\r\n`);
  }
}

i3.on("tell_received", (tell) => show(`${tell.visname}@${tell.from_mud} tells you: ${tell.message}`, tell.to_user));
i3.on("channel_message", (line) => show(`[${line.channel}] ${line.visname}@${line.from_mud}: ${line.message}`));

async function command(player, line) {
  const [, word, rest] = /^(\S*) ?(.*)$/.exec(line);
  const tell = /^([^@]+)@(\S+) (.+)$/.exec(rest); // of a mud's name the first word is enough
  if (word === "gossip" && rest) {
    await i3.channel_send({ channel: CHANNEL, message: rest, from_user: player });
  } else if (word === "tell" && tell) {
    await i3.tell({ target_user: tell[1], target_mud: tell[2], message: tell[3], from_user: player });
    show(`You tell ${tell[1]}@${tell[2]}: ${tell[3]}`, player);
  } else if (word === "who" && rest) {
    const { users } = await i3.who({ target_mud: rest, from_user: player, wait: true });
    show(users.map((user) => user.name).join("\r\n") || "Nobody is on.", player);
  } else {
    show("gossip TEXT, tell USER@MUD TEXT, who MUD, quit", player);
  }
}

const server = createServer(async (socket) => {
  let name;
  socket.on("error", () => {});
  socket.write("Your name? ");
  for await (const typed of createInterface({ input: socket })) {
    const line = typed.trim();
    if (line === "quit") break;
    if (name !== undefined) {
      await command(name, line).catch((error) => show(error.message, name));
    } else if (line !== "" && !players.has(line)) {
      name = line;
      players.set(name, socket);
      i3.presenceChanged(); // who is on: for who, finger and tells
    }
  }
  players.delete(name);
  i3.presenceChanged();
  socket.end();
});

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => i3.close().then(() => process.exit(0)));
await i3.start();
server.listen(Number(process.argv[2] ?? 4000), "127.0.0.1", () => console.log(`telnet 127.0.0.1 ${server.address().port}`));
