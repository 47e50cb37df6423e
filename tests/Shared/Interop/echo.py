"""A client on Python's websockets that sends compressed messages and expects them back: python3 echo.py URL [PARAMETER[=VALUE]...]

Prints what was agreed on, how many came back, and how the connection ended.
"""
import asyncio
import random
import sys

# Where apt-get puts it, whichever Python runs this.
sys.path.append("/usr/lib/python3/dist-packages")
try:
    import websockets
    from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
except ImportError:
    print("missing", flush=True)
    sys.exit(0)

url, *parameters = sys.argv[1:]
wanted = {name: int(value) if value else True for name, _, value in (parameter.partition("=") for parameter in parameters)}
wanted.setdefault("client_max_window_bits", True)


def message(i):
    words = " ".join(random.choice(["κόσμε", "one", "two", "three", str(i)]) for _ in range(i * 20))
    return words if i % 2 else words.encode()


async def main():
    async with websockets.connect(url, compression=None, extensions=[ClientPerMessageDeflateFactory(**wanted)]) as socket:
        connection = getattr(socket, "protocol", socket)
        print((getattr(connection, "extensions", None) or socket.extensions)[0])
        echoed = 0
        for sent in ["", b"", *(message(i) for i in range(300))]:
            await socket.send(sent)
            assert await socket.recv() == sent
            echoed += 1
        print("echoed", echoed)
    print("closed", socket.close_code)


asyncio.run(main())
