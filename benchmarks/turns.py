"""Whose turn it was, as a picture: a dot for each build."""

from __future__ import annotations

from chart import COLOURS


def turns(dots: list[tuple[int, int, int]], users: int) -> str:
    """A dot for each build: across, as the how-manieth it began; up, whose it is; its colour, which of theirs."""
    width, height, left, below = 900, 420, 56, 40
    across = (width - left - 12) / len(dots)
    up = (height - below - 12) / users
    marks = "".join(
        f'<circle cx="{left + place * across:.1f}" cy="{height - below - number * up:.1f}" r="1.6" '
        f'fill="{COLOURS[nth]}"/>'
        for place, number, nth in dots
    )
    names = "".join(
        f'<circle cx="{left + 110 * nth}" cy="{height - 8}" r="3" fill="{colour}"/>'
        f'<text x="{left + 110 * nth + 8}" y="{height - 4}">build {nth + 1} of a user</text>'
        for nth, colour in enumerate(COLOURS)
    )
    frame = f'<path d="M{left} 6V{height - below + 4}H{width - 8}" fill="none" stroke="#888"/>'
    words = f'<text x="{width - 8}" y="{height - below + 18}" text-anchor="end">in the order of their beginning</text>'
    words += f'<text x="{left - 6}" y="16" text-anchor="end">user</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="11">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{frame}{marks}{names}{words}\n</svg>\n'
    )
