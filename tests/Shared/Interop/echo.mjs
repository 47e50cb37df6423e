// A client on npm's ws that sends compressed messages and expects them back: node echo.mjs URL
// Prints what was agreed on, how many came back, and how the connection ended.
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

const { WebSocket } = load();
const words = ["κόσμε", "one", "two", "three"];
const message = (i) => Array.from({ length: i * 20 }, () => words[Math.floor(Math.random() * 4)]).join(" ");
const messages = ["", "", ...Array.from({ length: 300 }, (_, i) => message(i))];
const socket = new WebSocket(process.argv[2], { perMessageDeflate: { threshold: 0 } });
let echoed = 0;
socket.on("open", () => {
  console.log(socket.extensions.split(";")[0]);
  socket.send(messages[0]);
});
socket.on("message", (data) => {
  if (data.toString() !== messages[echoed]) throw new Error(`message ${echoed} came back as another`);
  if (++echoed < messages.length) return socket.send(messages[echoed]);
  console.log(`echoed ${echoed}`);
  socket.close(1000);
});
socket.on("close", (code) => console.log(`closed ${code}`));
