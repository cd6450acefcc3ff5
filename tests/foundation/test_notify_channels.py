"""Every channel against a receiver that checks what it is sent: signatures, keys, certificates, limits."""

from __future__ import annotations

import base64
import email
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.policy import default
from pathlib import Path

import pytest

from foundation.clock import FixedClock
from foundation.errors import BadInput, Conflict, NotFound
from foundation.notify import Message, SendFailed, fitted
from foundation.notify_channels import ChannelFile, ChannelSettings
from foundation.notify_dingtalk import DingTalkRobot, sign
from foundation.notify_http import poster
from foundation.notify_mail import Mail, MailServer
from foundation.notify_sms import Sms, SpoolSms
from foundation.notify_webhook import Webhook, signature_holds
from foundation.notify_wecom import WeComRobot
from foundation.outgoing import refusal, vetted
from tests.foundation.receivers import DingTalk, Heard, Judge, PostOffice, WeCom, post_office, served

NOW = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)
KEY, TOKEN, SECRET = "693a91f6-test-key0", "0123456789abcdef0123", "SEC0123456789abcdef"
MESSAGE = Message("price-alert:0123456789abcdef", "警报：番茄 <@all>", "当日价 1.56 元/斤\n来源：新发地", "https://suhe.example/c/1", "bad")
Serve = Callable[[Judge], Heard]


@pytest.fixture
def clock() -> FixedClock:
    """Return a clock that stands still."""
    return FixedClock(NOW)


def test_a_wecom_robot_takes_what_carries_its_key(clock: FixedClock) -> None:
    """The group gets title, text, link and key; a mention hidden in a name is none; another key is refused for good, and not shown."""
    with served(WeCom(Heard(), KEY)) as heard:
        address = f"{heard.address}/cgi-bin/webhook/send"
        WeComRobot(KEY, poster(near=True), address=address).send(MESSAGE)
        WeComRobot(KEY, poster(near=True), address=address, plain=True).send(MESSAGE)
        for text in heard.taken:
            assert "1.56 元/斤" in text and "89ABCDEF" in text and "https://suhe.example/c/1" in text
        assert "<@all>" not in heard.taken[0]
        with pytest.raises(SendFailed, match="93000") as refused:
            WeComRobot("another-key-0", poster(near=True), address=address).send(MESSAGE)
        assert refused.value.permanent and "another-key" not in refused.value.explain()
        long = replace(MESSAGE, text="价" * 7000)
        WeComRobot(KEY, poster(near=True), address=address).send(long)
        assert heard.taken[-1].endswith("…")
        for _ in range(17):
            WeComRobot(KEY, poster(near=True), address=address).send(MESSAGE)
        with pytest.raises(SendFailed, match="45009") as busy:
            WeComRobot(KEY, poster(near=True), address=address).send(MESSAGE)
        assert (busy.value.permanent, busy.value.wait_s) == (False, 60.0)


def test_a_dingtalk_robot_takes_what_is_signed_for_this_moment(clock: FixedClock) -> None:
    """The signature is the contract's, URL-encoded; a wrong secret, a wrong token or a clock that is off is refused for good."""
    with served(DingTalk(Heard(), TOKEN, SECRET, clock)) as heard:
        address = f"{heard.address}/robot/send"
        # A signature with + and / in it, so that its encoding is tested too.
        while not {"+", "/"} <= set(sign(int(clock.now().timestamp() * 1000), SECRET)):
            clock.advance(timedelta(milliseconds=1))
        DingTalkRobot(TOKEN, SECRET, poster(near=True), clock, address=address).send(MESSAGE)
        assert "1.56 元/斤" in heard.taken[0]
        late = FixedClock(clock.now() + timedelta(minutes=61))
        for token, secret, when in ((TOKEN, SECRET + "x", clock), ("another0token0", SECRET, clock), (TOKEN, SECRET, late)):
            with pytest.raises(SendFailed, match="errcode") as refused:
                DingTalkRobot(token, secret, poster(near=True), when, address=address).send(MESSAGE)
            assert refused.value.permanent
            assert secret not in refused.value.explain() and token not in refused.value.explain()
        assert len(heard.taken) == 1
        heard.answers.append((200, b'{"errcode":130101,"errmsg":"send too fast"}', {}))
        with pytest.raises(SendFailed) as busy:
            DingTalkRobot(TOKEN, SECRET, poster(near=True), clock, address=address).send(MESSAGE)
        assert (busy.value.permanent, busy.value.wait_s) == (False, 600.0)


class Receiver(Judge):
    """A webhook's receiver as documented: checks the signature, takes each key once."""

    secret = "a-secret-nobody-guesses"

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """Take what is signed; a key that was taken before changes nothing."""
        if not signature_holds(self.secret, headers["suhe-timestamp"], body, headers["suhe-signature"], NOW.timestamp()):
            return 401, b"", {}
        if headers["idempotency-key"] not in {k for k, _ in self.heard.taken}:
            self.heard.taken.append((headers["idempotency-key"], json.loads(body)))
        return 204, b"", {}


def test_a_webhook_is_signed_and_the_same_in_every_try(clock: FixedClock) -> None:
    """Signature and timestamp hold; a repetition carries the same key and body; a changed body or secret or an old request is refused."""
    with served(Receiver(Heard())) as heard:
        hook = Webhook(f"{heard.address}/in?x=1", Receiver.secret, poster(near=True), clock)
        hook.send(MESSAGE)
        hook.send(MESSAGE)
        assert heard.taken == [(MESSAGE.id, {"id": MESSAGE.id, "title": MESSAGE.title, "text": MESSAGE.text, "url": MESSAGE.url,
                                             "severity": "bad", "lang": "zh-Hans"})]  # fmt: skip
        (_, one, body), (_, two, again) = heard.requests
        assert body == again and one["idempotency-key"] == two["idempotency-key"]
        with pytest.raises(SendFailed, match="401") as refused:
            Webhook(heard.address, "another-secret-of-16", poster(near=True), clock).send(MESSAGE)
        assert refused.value.permanent
        now = NOW.timestamp()
        args = (one["suhe-timestamp"], body, one["suhe-signature"])
        assert signature_holds(Receiver.secret, *args, now)
        assert not signature_holds(Receiver.secret, args[0], body + b" ", args[2], now)
        assert not signature_holds(Receiver.secret, *args, now + 301)
        assert not signature_holds(Receiver.secret, "x", body, args[2], now)


@pytest.mark.parametrize(
    ("status", "headers", "permanent", "wait"),
    [(500, {}, False, 0), (503, {"retry-after": "90"}, False, 90), (429, {"retry-after": "soon"}, False, 0),
     (400, {"retry-after": "9"}, True, 0), (302, {"location": "http://169.254.169.254/"}, True, 0)],
)  # fmt: skip
def test_what_passes_is_tried_again_and_what_does_not_is_not(
    clock: FixedClock, status: int, headers: dict[str, str], permanent: bool, wait: float
) -> None:
    """Overload and errors of theirs pass, with the wait they ask for; a refusal does not, and a redirect is never followed."""
    with served(Receiver(Heard())) as heard:
        heard.answers.append((status, b"", headers))
        with pytest.raises(SendFailed) as failed:
            Webhook(heard.address, Receiver.secret, poster(near=True), clock).send(MESSAGE)
        assert (failed.value.permanent, failed.value.wait_s, len(heard.requests)) == (permanent, wait, 1)


def test_an_address_that_leads_inside_is_never_connected_to(clock: FixedClock) -> None:
    """Private, loopback, link-local and disguised addresses are refused by what they resolve to, and it is that address that is used."""
    with served(Receiver(Heard())) as heard:
        port = heard.address.rpartition(":")[2]
        for host in (
            "127.0.0.1",
            "10.0.0.5",
            "169.254.169.254",
            "::1",
            "::ffff:10.0.0.5",
            "64:ff9b::a00:5",
            "fe80::1%eth0",
            "0.0.0.0",
            "nonsense",
        ):
            with pytest.raises(SendFailed) as refused:
                Webhook(f"https://hook.example:{port}/", Receiver.secret, poster(resolve=lambda *_, h=host: [h]), clock).send(MESSAGE)
            assert refused.value.permanent, host
        # One bad address among good ones is enough: which of them would be used is not ours to choose.
        with pytest.raises(BadInput):
            vetted("https://hook.example/", resolve=lambda *_: ["93.184.216.34", "10.0.0.5"])
        assert heard.requests == []
        # A name is reached at the address it had when it was vetted, under its own name.
        Webhook(f"http://hook.example:{port}/", Receiver.secret, poster(near=True, resolve=lambda *_: ["127.0.0.1"]), clock).send(MESSAGE)
        assert heard.requests[0][1]["host"] == f"hook.example:{port}"
    assert refusal("169.254.169.254", near=True) and not refusal("10.0.0.5", near=True) and not refusal("2606:2800:220:1::1")
    for url in ("ftp://a.example/", "https://user:pw@a.example/", "http://a.example/", "https://", "https://a.example:99999/", "x"):
        with pytest.raises(BadInput):
            vetted(url, resolve=lambda *_: ["93.184.216.34"])


def _letter(office: PostOffice) -> email.message.EmailMessage:
    found = email.message_from_bytes(office.letters[-1][1], policy=default)
    assert isinstance(found, email.message.EmailMessage)
    return found


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_over_tls_with_its_certificate_checked(clock: FixedClock, certificate: Path, security: str) -> None:
    """The letter arrives signed in and over TLS, the same Message-ID each time; without trust in the certificate nothing is said."""
    office = PostOffice(certificate, implicit=security == "tls", users={"suhe": "pass word"})
    with post_office(office):
        server = MailServer("localhost", office.port, security, "suhe", "pass word", str(certificate))
        mail = Mail(server, "suhe@county.example", ["li@coop.example", "zhao@coop.example"], clock)
        mail.send(MESSAGE)
        first = _letter(office)["Message-ID"]
        mail.send(MESSAGE)
        letter = _letter(office)
        assert (letter["Subject"], letter["Message-ID"], office.secured) == (MESSAGE.title, first, [True, True])
        assert office.letters[0][0] == ["li@coop.example", "zhao@coop.example"]
        assert "1.56 元/斤" in letter.get_content()
        with pytest.raises(SendFailed, match="who it is") as distrust:
            Mail(replace(server, ca_file=""), "a@b.example", ["c@d.example"], clock).send(MESSAGE)
        assert distrust.value.permanent
        with pytest.raises(SendFailed, match="535") as refused:
            Mail(replace(server, password="wrong"), "a@b.example", ["c@d.example"], clock).send(MESSAGE)
        assert refused.value.permanent and "wrong" not in refused.value.explain()
        assert len(office.letters) == 2


@pytest.mark.parametrize(
    ("replies", "permanent"),
    [({"RCPT": "450 4.2.0 later"}, False), ({"RCPT": "550 5.1.1 nobody"}, True), ({"DATA": "451 4.3.0 later"}, False)],
)
def test_a_mail_server_that_says_later_is_asked_later(clock: FixedClock, replies: dict[str, str], permanent: bool) -> None:
    """A code of 4xx passes, one of 5xx does not."""
    with post_office(PostOffice(replies=replies)) as office, pytest.raises(SendFailed) as failed:
        Mail(MailServer("127.0.0.1", office.port, "none"), "a@b.example", ["c@d.example"], clock).send(MESSAGE)
    assert failed.value.permanent == permanent


def test_mail_never_crosses_a_network_in_clear(clock: FixedClock) -> None:
    """No security is for this very machine without a password; a server without STARTTLS gets nothing; a header holds one line."""
    for server in ({"host": "192.0.2.1"}, {"host": "127.0.0.1", "user": "suhe"}):
        with pytest.raises(BadInput, match="in clear"):
            MailServer(port=25, security="none", **server)
    with post_office(PostOffice()) as office, pytest.raises(SendFailed, match="lacks"):
        Mail(MailServer("127.0.0.1", office.port), "a@b.example", ["c@d.example"], clock).send(MESSAGE)
    assert office.letters == []
    for wrong in ("a@b.example\nBcc: x@y", "nobody", "a@b, c@d"):
        with pytest.raises(BadInput):
            Mail(MailServer("127.0.0.1", 25, "none"), "a@b.example", [wrong], clock)
    with pytest.raises(BadInput):
        Message("x", "two\nlines", "")


def test_the_spool_says_that_nothing_was_sent(clock: FixedClock, tmp_path: Path) -> None:
    """A text becomes one private file a number, the same file for the same key, and the file says that it was not sent."""
    sms = Sms(SpoolSms(tmp_path / "sms", clock), ["+8613800000000", "13900000000"])
    sms.send(MESSAGE)
    sms.send(MESSAGE)
    files = sorted((tmp_path / "sms").iterdir())
    assert len(files) == 2
    told = json.loads(files[0].read_text())
    assert (told["sent"], told["key"]) == (False, MESSAGE.id) and "not sent" in told["note"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    sms.send(replace(MESSAGE, id="other", text="x" * 900))
    assert max(len(json.loads(f.read_text())["text"]) for f in (tmp_path / "sms").iterdir()) == 201


def test_the_file_of_channels_is_private_and_shows_no_secret(clock: FixedClock, tmp_path: Path) -> None:
    """What is added comes back as it was, in a file only its owner reads; printing a channel shows nothing of its options."""
    file = ChannelFile(tmp_path / "keys", tmp_path / "spool", clock)
    odd = 'quotes " and \\ and 溯禾 \t end'
    file.add(ChannelSettings("hook", "webhook", "en", "371522", {"url": "https://a.example/", "secret": odd * 2}))
    file.add(ChannelSettings("group", "dingtalk", options={"token": TOKEN, "secret": SECRET}))
    path = tmp_path / "keys" / "channels.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = ChannelFile(tmp_path / "keys", tmp_path / "spool", clock)
    assert [(c.name, c.lang, c.scope) for c in again.settings()] == [("group", "zh-Hans", ""), ("hook", "en", "371522")]
    assert again.settings()[1].options["secret"] == odd * 2
    assert [c.name for c in again.settings("321023")] == ["group"]
    assert SECRET not in repr(again.settings()) and set(again.channels()) == {"group", "hook"}
    with pytest.raises(Conflict):
        file.add(ChannelSettings("hook", "sms", options={"to": "13800000000"}))
    for kind, options in (("webhook", {"url": "https://a.example/"}), ("sms", {"to": "x"}), ("dingtalk", {"token": TOKEN, "secret": "x"})):
        with pytest.raises(BadInput):
            file.add(ChannelSettings("new", kind, options=options))
    file.remove("hook")
    assert set(again.channels()) == {"group"}
    with pytest.raises(NotFound):
        file.remove("hook")
    path.write_text(f'[group]\nsecret = "{SECRET}')
    with pytest.raises(BadInput) as unreadable:
        again.settings()
    assert SECRET not in unreadable.value.explain()


def test_text_is_cut_at_a_whole_character() -> None:
    """A limit in bytes never splits a character."""
    assert fitted("价格价格", 12) == "价格价格"
    assert fitted("价格价格价", 12) == "价格价…"
    assert len(fitted("价" * 99, 100).encode()) <= 100
    assert base64.b64decode(sign(1, "x"))
