// Where the gateway is.

const DEFAULT_TCP_PORT = 8081;

/** tcp://HOST:PORT and tls://HOST:PORT are lines; ws://, wss://, http:// and https:// are a WebSocket. */
export function parseAddress(address) {
  const wrong = `${address} is no address of a gateway: write tcp://HOST:PORT, tls://…, ws://HOST:PORT/ws or wss://…`;
  const [, scheme, rest] = /^([a-z]+):\/\/(.+)$/.exec(String(address)) ?? [];
  const known = { tcp: "tcp", tls: "tls", ws: "ws", wss: "wss", http: "ws", https: "wss" }[scheme];
  if (known === undefined) throw new TypeError(wrong);
  let url;
  try {
    url = new URL(`${known === "wss" || known === "tls" ? "https" : "http"}://${rest}`);
  } catch {
    throw new TypeError(wrong);
  }
  if (known === "tcp" || known === "tls") {
    // A URL leaves out the default port of http: it is read from the text.
    const port = Number(/:(\d+)\/?$/.exec(rest)?.[1] ?? DEFAULT_TCP_PORT);
    return { host: url.hostname.replace(/^\[|\]$/g, ""), port, tls: known === "tls", text: `${known}://${rest}` };
  }
  const path = url.pathname === "/" ? "/ws" : url.pathname;
  return { url: `${known}://${url.host}${path}${url.search}`, text: `${known}://${url.host}${path}` };
}

/** Lines to I3_GATEWAY_HOST and I3_GATEWAY_PORT if one of them is set, else I3_GATEWAY_URL, else 127.0.0.1:8081. */
export function addressFromEnv(env) {
  const { I3_GATEWAY_HOST: host, I3_GATEWAY_PORT: port, I3_GATEWAY_URL: url } = env;
  if (url && !host && !port) return url;
  const name = host && host.includes(":") ? `[${host}]` : host || "127.0.0.1";
  return `tcp://${name}:${port || DEFAULT_TCP_PORT}`;
}
