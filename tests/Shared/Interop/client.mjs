// A subscriber in Node: node client.mjs URL TOPIC COUNT [plain]
// With Node's own WebSocket where it has one and "plain" does not ask for ours. Prints every message it gets, one a line, and how the connection ended.
import { PlainWebSocket } from "./client.plain.mjs";

const [url, topic, count, plain] = process.argv.slice(2);
const Socket = plain ? PlainWebSocket : (globalThis.WebSocket ?? PlainWebSocket);
const socket = new Socket(url);
let asked = false;

socket.onmessage = ({ data }) => {
  console.log(data);
  const message = JSON.parse(data);
  if (message.type === "welcome") {
    socket.send(JSON.stringify({ id: "1", type: "subscribe", topic, response: true }));
  } else if (message.type === "message" && message.sn >= Number(count) && !asked) {
    asked = true;
    socket.send(JSON.stringify({ id: "2", action: "echo", data: ["κόσμε 😀", "x".repeat(70000)] }));
  } else if (message.type === "echo" || message.type === "error") {
    socket.close(1000, "done");
  }
};
socket.onerror = (event) => console.log(`error ${event.message ?? event.error}`);
socket.onclose = ({ code, wasClean }) => console.log(`closed ${code} ${wasClean}`);
