#!/usr/bin/env python3
"""One address for an Odoo with workers: /websocket goes to the evented port, the rest to http.

    python dev/proxy.py --port 8069 --http-port 8070 --gevent-port 8072

What nginx does in production, without nginx. Every connection carries one request: the head is
read with its body, its Connection header becomes ``close`` (unless it upgrades), and then bytes are
passed both ways until one side is done. So no request after the first has to be looked for in the
stream.

From Python: ``await proxy.serve(port, http_port, gevent_port)`` returns a running asyncio server.
"""

import argparse
import asyncio
import contextlib
import re
import signal

HEAD_LIMIT = 64 * 1024  # bytes; as long as the longest head Odoo itself accepts
HEAD_TIMEOUT = 60  # seconds a client may take to send it, and what belongs to it
# Requests to the http port at a time. Odoo's workers share a queue of 8 for each, and of what the
# kernel turns away from a full one the first bytes may come later than the two seconds that a
# worker waits for them.
HTTP_LIMIT = 16


async def serve(port, http_port, gevent_port):
    """Start listening on loopback; returns the asyncio server."""
    places = asyncio.Semaphore(HTTP_LIMIT)

    async def handle(reader, writer):
        upstream_writer = None
        try:
            async with _timeout(HEAD_TIMEOUT):
                head = await reader.readuntil(b"\r\n\r\n")
                # All of it before a worker is asked for, as nginx does: a worker waits two seconds
                # for the rest, and whoever sends it may be slow.
                length = re.search(rb"\r\ncontent-length: *(\d+)\r", head, re.I)
                body = await reader.readexactly(int(length[1])) if length else b""
            path = head.split(b" ", 2)[1].partition(b"?")[0]
            websocket = path == b"/websocket" or path.startswith(b"/websocket/")
            if not re.search(rb"\r\nupgrade:", head, re.I):
                head = re.sub(rb"\r\n(?:connection|keep-alive):[^\r]*", b"", head, flags=re.I)
                head = head[:-2] + b"Connection: close\r\n\r\n"
            async with contextlib.nullcontext() if websocket else places:
                try:
                    upstream, upstream_writer = await asyncio.open_connection(
                        "127.0.0.1", gevent_port if websocket else http_port
                    )
                except OSError:
                    return await _refuse(writer)
                upstream_writer.write(head + body)
                sending = asyncio.create_task(_send(reader, upstream_writer))
                answered = await _pass(upstream, writer)
                sending.cancel()
            if not answered:
                # The worker died under the request, as behind nginx.
                await _refuse(writer)
        except (
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            asyncio.TimeoutError,
            IndexError,
            OSError,
        ):
            pass  # not a request, or a client that went away
        finally:
            for end in (writer, upstream_writer):
                if end:
                    end.close()

    return await asyncio.start_server(handle, "127.0.0.1", port, limit=HEAD_LIMIT, backlog=512)


async def _send(reader, writer):
    """Pass on what a client sends, and that it has no more to say."""
    await _pass(reader, writer)
    with contextlib.suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()


async def _pass(reader, writer):
    """Pass bytes on until the source ends; returns how many there were."""
    count = 0
    with contextlib.suppress(OSError):
        while block := await reader.read(HEAD_LIMIT):
            count += len(block)
            writer.write(block)
            await writer.drain()
    return count


async def _refuse(writer):
    writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    with contextlib.suppress(OSError):
        await writer.drain()


@contextlib.asynccontextmanager
async def _timeout(seconds):
    # asyncio.timeout() is 3.11+, Odoo 19 also runs on 3.10
    task = asyncio.current_task()
    timer = asyncio.get_running_loop().call_later(seconds, task.cancel)
    try:
        yield
    except asyncio.CancelledError:
        raise asyncio.TimeoutError from None
    finally:
        timer.cancel()


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("--port", "--http-port", "--gevent-port"):
        parser.add_argument(option, type=int, required=True)
    options = parser.parse_args()
    server = await serve(options.port, options.http_port, options.gevent_port)
    stopped = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
