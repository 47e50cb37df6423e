// A WebSocket in plain JavaScript on node's own HTTP client, for a Node that has none. RFC 6455, client side; text messages only.
import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";

export class PlainWebSocket {
  #socket;
  #bytes = Buffer.alloc(0);
  #message = [];
  #closeCode = 1006;

  constructor(url) {
    const key = randomBytes(16).toString("base64");
    const accept = createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
    const handshake = request(url.replace(/^ws/, "http"), {
      headers: { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": 13, "Sec-WebSocket-Key": key },
    });
    handshake.on("error", (error) => this.onerror(error));
    handshake.on("response", ({ statusCode }) => this.onerror(new Error(`the handshake was answered with ${statusCode}`)));
    handshake.on("upgrade", (response, socket, head) => {
      if (response.headers["sec-websocket-accept"] !== accept) throw new Error("wrong Sec-WebSocket-Accept");
      this.#socket = socket;
      socket.on("data", (bytes) => this.#receive(bytes));
      socket.on("end", () => {
        socket.end();
        this.onclose({ code: this.#closeCode, wasClean: this.#closeCode !== 1006 });
      });
      this.#receive(head);
    });
    handshake.end();
  }

  send(text) {
    this.#sendFrame(1, Buffer.from(text));
  }

  close(code, reason) {
    this.#sendFrame(8, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));
  }

  #sendFrame(opcode, payload) {
    const header = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65536 ? 4 : 10);
    header[0] = 0x80 | opcode;
    header[1] = 0x80 | (header.length === 2 ? payload.length : header.length === 4 ? 126 : 127);
    if (header.length === 4) header.writeUInt16BE(payload.length, 2);
    if (header.length === 10) header.writeBigUInt64BE(BigInt(payload.length), 2);
    const key = randomBytes(4);
    this.#socket.write(Buffer.concat([header, key, payload.map((byte, i) => byte ^ key[i & 3])]));
  }

  #receive(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#bytes.length >= 2) {
      if (this.#bytes[0] & 0x70 || this.#bytes[1] & 0x80) throw new Error("reserved bits, or a masked frame from a server");
      let length = this.#bytes[1];
      const header = length < 126 ? 2 : length === 126 ? 4 : 10;
      if (this.#bytes.length < header) return;
      if (header === 4) length = this.#bytes.readUInt16BE(2);
      if (header === 10) length = Number(this.#bytes.readBigUInt64BE(2));
      if (this.#bytes.length < header + length) return;
      const [fin, opcode, payload] = [this.#bytes[0] >= 0x80, this.#bytes[0] & 15, this.#bytes.subarray(header, header + length)];
      this.#bytes = this.#bytes.subarray(header + length);
      if (opcode === 8) this.#closeCode = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
      else if (opcode === 9) this.#sendFrame(10, payload);
      else if (opcode < 2) {
        this.#message.push(payload);
        if (fin) this.onmessage({ data: Buffer.concat(this.#message.splice(0)).toString() });
      }
    }
  }
}
