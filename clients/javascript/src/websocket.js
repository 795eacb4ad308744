// JSON texts over the WebSocket that browsers and Node 22 have.

/** Connects. `on.text` gets each text; `on.closed` gets the reason, once. */
export function openWebSocket(url, on) {
  if (typeof globalThis.WebSocket !== "function") {
    throw new Error(`${url}: this Node has no WebSocket (it comes with Node 22): give the client a tcp:// address`);
  }
  const socket = new globalThis.WebSocket(url);
  let over = false;
  const end = (reason) => {
    if (!over) {
      over = true;
      on.closed(reason);
    }
  };
  socket.onopen = () => on.open();
  socket.onmessage = (message) => {
    if (!over && typeof message.data === "string") on.text(message.data);
  };
  socket.onclose = (closed) => end(closed.reason || "the gateway has closed the connection");
  socket.onerror = (error) => end(error.message || "no connection");
  return {
    // What a WebSocket has received cannot be left with the system.
    canPause: false,
    send: (text) => socket.send(text),
    resume: () => {},
    close: (reason = "closed") => {
      socket.close(1000);
      end(reason);
    },
  };
}
