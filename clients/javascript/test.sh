#!/usr/bin/env bash
# Tests the JavaScript client against both daemons, installed from its package into a clean directory.
#
#   clients/javascript/test.sh DAEMONS     DAEMONS holds i3-gateway, i3-gateway-threads and i3-router
#
# Needs Node 18 or later with npm, Python 3.9 or later, and the npm registry (for tsc).
set -euo pipefail
I3_DAEMONS=$(cd "$1" && pwd)
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export I3_DAEMONS I3_TESTNET="$PWD/../testnet.py" I3_PACKAGE="$work/game/node_modules/i3-gateway-client"

echo "-- the types follow the documents"
../generate.py --check

echo "-- npm pack, and the package in a clean directory"
npm pack --silent --pack-destination "$work" >/dev/null
mkdir "$work/game"
cp -r tests "$work/tests"
cd "$work/game"
npm init -y --silent >/dev/null
npm install --silent --no-audit --no-fund "$work"/i3-gateway-client-*.tgz
[ "$(ls node_modules)" = i3-gateway-client ] || { echo "it has dependencies"; exit 1; }
npm install --silent --no-audit --no-fund typescript@7.0.2

echo "-- the types, and the README's code"
sed -n '/^```js$/,/^```$/{/^```/!p}' "$I3_PACKAGE/README.md" >block.ts
[ "$(wc -l <block.ts)" -le 10 ] || { echo "the README's code is longer than ten lines"; exit 1; }
cat >types.ts <<'TS'
import { GatewayError, I3Client, type I3Event, type User, type WhoResult } from "i3-gateway-client";
const i3: I3Client = I3Client.fromEnv("types", { acks: "manual", textFormat: "plain" });
const users: User[] = ["Ann", { name: "Bob", idle: 3 }];
i3.setPresence(users);
async function all(): Promise<void> {
  for await (const event of i3.events()) {
    if (event.method === "channel_message") console.log(event.params.channel, event.params.self);
    // @ts-expect-error a tell has no channel
    if (event.method === "tell_received") console.log(event.params.channel);
    if (event.method === "connected") console.log(event.params.mud_name);
  }
  const answer: WhoResult = await i3.who({ target_mud: "Sage", wait: true });
  console.log(answer.users.map((user) => user.name));
  // @ts-expect-error without wait there are no users yet
  console.log((await i3.who({ target_mud: "Sage" })).users);
  // @ts-expect-error the message is missing
  await i3.tell({ target_mud: "Sage", target_user: "Ann" }).catch((error: GatewayError) => error.reason);
  const event: I3Event | undefined = await i3.nextEvent(10);
  if (event) i3.acknowledge(event);
}
void all;
TS
npx --no-install tsc --strict --noEmit block.ts types.ts
npx --no-install tsc --strict --noEmit --target es2022 --module nodenext --moduleResolution nodenext block.ts types.ts

echo "-- the tests, with the package that is installed"
# The tests name the sources as their neighbours: here these are those of the installed package.
cp -r "$I3_PACKAGE/src" "$work/src"
cp "$I3_PACKAGE/README.md" "$I3_PACKAGE/package.json" "$work"
flags=()
# Node 20 and 21 have a WebSocket behind a flag, Node 18 has none: there these tests are left out.
if node --experimental-websocket -e 'if (!globalThis.WebSocket) throw 1' 2>/dev/null; then flags+=(--experimental-websocket); fi
(cd "$work" && timeout 480 node ${flags[@]+"${flags[@]}"} --test --test-reporter=spec tests)
