"""The proxy of tests and demo: it asks no more of Odoo than waits there without loss."""

import asyncio

import proxy

ASKED = 3 * proxy.HTTP_LIMIT


class Upstream:
    """Answers as many requests at a time as come, each a moment later; counts them."""

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"):
        self.answer, self.now, self.most = answer, 0, 0

    async def handle(self, reader, writer):
        self.now += 1
        self.most = max(self.most, self.now)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.05)
        self.now -= 1
        writer.write(self.answer)
        await writer.drain()
        writer.close()


async def ask(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.split(b" ", 2)[1]


def ask_together(upstream, path):
    """What all are answered who ask at once."""

    async def run():
        behind = await asyncio.start_server(upstream.handle, "127.0.0.1", 0, backlog=ASKED)
        port = behind.sockets[0].getsockname()[1]
        front = await proxy.serve(0, port, port)
        address = front.sockets[0].getsockname()[1]
        try:
            return await asyncio.gather(*(ask(address, path) for _asker in range(ASKED)))
        finally:
            front.close()
            behind.close()

    return asyncio.run(run())


def test_of_many_who_ask_at_once_some_wait_and_all_are_answered():
    upstream = Upstream()
    assert ask_together(upstream, "/web/login") == [b"200"] * ASKED
    assert upstream.most == proxy.HTTP_LIMIT


def test_whose_worker_dies_gives_its_place_to_the_next():
    upstream = Upstream(answer=b"")
    assert ask_together(upstream, "/web/login") == [b"502"] * ASKED


def test_open_websockets_hold_no_place():
    upstream = Upstream()
    assert ask_together(upstream, "/websocket") == [b"200"] * ASKED
    assert upstream.most > proxy.HTTP_LIMIT
