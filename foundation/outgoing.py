"""Where this program may connect to when somebody configured the address: a URL is resolved and vetted before anything is sent.

An address that leads into our own network would let whoever configures it reach what only this machine can (a cloud's metadata, a
database, an admin page). So the name is resolved here, every address it has must be public, and the connection is made to the very
address that was vetted: a name that answers differently a moment later gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from foundation.errors import BadInput, SuheError

Resolve = Callable[[str, int], Sequence[str]]
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotReachable(SuheError):
    """A host name that has no address just now."""

    code = "not-reachable"
    status = 502


@dataclass(frozen=True, slots=True)
class Vetted:
    """A URL whose host was resolved; `address` is what to connect to."""

    url: str
    scheme: str
    host: str
    port: int
    address: str


def vetted(url: str, *, near: bool = False, resolve: Resolve | None = None) -> Vetted:
    """Return a URL with an address it may be reached at.

    `near` also lets through private and loopback addresses and plain HTTP, for a service in the operator's own network; link-local
    addresses (where clouds keep their metadata), multicast and unspecified ones are refused all the same.

    Raises:
        BadInput: the URL is none, carries a user or password, or one of its addresses may not be connected to.
        NotReachable: the name has no address.

    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise BadInput("this address cannot be read", expected="https://host/…") from error
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in (("http", "https") if near else ("https",)) or not host or not port:
        raise BadInput(
            "this address cannot be used", expected="https://host/…", got=f"{parts.scheme[:10]}://{host[:80]}",
            todo="give an https address; http is only for a service in your own network, allowed by name",
        )  # fmt: skip
    if parts.username is not None or parts.password is not None:
        raise BadInput("an address must not carry a user or a password", expected="https://host/…", got=f"…@{host[:80]}")
    addresses = (resolve or resolved)(host, port)
    if not addresses:
        raise NotReachable("this host has no address", got=host)
    for address in addresses:
        why = refusal(address, near=near)
        if why:
            raise BadInput("this address may not be connected to", expected="a public address", got=f"{host}: {address} is {why}")
    return Vetted(url, parts.scheme, host, port, addresses[0])


def refusal(address: str, *, near: bool = False) -> str:
    """Return why an IP address may not be connected to, or "" where it may."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "no IP address"
    if isinstance(ip, ipaddress.IPv6Address):
        # An IPv4 address in an IPv6 coat is judged as what it leads to.
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        inner = inner or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        if inner is not None:
            return refusal(str(inner), near=near)
    if ip.is_unspecified or ip.is_multicast or ip.is_link_local:
        return "link-local, multicast or unspecified"
    if ip.is_global and not ip.is_reserved:
        return ""
    return "" if near and (ip.is_private or ip.is_loopback) else "private or reserved"


def resolved(host: str, port: int) -> list[str]:
    """Return every address of a host name by the machine's resolver."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
