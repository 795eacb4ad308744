// The parts that need no gateway.

import assert from "node:assert/strict";
import test from "node:test";

import { addressFromEnv, parseAddress } from "../src/address.js";
import { GatewayError, PermissionDenied, RateLimited, fromWire } from "../src/errors.js";
import { I3Client, METHODS } from "../src/index.js";
import { Ledger, SEEN_IDS_MAX } from "../src/ledger.js";

const tell = (event_id) => ({ method: "tell_received", params: { event_id } });

test("an acknowledgement waits for the lowest event that is not handled", () => {
  const ledger = new Ledger();
  for (const id of [5, 20, 7]) assert.ok(ledger.received(tell(id)));
  assert.equal(ledger.toAcknowledge(), undefined);
  ledger.handled(tell(20));
  assert.equal(ledger.toAcknowledge(), 4);
  ledger.handled(tell(5));
  assert.equal(ledger.toAcknowledge(), 6);
  ledger.handled(tell(7));
  assert.equal(ledger.toAcknowledge(), 20);
  ledger.acknowledged(20);
  assert.equal(ledger.toAcknowledge(), undefined);
});

test("a repeated event is not handed out again, and nothing is acknowledged while a replay may be on its way", () => {
  const ledger = new Ledger();
  ledger.hold();
  assert.ok(ledger.received(tell(5)));
  assert.ok(!ledger.received(tell(5)));
  ledger.handled(tell(5));
  assert.ok(!ledger.received(tell(5)));
  assert.equal(ledger.toAcknowledge(), undefined);
  ledger.release();
  assert.equal(ledger.toAcknowledge(), 5);
  for (let id = 6; id < SEEN_IDS_MAX + 50; id += 1) {
    ledger.received(tell(id));
    ledger.handled(tell(id));
  }
  assert.ok(ledger.received(tell(5)), "the memory is bounded");
});

test("addresses", () => {
  assert.equal(parseAddress("ws://10.0.0.1:8080").url, "ws://10.0.0.1:8080/ws");
  assert.equal(parseAddress("https://i3.example.org").url, "wss://i3.example.org/ws");
  assert.deepEqual(parseAddress("tcp://[::1]:99"), { host: "::1", port: 99, tls: false, text: "tcp://[::1]:99" });
  assert.equal(parseAddress("tcp://host:80").port, 80);
  assert.equal(parseAddress("tls://host").port, 8081);
  for (const wrong of ["localhost:8081", "ftp://host", "ws://", undefined]) assert.throws(() => parseAddress(wrong), TypeError);
  const url = { I3_GATEWAY_URL: "ws://h:1/ws" };
  assert.equal(addressFromEnv({ ...url, I3_GATEWAY_HOST: "10.0.0.2", I3_GATEWAY_PORT: "77" }), "tcp://10.0.0.2:77");
  assert.equal(addressFromEnv(url), "ws://h:1/ws");
  assert.equal(addressFromEnv({}), "tcp://127.0.0.1:8081");
});

test("errors carry code and data", () => {
  const away = fromWire({ code: -32004, message: "away", data: { reason: "router_down", retryable: true } });
  assert.ok(away instanceof GatewayError && away.retryable && away.reason === "router_down" && away.code === -32004);
  assert.equal(away.name, "GatewayError");
  const busy = fromWire({ code: -32001, message: "slow down", data: { retry_after_ms: 250 } });
  assert.ok(busy instanceof RateLimited && busy.retryAfter === 250);
  assert.ok(fromWire({ code: -32002, message: "no", data: { needs: "tell" } }) instanceof PermissionDenied);
});

test("each method of the API is a method of the client", async () => {
  const client = new I3Client();
  for (const method of METHODS) assert.equal(typeof client[method.replace(".", "_")], "function");
  await assert.rejects(client.ping(), { name: "NotConnected" });
  assert.throws(() => new I3Client({ acks: "never" }), TypeError);
});
