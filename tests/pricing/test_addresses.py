"""A configured address never leads the collector into the network it stands in, however it is spelled and whoever answers for the name."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from pricing.addresses import LOOPBACK_HOSTS, AddressRefused, checked_addresses, is_public, system_resolve
from pricing.fetching import check_base, open_client
from pricing.pinned import PinnedTransport
from pricing.quotes import Window
from pricing.service import Prices
from suhe.price_sources import chosen_sources
from tests.pricing.hosts_of_tests import served

DAY = date(2026, 11, 22)
METADATA = "169.254.169.254"


def _hello(_method: str, _path: str, _headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, b"secret"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "240.0.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fc00::1", "ff02::1",
     "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1",
     "2001:0:4136:e378:8000:63bf:80ff:fffe", "not an address"],
)  # fmt: skip
def test_no_address_of_a_network_of_our_own_is_public(address: str) -> None:
    """Private, loopback, link-local, shared, metadata, multicast and reserved addresses, and IPv6 addresses that carry such an IPv4 one."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "59.110.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_public(address: str) -> None:
    """The sites we read stand on such machines."""
    assert is_public(address)


@pytest.mark.parametrize("spelled", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]",
                                     "[::ffff:127.0.0.1]", "0.0.0.0", "0"])  # fmt: skip
def test_odd_spellings_of_this_machine_reach_no_server(spelled: str) -> None:
    """Whatever the machine's own resolver makes of a spelling is what is checked; the server on loopback is never asked."""
    with served(_hello) as host, open_client() as client:
        with pytest.raises((AddressRefused, httpx.InvalidURL)):
            client.get(f"http://{spelled}:{host.port}/")
        assert host.asked == []


def test_a_name_that_answers_with_this_machine_is_refused() -> None:
    """A public name may point anywhere: what it points at is checked, and one bad address among good ones is enough."""
    for answers in (["127.0.0.1"], ["8.8.8.8", "10.0.0.5"], ["::ffff:192.168.0.9"], []):
        asked: list[str] = []

        def resolve(host: str, _port: int, answers: list[str] = answers, asked: list[str] = asked) -> list[str]:
            asked.append(host)
            return answers

        with served(_hello) as host, open_client(resolve=resolve) as client:
            with pytest.raises(AddressRefused):
                client.get(f"http://prices.example:{host.port}/")
            assert (host.asked, asked) == ([], ["prices.example"])


def test_what_was_checked_is_what_is_connected_to() -> None:
    """The name is resolved once for a request, and never by the connection itself: a second answer would have been another."""
    with served(_hello) as host:
        answers = iter([["127.0.0.1"], [METADATA]])
        with open_client(allow=["prices.example"], resolve=lambda _host, _port: next(answers)) as client:
            assert client.get(f"http://prices.example:{host.port}/x").content == b"secret"
        ((_, headers),) = host.asked
        assert headers["host"] == f"prices.example:{host.port}"
        assert next(answers) == [METADATA]


def test_the_next_address_of_a_name_is_tried() -> None:
    """Where the first address of a host cannot be reached, the second is."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.2", 0))  # nobody listens here
        with served(_hello) as host, open_client(allow=["two.example"], resolve=lambda _h, _p: ["127.0.0.2", "127.0.0.1"]) as client:
            assert client.get(f"http://two.example:{host.port}/").status_code == 200


def test_a_redirect_into_our_network_is_not_followed(lite_prices: Prices) -> None:
    """A site that sends us to a cloud's metadata, or to this machine, is a source that moved: the run fails and nobody else is asked."""
    with served(_hello) as inner:
        for target in (f"http://{METADATA}/latest/meta-data/", inner.url):

            def answer(_m: str, _p: str, _h: dict[str, str], target: str = target) -> tuple[int, dict[str, str], bytes]:
                return 302, {"location": target}, b""

            with served(answer) as host, open_client(allow=LOOPBACK_HOSTS) as client:
                report = lite_prices.collect("shenxian_origin", host.url, Window(DAY, DAY), client)
                assert (report.state, len(host.asked)) == ("failed", 1)
                assert "moved" in report.why
        assert inner.asked == []


def test_a_configured_address_of_our_network_fails_and_says_what_to_do(lite_prices: Prices) -> None:
    """The run is a failure with the reason, no server is asked, and the operator reads which setting would allow it."""
    with served(_hello) as host, open_client() as client:
        report = lite_prices.collect("shenxian_origin", host.url, Window(DAY, DAY), client)
        assert report.state == "failed"
        assert "network of our own" in report.why
        assert "SUHE_PRICE_PRIVATE_HOSTS" in report.why
        assert host.asked == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x.example", "gopher://x", "http://", "//x.example", "http://user@x.example",
                                 "http://x.example/?u=1", "http://x.example/#a", "x.example"])  # fmt: skip
def test_only_plain_web_addresses_are_addresses(lite_prices: Prices, client: httpx.Client, url: str) -> None:
    """No other scheme, no credentials, no query: refused before anything is asked, in the settings as in a run."""
    with pytest.raises(AddressRefused):
        check_base(url)
    with pytest.raises(AddressRefused):
        chosen_sources(f"xinfadi={url}")
    assert lite_prices.collect("xinfadi", url, Window(DAY, DAY), client).state == "failed"


def test_an_operator_names_private_hosts_one_by_one() -> None:
    """A county's own market in its own network is read where its host is named; its neighbour is not."""

    def resolve(_host: str, _port: int) -> list[str]:
        return ["10.0.0.7"]

    assert checked_addresses("Prices.county.lan", 80, {"prices.county.lan"}, resolve) == ["10.0.0.7"]
    with pytest.raises(AddressRefused):
        checked_addresses("files.county.lan", 80, {"prices.county.lan"}, resolve)
    with pytest.raises(OSError, match="no such name"):  # no refusal: another try may find it
        checked_addresses("no-such-host.invalid", 80, (), _fails)
    assert system_resolve("127.0.0.1", 80) == ["127.0.0.1"]


def _fails(_host: str, _port: int) -> list[str]:
    raise OSError("no such name")


def test_the_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    """Connecting to a checked address does not make every certificate good: it must be the name's."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not on this machine")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
         "-days", "2", "-subj", "/CN=prices.example", "-addext", "subjectAltName=DNS:prices.example"],
        check=True, capture_output=True,
    )  # fmt: skip
    trusted = ssl.create_default_context(cafile=str(certificate))
    with _https(key, certificate) as port, httpx.Client(transport=PinnedTransport(trusted, frozenset(("prices.example", "other.example")),
                                                                                lambda _h, _p: ["127.0.0.1"])) as client:  # fmt: skip
        assert client.get(f"https://prices.example:{port}/").content == b"hello"
        with pytest.raises(httpx.ConnectError, match=r"other\.example"):
            client.get(f"https://other.example:{port}/")


class _https:  # noqa: N801 - read like a function
    """A server with a certificate."""

    def __init__(self, key: Path, certificate: Path) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-length", "5")
                self.end_headers()
                self.wfile.write(b"hello")

            log_message: Callable[..., None] = lambda *_: None

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        # A client that turns away in the middle of the handshake is what the test is about.
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]

    def __enter__(self) -> int:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self.server.server_port

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
