"""Which machines a configured address may lead to: public ones, and those an operator named."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable

from foundation.errors import SuheError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
# Host and port -> every address the name has now, as text.
Resolve = Callable[[str, int], list[str]]

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
# These ranges carry an IPv4 address in their last 32 bits, and what counts is the address inside. RFC 6052.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(SuheError):
    """An address that leads to this machine, to the network it stands in or to a cloud's metadata: not asked, whoever configured it."""

    code = "source-address-refused"
    status = 502


def system_resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host by the machine's own resolver, which also reads odd spellings such as 2130706433 or 0x7f.1."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(text: str) -> bool:
    """Tell whether an address is a public machine's: not private, loopback, link-local, shared, multicast or one that wraps such."""
    try:
        address: IPAddress = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inside is None and address in _NAT64:
            inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        address = inside or address
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def checked_addresses(host: str, port: int, allowed: Iterable[str], resolve: Resolve) -> list[str]:
    """Return the addresses of a host that may be asked: all of them, or none at all.

    Raises:
        AddressRefused: where one is not public and the host is not among the `allowed`, or where there is none.
        OSError: the name cannot be resolved now.

    """
    found = resolve(host, port)
    closed = [a for a in found if not is_public(a)]
    if not found or (closed and host.lower() not in allowed):
        raise AddressRefused(
            "this address leads into a network of our own",
            expected="a public machine",
            got=f"{host[:80]} is {', '.join(closed[:3]) or 'nowhere'}",
            todo="name the host in SUHE_PRICE_PRIVATE_HOSTS if it is a market site of your own",
        )
    return found
