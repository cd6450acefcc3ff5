"""An HTTP transport that connects to the address it checked, and to no other. Imports httpx: load it where it is used."""

from __future__ import annotations

import ssl
import threading

import httpx

from pricing.addresses import Resolve, checked_addresses, system_resolve

MOST_CONNECTIONS = 2


class PinnedTransport(httpx.BaseTransport):
    """Resolves a host, refuses it where an address is not public, and connects to what it checked.

    The name is resolved once: the connection goes to the checked address itself, while the certificate is checked against the name. So
    a name that answers otherwise a moment later changes nothing. Every host has a pool of its own, of two connections at most.
    `allowed` are hosts, as addresses write them, that may lead anywhere: a county's own market site in the same network.
    """

    def __init__(self, verify: ssl.SSLContext, allowed: frozenset[str] = frozenset(), resolve: Resolve = system_resolve) -> None:
        self._verify = verify
        self._allowed = allowed
        self._resolve = resolve
        self._pools: dict[str, httpx.HTTPTransport] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to one of the checked addresses of its host, trying the next where one cannot be reached."""
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            addresses = checked_addresses(host, port, self._allowed, self._resolve)
        except OSError as error:
            raise httpx.ConnectError(f"{host[:80]} has no address: {error}", request=request) from error
        pool = self._pool(f"{host.lower()}:{port}")
        # The name stays in the Host header, which was set when the request was built.
        request.extensions = {**request.extensions, "sni_hostname": host}
        named = request.url
        try:
            for address in addresses[:-1]:
                request.url = named.copy_with(host=address)
                try:
                    return pool.handle_request(request)
                except httpx.ConnectError:
                    continue
            request.url = named.copy_with(host=addresses[-1])
            return pool.handle_request(request)
        finally:
            request.url = named

    def close(self) -> None:
        """Close every pool."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def _pool(self, key: str) -> httpx.HTTPTransport:
        with self._lock:
            if key not in self._pools:
                limits = httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS)
                self._pools[key] = httpx.HTTPTransport(verify=self._verify, limits=limits, trust_env=False)
            return self._pools[key]
