// In a browser there is no TCP.

export function openLines() {
  throw new Error("a web page cannot use tcp:// or tls://: give the client a ws:// or wss:// address");
}
