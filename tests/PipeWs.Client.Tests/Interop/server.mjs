// A server on npm's ws: node server.mjs. Prints its port, then echoes; "close CODE REASON" closes, "ping" pings and says what came back. Ends with its standard input.
import { createRequire } from "node:module";

// Where apt-get puts it, and where npm does.
const require = createRequire(import.meta.url);
const load = () => {
  for (const place of ["ws", "/usr/share/nodejs/ws"]) {
    try {
      return require(place);
    } catch {}
  }
  console.log("missing");
  process.exit(0);
};

const { WebSocketServer } = load();
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: true, handleProtocols: (offered) => (offered.has("v2") ? "v2" : false) });
server.on("listening", () => console.log(server.address().port));
server.on("connection", (socket) => {
  socket.on("pong", (data) => socket.send(`pong ${data}`));
  socket.on("close", (code, reason) => console.log(`closed ${code} ${reason}`));
  socket.on("message", (data, isBinary) => {
    const text = isBinary ? "" : data.toString();
    if (text.startsWith("close ")) socket.close(Number(text.split(" ")[1]), text.split(" ").slice(2).join(" "));
    else if (text === "ping") socket.ping("are you there");
    else socket.send(data, { binary: isBinary });
  });
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
