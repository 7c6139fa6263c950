"""An HTTP proxy on loopback that leads every address to one server, and notes what it was asked."""

from __future__ import annotations

import socket
import threading


class Proxy:
    """Takes CONNECT and plain requests; `asked` holds their first lines."""

    def __init__(self, port: int, refuse: bytes = b"") -> None:
        self.port = port
        self.refuse = refuse
        self.asked: list[str] = []

    def __enter__(self) -> Proxy:
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            more = peer.recv(65536)
            if not more:
                return peer.close()
            head += more
        self.asked.append(head.split(b"\r\n", 1)[0].decode())
        if self.refuse:
            peer.sendall(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % self.refuse)
            return peer.close()
        with peer, socket.create_connection(("127.0.0.1", self.port)) as there:
            if head.startswith(b"CONNECT "):
                peer.sendall(b"HTTP/1.1 200 Go\r\n\r\n")
            else:
                there.sendall(head)
            back = threading.Thread(target=_pump, args=(there, peer), daemon=True)
            back.start()
            _pump(peer, there)
            back.join()
        return None


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
