"""E-mail by SMTP (RFC 5321) with STARTTLS or implicit TLS; the certificate is always checked.

`Message-ID` comes from the message's key, so that a repetition is the same mail to every mail program.
"""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime

from foundation.clock import Clock
from foundation.errors import BadInput
from foundation.notify import Message, SendFailed
from foundation.notify_words import plain_text
from foundation.outgoing import refusal, resolved

PER_MINUTE = 30
TIMEOUT_S = 20.0
SECURITY = ("starttls", "tls", "none")
MOST_RECEIVERS = 50


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in. `security` none is for a server on this very machine; `ca_file` is for one with a certificate of its own."""

    host: str
    port: int
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""

    def __post_init__(self) -> None:
        if self.security not in SECURITY:
            raise BadInput("there is no such security of mail", expected=", ".join(SECURITY), got=self.security)
        if self.security == "none" and (self.user or not _is_here(self.host)):
            raise BadInput(
                "mail must not cross a network in clear", expected="starttls or tls", got="none",
                todo="`none` is only for a server on 127.0.0.1, without a password",
            )  # fmt: skip


class Mail:
    """Some receivers, reached through one server."""

    kind = "mail"
    per_minute = PER_MINUTE

    def __init__(self, server: MailServer, sender: str, receivers: Sequence[str], clock: Clock) -> None:
        for address in (sender, *receivers):
            if address.count("@") != 1 or any(c.isspace() or c in "<>,;" for c in address):
                raise BadInput("this is no mail address", expected="name@host", got=repr(address[:80]))
        if not 1 <= len(receivers) <= MOST_RECEIVERS:
            raise BadInput("mail needs receivers", expected=f"1 to {MOST_RECEIVERS} addresses", got=str(len(receivers)))
        self._server = server
        self._sender = sender
        self._receivers = tuple(receivers)
        self._clock = clock

    def send(self, message: Message) -> None:
        """Hand the mail to the server; it is taken when the server has answered for it."""
        try:
            self._hand_in(self._letter(message))
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            raise SendFailed(
                "the mail server refused every receiver", got=f"SMTP {codes}", permanent=all(c >= 500 for c in codes)
            ) from None
        except smtplib.SMTPResponseException as error:
            told = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else str(error.smtp_error)
            raise SendFailed(
                "the mail server refused", got=f"SMTP {error.smtp_code} {told[:120]}", permanent=error.smtp_code >= 500,
                todo="look at user, password and sender with `suhe notify test`" if error.smtp_code >= 500 else "",
            ) from None  # fmt: skip
        except ssl.SSLCertVerificationError as error:
            raise SendFailed("the mail server cannot prove who it is", got=str(error)[:120], permanent=True) from error
        except smtplib.SMTPNotSupportedError as error:
            raise SendFailed("the mail server lacks what is needed", got=str(error)[:120], permanent=True) from error
        except (OSError, smtplib.SMTPException) as error:
            raise SendFailed("the mail server does not answer", got=f"{type(error).__name__} at {self._server.host}") from error

    def _letter(self, message: Message) -> EmailMessage:
        letter = EmailMessage()
        letter["Subject"] = message.title
        letter["From"] = self._sender
        letter["To"] = ", ".join(self._receivers)
        letter["Date"] = format_datetime(self._clock.now())
        digest = hashlib.sha256(message.id.encode()).hexdigest()[:32]
        letter["Message-ID"] = f"<{digest}@{self._sender.rpartition('@')[2]}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter["Content-Language"] = message.lang
        letter.set_content(plain_text(message))
        return letter

    def _hand_in(self, letter: EmailMessage) -> None:
        s = self._server
        context = ssl.create_default_context(cafile=s.ca_file or None)
        made = (
            smtplib.SMTP_SSL(s.host, s.port, timeout=TIMEOUT_S, context=context)
            if s.security == "tls"
            else smtplib.SMTP(s.host, s.port, timeout=TIMEOUT_S)
        )
        with made as smtp:
            if s.security == "starttls":
                smtp.starttls(context=context)
            if s.user:
                smtp.login(s.user, s.password)
            refused = smtp.send_message(letter)
        if refused:
            # Some took it: sending again would reach those twice, so it counts as sent and the rest is said.
            raise SendFailed("some receivers were refused", got=f"{len(refused)} of {len(self._receivers)}", permanent=True)


def _is_here(host: str) -> bool:
    found = resolved(host, 25)
    return bool(found) and all(refusal(a) and not refusal(a, near=True) and a.startswith(("127.", "::1")) for a in found)
