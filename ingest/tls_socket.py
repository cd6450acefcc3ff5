"""A socket that speaks TLS for two threads: one waits and reads, another sends.

Python's own TLS socket may not be read and written at once, and a read of it may wait for bytes that are no message (tickets, key updates).
Here the socket itself is read and written plainly, and only turning bytes into bytes is locked.
"""

from __future__ import annotations

import socket
import ssl
import threading


class TlsSocket:
    """The parts of a socket that a receiver uses, over TLS. `recv` returns None where what came was none of the sender's own bytes."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, host: str) -> None:
        """Shake hands; raise OSError where that fails (`ssl.SSLError` is one)."""
        self._plain = plain
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._lock = threading.Lock()
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._feed(plain.recv(64 * 1024))
        self._flush()

    def fileno(self) -> int:
        """Return the file descriptor, for `select`."""
        return self._plain.fileno()

    def recv(self, size: int) -> bytes | None:
        """Return what has come, b"" at the end, None where nothing of the sender's is whole yet."""
        came = self._plain.recv(size)
        parts = []
        with self._lock:
            self._feed(came)
            try:
                while part := self._tls.read(size):
                    parts.append(part)
            except ssl.SSLWantReadError:
                self._flush()
                return b"".join(parts) or None
            except ssl.SSLZeroReturnError:
                pass
        return b"".join(parts)

    def sendall(self, data: bytes) -> None:
        """Send everything."""
        with self._lock:
            self._tls.write(data)
            self._flush()

    def settimeout(self, seconds: float | None) -> None:
        """Set how long reading and writing may wait."""
        self._plain.settimeout(seconds)

    def shutdown(self, how: int) -> None:
        """Shut one or both directions down."""
        self._plain.shutdown(how)

    def close(self) -> None:
        """Close the connection."""
        self._plain.close()

    def _feed(self, came: bytes) -> None:
        if came:
            self._in.write(came)
        else:
            self._in.write_eof()

    def _flush(self) -> None:
        waiting = self._out.read()
        if waiting:
            self._plain.sendall(waiting)
