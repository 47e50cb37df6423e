"""A subscriber in Python, with nothing but the standard library: python3 client.py HOST PORT PATH TOPIC COUNT

Prints every message it gets, one a line, and how the connection ended. RFC 6455, client side.
"""
import base64
import hashlib
import json
import os
import socket
import struct
import sys

host, port, path, topic, count = sys.argv[1:]
sys.stdout.reconfigure(encoding="utf-8")
connection = socket.create_connection((host, int(port)), timeout=60)
stream = connection.makefile("rb")


def send(opcode, payload):
    key = os.urandom(4)
    size = len(payload)
    length = (bytes([0x80 | size]) if size < 126
              else struct.pack("!BH", 0x80 | 126, size) if size < 65536
              else struct.pack("!BQ", 0x80 | 127, size))
    masked = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
    connection.sendall(bytes([0x80 | opcode]) + length + key + masked)


def send_json(message):
    send(1, json.dumps(message, ensure_ascii=False).encode())


def read_frame():
    first, second = stream.read(2)
    assert first & 0x70 == 0 and second & 0x80 == 0, "reserved bits, or a masked frame from a server"
    size = second & 0x7F
    if size == 126:
        size, = struct.unpack("!H", stream.read(2))
    elif size == 127:
        size, = struct.unpack("!Q", stream.read(8))
    return first & 0x80 != 0, first & 0x0F, stream.read(size)


nonce = base64.b64encode(os.urandom(16)).decode()
connection.sendall((f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n\r\n").encode())
assert stream.readline().startswith(b"HTTP/1.1 101 ")
headers = dict(line.decode().rstrip("\r\n").split(": ", 1) for line in iter(stream.readline, b"\r\n"))
accept = base64.b64encode(hashlib.sha1((nonce + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
assert {name.lower(): value for name, value in headers.items()}["sec-websocket-accept"] == accept

message = b""
asked = False
while True:
    fin, opcode, payload = read_frame()
    if opcode == 9:
        send(10, payload)
    elif opcode == 8:
        print("closed", struct.unpack("!H", payload[:2])[0], stream.read() == b"")
        break
    elif opcode in (0, 1):
        message += payload
        if fin:
            text, message = message.decode(), b""
            print(text)
            received = json.loads(text)
            if received["type"] == "welcome":
                send_json({"id": "1", "type": "subscribe", "topic": topic, "response": True})
            elif received["type"] == "message" and received["sn"] >= int(count) and not asked:
                asked = True
                send_json({"id": "2", "action": "echo", "data": ["κόσμε 😀", "x" * 70000]})
            elif received["type"] in ("echo", "error"):
                send(8, struct.pack("!H", 1000) + b"done")
