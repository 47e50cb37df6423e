"""A server on Python's websockets: python3 server.py. Prints its port, then echoes; "close CODE REASON" closes, "ping" pings and says that the pong came.

Ends with its standard input.
"""
import asyncio
import sys

# Where apt-get puts it, whichever Python runs this.
sys.path.append("/usr/lib/python3/dist-packages")
try:
    import websockets
except ImportError:
    print("missing", flush=True)
    sys.exit(0)


async def serve(socket, *_):
    async for message in socket:
        if isinstance(message, str) and message.startswith("close "):
            _, code, reason = message.split(" ", 2)
            await socket.close(int(code), reason)
            break
        elif message == "ping":
            await (await socket.ping("are you there"))
            await socket.send("pong are you there")
        else:
            await socket.send(message)
    print("closed", socket.close_code, socket.close_reason, flush=True)


async def main():
    async with websockets.serve(serve, "127.0.0.1", 0, subprotocols=["v2"]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
