"""The colours of the page: text is readable on whatever it stands on, light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from t800 import view

STYLE = Path(view.__file__).with_name("src") / "style.css"
TEXTS = ("ink", "muted", "error", "good")
GROUNDS = ("bg", "panel", "sunk", "hover", "chosen")
BARS = ("tool", "llm", "error")


def themes() -> dict[str, dict[str, str]]:
    if not STYLE.exists():
        pytest.skip("an installed package has no sources of the page")
    found = re.findall(
        r'^(:root(?:\[data-theme="dark"\])?) \{(.*?)^\}',
        STYLE.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    return {head: dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", body)) for head, body in found}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_there_are_two_themes_of_the_same_colours() -> None:
    light, dark = themes().values()
    assert set(light) == set(dark)
    assert luminance(light["bg"]) > 0.5 > luminance(dark["bg"])


@pytest.mark.parametrize("theme", [0, 1])
def test_texts_have_contrast(theme: int) -> None:
    colours = list(themes().values())[theme]
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs += [("on", bar) for bar in BARS] + [("markink", "mark"), ("bg", "ink")]
    weak = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}
    assert not {pair: ratio for pair, ratio in weak.items() if ratio < 4.5}


@pytest.mark.parametrize("theme", [0, 1])
def test_signs_have_contrast(theme: int) -> None:
    colours = list(themes().values())[theme]
    pairs = [
        (sign, ground)
        for sign in ("tool", "llm", "decision", "error", "phase", "edge")
        for ground in ("bg", "panel")
    ]
    weak = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}
    assert not {pair: ratio for pair, ratio in weak.items() if ratio < 3}
