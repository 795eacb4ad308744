// The command of README.md and the examples, as a user runs them. I3_PACKAGE names the folder of the installed package.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { GatewayError, I3Client } from "../src/index.js";
import { network } from "./net.js";

const folder = process.env.I3_PACKAGE ?? fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const blocks = (language) => [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, "gm"))].map((match) => match[1]);

/** A running example, and the lines that it has printed. */
function run(command, args, env) {
  const child = spawn(command, args, { cwd: folder, env: { ...process.env, ...env }, detached: true });
  const printed = [];
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", (line) => printed.push(line));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const expect = async (text, milliseconds = 90_000) => {
    for (const deadline = Date.now() + milliseconds; Date.now() < deadline; await sleep(20)) {
      if (printed.some((line) => line.includes(text))) return;
    }
    assert.fail(`${text} was not printed, but:\n${printed.join("\n")}`);
  };
  /** Says something until the program has heard it: it may still be joining. */
  const untilHeard = async (send, text) => {
    for (let attempt = 0; attempt < 180; attempt += 1) {
      await send().catch((error) => assert.ok(error instanceof GatewayError, error));
      if (await expect(text, 500).then(() => true, () => false)) return;
    }
    assert.fail(`${text} was not heard, but:\n${printed.join("\n")}`);
  };
  const interrupt = async () => {
    process.kill(-child.pid, "SIGINT"); // Ctrl-C: the whole group gets the signal
    const code = await ended;
    assert.ok(!printed.some((line) => /^ +at /.test(line)), printed.join("\n"));
    return code;
  };
  return { child, printed, expect, untilHeard, interrupt, ended, type: (line) => child.stdin.write(`${line}\n`) };
}

describe("examples", { concurrency: false, timeout: 480_000 }, () => {
  let net;
  let sage;
  const running = [];
  const start = (command, args, env = {}) => {
    running.push(run(command, args, { ...net.env, ...env }));
    return running.at(-1);
  };
  const say = (channel, message, from_user = "Ann") => sage.channel_send({ channel, message, from_user });
  const next = async (method) => {
    for (const deadline = Date.now() + 90_000; Date.now() < deadline; ) {
      const event = await sage.nextEvent(1_000);
      if (event?.method === method) return event.params;
    }
    assert.fail(`no ${method} came`);
  };
  before(async () => {
    net = await network("i3-gateway");
    sage = new I3Client({ ...net.peer, channels: ["chat", "code"], onWarning: () => {} });
    await sage.start(90_000);
  });
  after(async () => {
    for (const { child } of running) {
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGKILL");
    }
    await sage?.close();
    await net?.close();
  });

  for (const by of ["TCP", "URL"]) {
    const skip = by === "URL" && typeof globalThis.WebSocket !== "function" && "this Node has no WebSocket";
    test(`the first command of the README, by ${by}`, { skip }, async () => {
      const flag = process.execArgv.includes("--experimental-websocket") ? { NODE_OPTIONS: "--experimental-websocket" } : {};
      const env = by === "URL" ? { I3_GATEWAY_HOST: "", I3_GATEWAY_PORT: "", ...flag } : {};
      const program = start("sh", ["-c", blocks("sh")[0]], env);
      await program.expect("connected as Alpha");
      await program.untilHeard(() => say("code", "a line"), "[code] Ann@Sage: a line");
      await sage.tell({ target_mud: "Alpha", target_user: "Bob", message: "a tell", from_user: "Ann" });
      await program.expect("tell Ann@Sage -> bob: a tell");
      await program.interrupt();
    });
  }

  test("a wrong key is said in one line", async () => {
    const program = start("node", ["examples/listen.js"], { I3_API_KEY: "wrong" });
    await program.expect("set I3_API_KEY");
    assert.equal(await program.ended, 1);
  });

  test("the smallest game", async () => {
    const program = start("node", ["examples/game.js", "0"]);
    await program.expect("telnet 127.0.0.1");
    const player = connect(Number(program.printed[0].split(" ").at(-1)), "127.0.0.1");
    const shown = [];
    createInterface({ input: player }).on("line", (line) => shown.push(line));
    const sees = async (text) => {
      for (let wait = 0; wait < 1_800 && !shown.some((line) => line.includes(text)); wait += 1) await sleep(50);
      assert.ok(shown.some((line) => line.includes(text)), shown.join("\n"));
    };
    player.write("Bob\n");
    for (let users = []; users.length !== 1 || users[0].name !== "Bob"; await sleep(200)) {
      ({ users } = await sage.who({ target_mud: "Alpha", wait: true }));
    }
    await sage.tell({ target_mud: "Alpha", target_user: "bob", message: "hello", from_user: "Ann" });
    await sees("Ann@Sage tells you: hello");
    player.write("tell Ann@sage hello back\n");
    const heard = await next("tell_received");
    assert.deepEqual([heard.visname, heard.message], ["Bob", "hello back"]);
    player.write("who Alpha\n");
    await sees("Bob");
    player.destroy();
    await program.interrupt();
  });

  test("the channel bot", async () => {
    const program = start("node", ["examples/channel-bot.js"]);
    await program.expect("Clockwork is on chat");
    // It may still be joining.
    let heard = "";
    for (let attempt = 0; attempt < 90 && !heard.includes("muds are on the network"); attempt += 1) {
      await say("chat", "!muds");
      for (let event; (event = await sage.nextEvent(1_000)); ) heard += event.params.message ?? "";
    }
    assert.match(heard, /muds are on the network/);
    await say("chat", "!seen Ann");
    assert.match((await next("channel_message")).message, /Ann@Sage spoke/);
    await program.interrupt();
  });

  test("the relay", async () => {
    const answers = [503, 429];
    const posted = [];
    const hook = createServer((request, response) => {
      let body = "";
      request.on("data", (bytes) => (body += bytes));
      request.on("end", () => {
        const code = answers.pop() ?? 204;
        if (code === 204) posted.push(JSON.parse(body));
        response.writeHead(code, { "retry-after": "0.1" }).end();
      });
    });
    await new Promise((done) => hook.listen(0, "127.0.0.1", done));
    const WEBHOOK_URL = `http://127.0.0.1:${hook.address().port}/hook`;
    const program = start("node", ["examples/webhook-relay.js"], { WEBHOOK_URL, RELAY_IGNORE: "bridge@sage" });
    await program.expect("relaying chat");
    for (let attempt = 0; attempt < 90 && posted.length === 0; attempt += 1) {
      await say("chat", `warm-up ${attempt}`); // it may still be joining
      await sleep(500);
    }
    const own = new I3Client({ address: net.tcp, apiKey: net.key });
    await own.start();
    await own.channel_send({ channel: "chat", message: "of this mud" });
    await own.close();
    await say("chat", "of a bridge", "bridge");
    await say("chat", "hey @everyone <@123> *now*");
    await say("chat", "hey @everyone <@123> *now*");
    await say("chat", "the end");
    for (let wait = 0; wait < 1_800 && !posted.at(-1)?.content.includes("the end"); wait += 1) await sleep(50);
    const relayed = posted.filter(({ content }) => !content.includes("warm-up"));
    assert.equal(relayed.length, 2, JSON.stringify(relayed));
    const [{ content, allowed_mentions }] = relayed;
    assert.ok(!content.includes("@everyone") && !content.includes("<@") && content.includes("\\*now\\*"));
    assert.deepEqual(allowed_mentions, { parse: [] });
    await program.interrupt();
    hook.close();
  });

  test("the terminal chat", async () => {
    const program = start("node", ["examples/terminal-chat.js"], { I3_USER: "Bob" });
    await program.expect("Bob@Alpha");
    await program.untilHeard(() => say("chat", "anybody?"), "Ann@Sage: anybody?");
    program.type("/tell Ann@Sage hello");
    assert.equal((await next("tell_received")).message, "hello");
    program.type("/who Alpha");
    await program.expect("Bob");
    program.type("/quit");
    assert.equal(await program.ended, 0);
  });
});
