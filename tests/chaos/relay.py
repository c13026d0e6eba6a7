"""Passes TCP connections on: `relay.py LISTEN=TARGET ...`, each an address:port. Ends with its standard input.

A service in a network namespace of its own reaches, and is reached, through one relay on each side of the wire. When
the wire is cut, the relays' connections over it hang, as those of a cut-off machine do.
"""

import asyncio
import contextlib
import sys


def endpoint(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


async def pump(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()


async def serve(listen, target):
    async def connected(reader, writer):
        try:
            onward_reader, onward_writer = await asyncio.open_connection(*endpoint(target))
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, onward_writer), pump(onward_reader, writer))

    await asyncio.start_server(connected, *endpoint(listen))


async def main(pairs):
    for pair in pairs:
        await serve(*pair.split("="))
    print("listening", flush=True)
    loop = asyncio.get_running_loop()
    ended = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(ended), sys.stdin)
    await ended.read()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
