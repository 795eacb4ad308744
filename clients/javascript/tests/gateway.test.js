// The client against both daemons, as games use it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { GatewayError, I3Client } from "../src/index.js";
import { network } from "./net.js";

const TRANSPORTS = typeof globalThis.WebSocket === "function" ? ["tcp", "ws"] : ["tcp"];
let names = 0;

async function nextOf(client, method, fits = () => true) {
  const deadline = Date.now() + 90_000;
  while (Date.now() < deadline) {
    const event = await client.nextEvent(deadline - Date.now());
    if (event?.method === method && fits(event.params)) return event.params;
  }
  assert.fail(`no ${method} came`);
}

const WHOLE = 1_000;

async function nextNumber(client) {
  for (;;) {
    const event = await client.nextEvent(90_000);
    assert.ok(event, "nothing came");
    if (event.method !== "tell_received" && event.method !== "channel_message") continue;
    const number = Number(event.params.message.split(" ")[0]);
    if (number !== WHOLE) return number;
  }
}

/**
 * Says 1000 on a channel until the client hears it: its gateway may still be joining. It may come more than once, which
 * `nextNumber` passes over. Other numbers that come are noted.
 */
async function untilHeard(client, sage, channel, numbers = []) {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    await sage.channel_send({ channel, message: String(WHOLE) }).catch((error) => assert.ok(error instanceof GatewayError, error));
    for (let event; (event = await client.nextEvent(300)); ) {
      if (event.method !== "tell_received" && event.method !== "channel_message") continue;
      const number = Number(event.params.message);
      if (number !== WHOLE) numbers.push(number);
      else if (event.params.channel === channel && !event.params.replay) return;
    }
  }
  assert.fail("the network did not come back");
}

const range = (count) => Array.from({ length: count }, (_, number) => number);
const sorted = (numbers) => [...numbers].sort((a, b) => a - b);

for (const daemon of ["i3-gateway", "i3-gateway-threads"]) {
  describe(daemon, { concurrency: false, timeout: 480_000 }, () => {
    let net;
    let sage;
    const open = new Set();
    const game = async (options = {}) => {
      const client = new I3Client({
        address: net.tcp,
        apiKey: net.key,
        client: `test-${(names += 1)}`,
        backoff: { first: 100, max: 500 },
        onWarning: () => {},
        ...options,
      });
      open.add(client);
      await client.start(90_000);
      return client;
    };
    before(async () => {
      net = await network(daemon);
      sage = new I3Client({ ...net.peer, onWarning: () => {} });
      await sage.start(90_000);
      await sage.join(["chat", "code"]);
    });
    after(async () => {
      await sage?.close();
      await Promise.all([...open].map((client) => client.close()));
      await net?.close();
    });

    for (const transport of TRANSPORTS) {
      test(`talk in both directions (${transport})`, async () => {
        const alpha = await game({ address: net[transport] });
        assert.equal(alpha.mudName, "Alpha");
        await alpha.join("chat");
        await alpha.tell({ target_mud: "Sage", target_user: "Ann", message: "Grüße, 你好 \u{1f409}", from_user: "Bob" });
        assert.equal((await nextOf(sage, "tell_received")).message, "Grüße, 你好 \u{1f409}");
        await untilHeard(alpha, sage, "chat");
        await sage.channel_send({ channel: "chat", message: "hello", from_user: "Ann" });
        const line = await nextOf(alpha, "channel_message", (params) => params.message !== String(WHOLE));
        assert.deepEqual([line.channel, line.visname, line.message], ["chat", "Ann", "hello"]);
        await alpha.channel_send({ channel: "chat", message: "mine" });
        assert.equal((await nextOf(alpha, "channel_message")).self, true);
        assert.equal((await nextOf(sage, "channel_message")).from_mud, "Alpha");
        await alpha.leave("chat");
        assert.deepEqual((await alpha.channel_list()).subscribed_channels, []);
        await alpha.close();
        await assert.rejects(alpha.ping(), { name: "ClientClosed" });
      });

      test(`a wrong key is final (${transport})`, async () => {
        await assert.rejects(game({ address: net[transport], apiKey: "wrong" }), { name: "NotAuthenticated", code: -32000 });
        const client = new I3Client({ address: net[transport], apiKey: "wrong", onWarning: () => {} });
        await assert.rejects(async () => {
          for await (const event of client.events()) assert.fail(event.method);
        }, { name: "NotAuthenticated" });
      });

      test(`nothing is lost or doubled when the gateway is killed (${transport})`, async () => {
        const alpha = await game({ address: net[transport] });
        await alpha.join("chat");
        const seen = [];
        let number = 0;
        for (const round of [0, 1]) {
          await untilHeard(alpha, sage, "chat", seen);
          for (let count = 0; count < 10; count += 1) {
            await sage.tell({ target_mud: "Alpha", target_user: "Bob", message: String(number), from_user: "Ann" });
            await sage.channel_send({ channel: "chat", message: String(number + 1), from_user: "Ann" });
            number += 2;
          }
          await sleep(3_000); // the gateway has read and saved them; a part is handled here
          if (round === 0) while (seen.length < 8) seen.push(await nextNumber(alpha));
          await net.kill();
          await assert.rejects(
            async () => {
              for (;;) await alpha.ping();
            },
            (error) => ["NotConnected", "ConnectionLost"].includes(error.name),
          );
          await net.start();
          await alpha.start(90_000);
        }
        await untilHeard(alpha, sage, "chat", seen);
        while (seen.length < number) seen.push(await nextNumber(alpha));
        assert.deepEqual(sorted(seen), range(number));
        await alpha.close();
      });

      test(`a slow program loses nothing and its queue is bounded (${transport})`, async () => {
        const alpha = await game({ address: net[transport], queueSize: 5 });
        await nextOf(alpha, "connected");
        for (const number of range(60)) {
          const message = `${number} ${"x".repeat(2000)}`;
          await sage.tell({ target_mud: "Alpha", target_user: "Bob", message, from_user: "Ann" });
        }
        for (let attempt = 0; attempt < 300 && alpha.queued < 5; attempt += 1) await sleep(100);
        await sleep(500); // more would come now
        assert.ok(alpha.queued <= 6, `${alpha.queued} events wait`); // over a WebSocket: and the news that it is closed
        const got = [];
        while (got.length < 60) {
          got.push(await nextNumber(alpha));
          if (transport === "tcp" && got.length % 20 === 1) assert.equal((await alpha.status()).mud_name, "Alpha");
        }
        assert.deepEqual(got, range(60));
        assert.equal(alpha.dropped, 0);
        await alpha.close();
      });
    }

    test("errors are typed", async () => {
      const alpha = await game();
      await assert.rejects(alpha.tell({ target_mud: "Sage", target_user: "Ann", message: "" }), { name: "InvalidParams" });
      await assert.rejects(alpha.call("dance"), { name: "MethodNotFound", code: -32601 });
      const nobody = alpha.finger({ target_mud: "Sage", target_user: "nobody-at-all", wait: true, timeout: 1 });
      await assert.rejects(nobody, (error) => error instanceof GatewayError && ["unk-user", "no_answer"].includes(error.reason));
      const late = alpha.call("locate", { target_user: "nobody", wait: true, timeout: 5 }, { timeout: 200 });
      await assert.rejects(late, { name: "CallTimeout" });
      await alpha.close();
      const weak = await game({ apiKey: net.weakKey });
      await assert.rejects(weak.tell({ target_mud: "Sage", target_user: "A", message: "b" }), { name: "PermissionDenied", needs: "tell" });
      await assert.rejects(weak.join("chat"), { name: "PermissionDenied" });
      await weak.close();
    });

    test("the client goes on after an orderly restart", async () => {
      const alpha = await game({ channels: ["code"] });
      await net.stop();
      assert.ok((await nextOf(alpha, "disconnected")).reason);
      await assert.rejects(alpha.ping(), { name: "NotConnected" });
      await alpha.join("chat");
      await net.start();
      await nextOf(alpha, "connected");
      for (const channel of ["code", "chat"]) await untilHeard(alpha, sage, channel);
      await alpha.close();
    });

    test("what was not handled comes again at the next start, and nothing else", async () => {
      const client = `reborn-${daemon}`;
      const first = await game({ client });
      await first.join("chat");
      await untilHeard(first, sage, "chat");
      for (const number of range(5)) {
        await sage.tell({ target_mud: "Alpha", target_user: "Bob", message: String(number * 2), from_user: "Ann" });
        await sage.channel_send({ channel: "chat", message: String(number * 2 + 1), from_user: "Ann" });
      }
      const handled = [];
      while (handled.length < 6) handled.push(await nextNumber(first));
      await first.close({ handled: false });
      const second = await game({ client, channels: ["chat"] });
      const again = [];
      await untilHeard(second, sage, "chat", again);
      assert.deepEqual(sorted(again), range(10).filter((number) => !handled.slice(0, 5).includes(number)));
      await second.close();
      const third = await game({ client, channels: ["chat"] });
      const more = [];
      await untilHeard(third, sage, "chat", more);
      assert.deepEqual(more, []);
      await third.close();
    });

    test("an event that is not acknowledged by hand comes again", async () => {
      const client = `manual-${daemon}`;
      const tells = [];
      const first = await game({ client, acks: "manual" });
      for (const number of range(3)) {
        await sage.tell({ target_mud: "Alpha", target_user: "Bob", message: String(number), from_user: "Ann" });
      }
      while (tells.length < 3) {
        const event = await first.nextEvent(90_000);
        if (event.method === "tell_received") tells.push(event);
      }
      first.acknowledge(tells[0]);
      await first.close();
      const second = await game({ client, acks: "manual" });
      assert.equal((await nextOf(second, "tell_received")).message, "1");
      assert.equal((await nextOf(second, "tell_received")).replay, true);
      await second.close();
    });

    test("handlers are called one event after the other", async () => {
      const alpha = new I3Client({ address: net.tcp, apiKey: net.key, client: "handlers", onWarning: () => {} });
      open.add(alpha);
      const heard = [];
      let busy = 0;
      const done = new Promise((resolve) => {
        alpha.on("tell_received", async (tell) => {
          assert.equal((busy += 1), 1);
          await sleep(20);
          busy -= 1;
          heard.push(tell.message);
          if (heard.length === 1) throw new Error("a fault of the game");
          if (heard.length === 3) resolve();
        });
      });
      await alpha.start();
      for (const message of ["a", "b", "c"]) await sage.tell({ target_mud: "Alpha", target_user: "Bob", message, from_user: "Ann" });
      await done;
      assert.deepEqual(heard, ["a", "b", "c"]);
      await alpha.close();
    });

    test("presence is published and kept up", async () => {
      const alpha = await game({ presence: () => ["Bob", { name: "Ann", title: "the Bold", level: 12 }] });
      const names = async () => (await sage.who({ target_mud: "Alpha", wait: true })).users.map((user) => user.name).sort();
      /** Until the network sees these users. */
      const seen = async (...users) => {
        for (let attempt = 0; attempt < 300 && String(await names()) !== String(users); attempt += 1) await sleep(200);
        assert.deepEqual(await names(), users);
      };
      await seen("Ann", "Bob");
      const finger = await sage.finger({ target_mud: "Alpha", target_user: "ann", wait: true });
      assert.equal(finger.user_info.title, "the Bold");
      alpha.setPresence(["Eve"]);
      await seen("Eve");
      await alpha.close();
    });
  });
}
