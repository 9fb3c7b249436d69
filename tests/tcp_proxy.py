"""A stretch of bad network: passes bytes on between a client and a server, and turns some of them over."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from threading import Thread


class Proxy:
    """Passes connections on to a port of this machine; what comes back from there may be damaged.

    Args:
        target: that port.
        seed: of the damage.
        honest_bytes: of each connection that pass unharmed, such as the greeting.
    """

    def __init__(self, target: int, *, seed: int, honest_bytes: int = 0) -> None:
        self.flips_per_kib = 0.0
        self.refuses = False  # new connections
        self._target, self._random, self._honest_bytes = target, Random(seed), honest_bytes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._passed: dict[socket.socket, int] = {}
        self._peers: dict[socket.socket, socket.socket] = {}
        for each in (self._listener, self._woken):
            self._selector.register(each, selectors.EVENT_READ)
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def cut(self) -> None:
        """Break all connections; new ones can be made."""
        for each in list(self._peers):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up everywhere."""
        self._wake.send(b"x")
        self._thread.join()
        for each in (*self._peers, self._listener, self._wake, self._woken):
            each.close()
        self._selector.close()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                ready = key.fileobj
                assert isinstance(ready, socket.socket)
                if ready is self._woken:
                    return
                if ready is self._listener:
                    self._accept()
                elif ready in self._peers:
                    self._pass(ready)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self.refuses:
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._target), 5.0)
        except OSError:
            client.close()
            return
        self._peers |= {client: server, server: client}
        self._passed[server] = 0
        for each in (client, server):
            self._selector.register(each, selectors.EVENT_READ)

    def _pass(self, ready: socket.socket) -> None:
        peer = self._peers[ready]
        try:
            data = ready.recv(1 << 16)
            if data:
                peer.sendall(self._damaged(ready, data))
                return
        except OSError:
            pass
        for each in (ready, peer):
            self._selector.unregister(each)
            self._peers.pop(each, None)
            each.close()

    def _damaged(self, sender: socket.socket, data: bytes) -> bytes:
        if sender not in self._passed:
            return data
        self._passed[sender] += len(data)
        damaged = bytearray(data)
        if self._passed[sender] > self._honest_bytes:
            expected = self.flips_per_kib * len(data) / 1024
            for _ in range(int(expected) + (self._random.random() < expected % 1)):
                damaged[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)
        return bytes(damaged)


@contextmanager
def passing(proxy: Proxy) -> Iterator[Proxy]:
    """A proxy that is gone afterwards."""
    try:
        yield proxy
    finally:
        proxy.close()
