"""How a message is written out for each kind of channel."""

from __future__ import annotations

from foundation.notify import Message

_MARKS = {"info": "ℹ️", "warning": "⚠️", "bad": "🔴"}
_KEY = {"zh-Hans": "编号", "en": "Ref."}
_MORE = {"zh-Hans": "详情", "en": "More"}


def plain_text(message: Message) -> str:
    """Return title, text, link and the short key as lines of plain text."""
    lines = [f"{_MARKS[message.severity]} {message.title}", message.text, message.url, f"{_KEY[message.lang]} {message.short_id}"]
    return "\n".join(line for line in lines if line)


def markdown(message: Message) -> str:
    """Return the message in the small part of Markdown that both robots understand: headings, bold, links."""
    lines = [f"### {_MARKS[message.severity]} {_safe(message.title)}", *(_safe(line) for line in message.text.split("\n"))]
    if message.url:
        lines.append(f"[{_MORE[message.lang]}]({message.url})")
    lines.append(f"{_KEY[message.lang]} {message.short_id}")
    # An empty line between: a single line break is no break in DingTalk's Markdown.
    return "\n\n".join(line for line in lines if line)


def _safe(line: str) -> str:
    # A < could begin a mention of everybody or a tag; brackets could begin a link that is not ours.
    return line.replace("<", "＜").replace("[", "［").replace("]", "］")
