"""Charts for other people's pages: one SVG file that carries its own styles, its source, its age and its licence in words."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

from dashboards.charts import LineChart, line_chart

WIDTH, HEIGHT = 640, 372
_LEFT, _TOP, _LEGEND = 16, 84, 48
# The site's own sheet is not there where the picture stands; it is as a page without styles would have it, plus these.
SHEET = (
    "text{font:12px system-ui,'PingFang SC','Noto Sans CJK SC','Microsoft YaHei',sans-serif;fill:#57615a}.h{font-size:16px;font-weight:600;"
    "fill:#1a211d}.f{font-size:11px}.grid{stroke:#dde3de}.tick{stroke:#57615a}path{vector-effect:non-scaling-stroke;fill:none;"
    "stroke-linejoin:round}.band{fill:#e3ebe5}.usual{stroke:#93a398;stroke-dasharray:2 4}.fan{fill:#f0e4d2}.likely{stroke:#8a5a00;"
    "stroke-dasharray:4 3}.now{stroke:#57615a;stroke-dasharray:1 3}.line,.key{stroke-width:2}.l0{stroke:#1b6b40}"
    ".l1{stroke:#b4540a;stroke-dasharray:7 4}.l2{stroke:#2b5fa8;stroke-dasharray:2 4}.l3{stroke:#7a3b8f;stroke-dasharray:10 3 2 3}"
    "a text{text-decoration:underline}"
)


@dataclass(frozen=True, slots=True)
class Caption:
    """The words around an embedded chart."""

    title: str
    legend: tuple[str, ...]
    notes: tuple[str, ...]
    link: str
    link_text: str


def embed_svg(chart: LineChart, words: Caption, lang: str) -> Markup:
    """Return a whole SVG document; it loads nothing and runs nothing."""
    inner = WIDTH - 2 * _LEFT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" lang="{lang}">',
        f'<style>{SHEET}</style><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text class="h" x="{_LEFT}" y="28">{escape(words.title)}</text>',
    ]
    at = _LEFT
    for k, text in enumerate(words.legend):
        parts.append(f'<path class="key l{k}" d="M{at} {_LEGEND}h24"/><text x="{at + 30}" y="{_LEGEND + 4}">{escape(text)}</text>')
        at += 44 + round(_width(text))
    parts.append(f'<svg x="{_LEFT}" y="{_TOP - 24}" width="{inner}" height="250">{line_chart(chart)}</svg>')
    parts += [f'<text class="f" x="{_LEFT}" y="{HEIGHT - 44 + 16 * k}">{escape(note)}</text>' for k, note in enumerate(words.notes[:2])]
    told = f'<text class="f" x="{_LEFT}" y="{HEIGHT - 10}">{escape(words.link_text)}</text>'
    parts.append(f'<a href="{escape(words.link)}" target="_top">{told}</a></svg>')
    return Markup("".join(parts))  # noqa: S704 - every word was escaped where it was put in


def _width(text: str) -> float:
    return sum(12.5 if ord(c) > 0x2E7F else 6.8 for c in text)
