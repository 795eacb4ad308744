// The network that the tests run on, from clients/testnet.py. I3_DAEMONS names the folder of the daemons.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = process.env.I3_TESTNET ?? fileURLToPath(new URL("../../testnet.py", import.meta.url));

export async function network(daemon) {
  const child = spawn(process.env.PYTHON ?? "python3", [PROGRAM, process.env.I3_DAEMONS, daemon], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const told = async () => JSON.parse((await lines.next()).value ?? '{"failed":true}');
  const described = await told();
  if (described.failed) throw new Error(`${daemon}: the network did not start`);
  const command = async (word) => {
    child.stdin.write(word + "\n");
    return told();
  };
  return {
    env: Object.fromEntries(Object.entries(described).filter(([name]) => name.startsWith("I3_"))),
    tcp: `tcp://127.0.0.1:${described.I3_GATEWAY_PORT}`,
    ws: described.I3_GATEWAY_URL,
    key: described.I3_API_KEY,
    weakKey: described.weak_key,
    peer: { address: `tcp://127.0.0.1:${described.peer_port}`, apiKey: described.peer_key, echo: false },
    kill: () => command("kill"),
    stop: () => command("stop"),
    start: () => command("start"),
    close: () => {
      child.stdin.end("end\n");
      return ended;
    },
  };
}
