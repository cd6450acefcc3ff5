"""Which machines a configured address may lead to: public ones, and those an operator named."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

from foundation.errors import SuheError
from foundation.outgoing import refusal

# Host and port -> every address the name has now, as text.
Resolve = Callable[[str, int], list[str]]

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


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
    return not refusal(text)


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
