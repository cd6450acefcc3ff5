"""A product drawn by a few shapes, for pages of lots that have no photo. It is labelled as a drawing wherever it stands."""

from __future__ import annotations

import math
from collections.abc import Callable

from markupsafe import Markup, escape

WIDTH, HEIGHT = 350, 132
_GREEN, _STALK = "#4f8a4b", "#6b7f3a"


def drawing_of(product: str, label: str) -> Markup:
    """Return the drawing of a product, nothing where none was drawn."""
    if product not in _DRAWN:
        return Markup("")
    shape, colour = _DRAWN[product]
    return Markup(  # noqa: S704 - our own shapes; the label is escaped
        f'<svg class="drawing" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(label)}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#eef3ee"/><ellipse cx="175" cy="112" rx="120" ry="9" fill="#dbe5dc"/>'
        f"{shape(colour)}</svg>"
    )


def _round(colour: str) -> str:
    balls = ((118, 78, 32), (176, 68, 40), (236, 78, 32))
    fruit = "".join(f'<circle cx="{x}" cy="{y}" r="{r}" fill="{colour}" stroke="#fff" stroke-width="2"/>' for x, y, r in balls)
    tops = "".join(f"M{x - 9} {y - r + 3}l9-3 9 3M{x} {y - r}v-9" for x, y, r in balls)
    return f'{fruit}<path d="{tops}" fill="none" stroke="{_GREEN}" stroke-width="5" stroke-linecap="round"/>'


def _long(colour: str) -> str:
    one = f'<path d="M0 0q44-26 124-8q18 6 0 16q-80 16-124-8z" fill="{colour}" stroke="#fff" stroke-width="2"/>'
    stalk = f'<path d="M0 0l-14-5" stroke="{_STALK}" stroke-width="6" stroke-linecap="round"/>'
    return "".join(
        f'<g transform="translate({x} {y}) rotate({a})">{one}{stalk}</g>' for x, y, a in ((96, 62, -8), (126, 84, 4), (98, 102, -2))
    )


def _root(colour: str) -> str:
    one = f'<path d="M-15 0q0-12 15-12q15 0 15 12q-4 46-15 62q-11-16-15-62z" fill="{colour}" stroke="#fff" stroke-width="2"/>'
    tops = "M0-10q-16-12-14-26M0-10q0-16 2-30M0-10q14-12 16-24"
    leaves = f'<path d="{tops}" fill="none" stroke="{_GREEN}" stroke-width="5" stroke-linecap="round"/>'
    return "".join(f'<g transform="translate({x} 58) rotate({a})">{one}{leaves}</g>' for x, a in ((118, 12), (176, 0), (234, -12)))


def _leaves(colour: str) -> str:
    def blade(angle: float) -> str:
        across, up = math.sin(angle), math.cos(angle)
        return f"M175 112Q{175 + 60 * across:.0f} {70 - 14 * up:.0f} {175 + 118 * across:.0f} {104 - 88 * up:.0f}"

    all_of_them = "".join(map(blade, (-0.95, -0.6, -0.3, 0, 0.3, 0.6, 0.95)))
    blades = f'<path d="{all_of_them}" stroke="{colour}" stroke-width="15" stroke-linecap="round" fill="none"/>'
    return f'{blades}<path d="M158 104h34" stroke="#b8925a" stroke-width="7" stroke-linecap="round"/>'


def _caps(colour: str) -> str:
    def one(x: int, y: int, r: int) -> str:
        stem = f'<path d="M{x - r // 4} {y}h{r // 2}v{r}q-{r // 4} 7-{r // 2} 0z" fill="#f3ead8" stroke="#d6c7a8"/>'
        return (
            f'{stem}<path d="M{x - r} {y + 4}a{r} {r} 0 0 1 {2 * r} 0q-{r} 10-{2 * r} 0z" fill="{colour}" stroke="#fff" stroke-width="2"/>'
        )

    return one(120, 74, 34) + one(236, 76, 31) + one(178, 66, 42)


def _lotus(colour: str) -> str:
    links = "".join(f'<ellipse cx="{x}" cy="78" rx="44" ry="26" fill="{colour}" stroke="#fff" stroke-width="2"/>' for x in (82, 160))
    holes = "".join(
        f'<ellipse cx="{262 + 19 * math.cos(k * math.tau / 7):.0f}" cy="{72 + 19 * math.sin(k * math.tau / 7):.0f}" rx="6" ry="6"/>'
        for k in range(7)
    )
    slice_ = f'<circle cx="262" cy="72" r="37" fill="#fbf3e6" stroke="{colour}" stroke-width="4"/>'
    return f'{links}{slice_}<g fill="#cdb494">{holes}<circle cx="262" cy="72" r="5"/></g>'


_DRAWN: dict[str, tuple[Callable[[str], str], str]] = {
    "lotus_root": (_lotus, "#e3c9a8"), "lotus_root_processed": (_lotus, "#d8b98c"), "lotus_sprout": (_long, "#efe3c8"),
    "tomato": (_round, "#cf4436"), "cucumber": (_long, "#4d8f3f"), "eggplant": (_long, "#5d3a78"), "pepper": (_long, "#5fa044"),
    "melon": (_round, "#e9dfb2"), "celery": (_leaves, "#7fb35a"), "spinach": (_leaves, "#3f7f3c"), "cabbage": (_round, "#b7d69a"),
    "cauliflower": (_round, "#f4efdf"), "beans": (_long, "#6fa84f"), "garlic": (_round, "#f1e8ee"), "garlic_sprout": (_leaves, "#86b65c"),
    "potato": (_round, "#d0ac6e"), "onion": (_round, "#b4637a"), "carrot": (_root, "#e07b2d"), "radish": (_root, "#f7f5ee"),
    "zucchini": (_long, "#7fae62"), "bitter_gourd": (_long, "#8cba63"), "leek": (_leaves, "#5c9a4c"), "mushroom": (_caps, "#8a5f3c"),
    "oyster_mushroom": (_caps, "#a8a29a"), "water_chestnut": (_round, "#6d3a32"), "arrowhead": (_round, "#d9c79a"),
}  # fmt: skip
