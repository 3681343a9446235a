"""A wire between a node and PostgreSQL, or a browser and its server, that can be cut: packets are
dropped, and nobody is told.

It is a proxy whose sockets get a filter that lets nothing through: the kernel then acknowledges
neither bytes nor probes, and neither a FIN nor a RST comes across. That needs no right.
"""

import contextlib
import ctypes
import socket
import struct
import threading

import devenv

# Of Linux; Python's socket module does not name them.
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
# One instruction of BPF: return 0, which is how much of the packet is kept.
_NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
_DROP_ALL = struct.pack("HP", 1, ctypes.addressof(_NOTHING))
_BLOCK = 64 * 1024


class Wire:
    """Listens on ``port`` for whoever would speak to ``target``, a port on loopback."""

    def __init__(self, target):
        self.target = target
        self.port = devenv.free_port()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=100)
        self._sockets = {self._listener}
        self._lock = threading.Lock()
        self._is_whole = threading.Event()
        self._is_whole.set()
        self._words, self._was_cut = b"", threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self._lock:
            for each in self._sockets:
                each.close()
        self._is_whole.set()

    def cut(self):
        """From now on nothing gets through, and nobody is told."""
        with self._lock:
            self._is_whole.clear()
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _DROP_ALL)
        self._was_cut.set()

    def cut_after(self, words):
        """Cut it when somebody sends these words to PostgreSQL, which still gets them.

        :param bytes words: of a statement.
        :return: what is set when it was cut.
        """
        self._was_cut.clear()
        self._words = words
        return self._was_cut

    def mend(self):
        """What was sent meanwhile, and is still wanted, arrives now."""
        self._words = b""
        with self._lock:
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
            self._is_whole.set()

    def hang_up(self):
        """Mend it for who connects anew: all who were connected are told that they are not."""
        self.mend()
        with self._lock:
            for each in self._sockets - {self._listener}:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                node, _address = self._listener.accept()
                try:
                    postgres = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    # It is down, and says so.
                    node.close()
                    continue
                for each in (node, postgres):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    self._sockets |= {node, postgres}
                for source, sink in ((node, postgres), (postgres, node)):
                    threading.Thread(
                        target=self._pass, args=(source, sink, source is node), daemon=True
                    ).start()

    def _pass(self, source, sink, is_question):
        with contextlib.suppress(OSError):
            while block := source.recv(_BLOCK):
                self._is_whole.wait()
                sink.sendall(block)
                if is_question and self._words and self._words in block:
                    self._words = b""
                    self.cut()
        self._is_whole.wait()
        with self._lock:
            self._sockets -= {source, sink}
        for each in (source, sink):
            with contextlib.suppress(OSError):
                # The other direction ends as well.
                each.shutdown(socket.SHUT_RDWR)
            each.close()
