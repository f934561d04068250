"""The colours of the pages are readable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "mockidp" / "http" / "static"


def palettes() -> Iterator[tuple[str, dict[str, str]]]:
    """The four sets of colours in the stylesheet, each with what it inherits."""
    css = (STATIC / "pages.css").read_text(encoding="utf-8")
    blocks = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r"(?::root|\.upstream) \{([^}]*--ground[^}]*)\}", css)
    ]
    light, dark, upstream, upstream_dark = blocks
    yield "light", light
    yield "dark", light | dark
    yield "upstream light", light | upstream
    yield "upstream dark", light | upstream | dark | upstream_dark


def contrast(first: str, second: str) -> float:
    """WCAG 2.2 contrast ratio of two #rrggbb colours."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("name", "colours"), list(palettes()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_contrast_is_aa(name: str, colours: dict[str, str]) -> None:
    """Text reaches 4.5:1 on every ground it is used on, the edge of a field 3:1 (WCAG 1.4.3, 1.4.11)."""
    text = [(ink, ground) for ink in ("ink", "muted", "accent") for ground in ("surface", "raised")]
    text += [
        ("muted", "ground"),
        ("muted", "glow"),
        ("on-accent", "accent"),
        ("on-accent", "accent-hover"),
        ("alarm", "alarm-ground"),
    ]
    ratios = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in text}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}
    assert contrast(colours["edge"], colours["surface"]) >= 3
