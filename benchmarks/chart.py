"""Line charts with logarithmic axes, as SVG text: enough for a growth curve, and no plotting package to install."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

Line = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 460, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 84
COLOURS = ("#1b6ca8", "#d1495b", "#edae49", "#3c8d5a", "#7a5195")


def charts(panels: Sequence[tuple[str, str, Mapping[str, Line]]]) -> str:
    """Panels (title, what x is, lines by name) side by side in one drawing."""
    drawn = [
        f'<g transform="translate({index * WIDTH} 0)">' + "".join(panel(*one)) + "</g>"
        for index, one in enumerate(panels)
    ]
    size = f'viewBox="0 0 {WIDTH * len(panels)} {HEIGHT}" width="{WIDTH * len(panels)}" height="{HEIGHT}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">\n'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(drawn) + "\n</svg>\n"
    )


def panel(title: str, below: str, lines: Mapping[str, Line]) -> Iterator[str]:
    """One chart: frame, grid at powers of ten, lines with dots, and their names underneath."""
    points = [point for line in lines.values() for point in line]
    across, up = axis([x for x, _ in points]), axis([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        right = LEFT + (WIDTH - LEFT - RIGHT) * share(x, across)
        return right, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share(y, up)

    yield f'<text x="{LEFT}" y="22" font-size="13" font-weight="bold">{escape(title)}</text>'
    yield f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - BOTTOM + 30}" text-anchor="end">{escape(below)}</text>'
    for power in range(across[0], across[1] + 1):
        x, low = place(10**power, 10 ** up[0])
        yield f'<path d="M{x:.1f} {TOP}V{low:.1f}" stroke="#ddd"/>'
        yield f'<text x="{x:.1f}" y="{low + 15:.1f}" text-anchor="middle">{10**power:,g}</text>'
    for power in range(up[0], up[1] + 1):
        left, y = place(10 ** across[0], 10**power)
        yield f'<path d="M{left:.1f} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        yield f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{10**power:,g}</text>'
    for index, (name, line) in enumerate(lines.items()):
        yield from drawn(name, [place(*point) for point in line], index)


def drawn(name: str, places: Sequence[tuple[float, float]], index: int) -> Iterator[str]:
    """A line, its dots, and its entry in the legend."""
    colour = COLOURS[index % len(COLOURS)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
    x, y = LEFT + index % 2 * 190, HEIGHT - BOTTOM + 48 + index // 2 * 16
    yield f'<path d="M{x} {y - 4}h18" stroke="{colour}" stroke-width="3"/>'
    yield f'<text x="{x + 24}" y="{y}">{escape(name)}</text>'


def axis(values: Sequence[float]) -> tuple[int, int]:
    """Powers of ten around `values`, at least one decade."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def share(value: float, powers: tuple[int, int]) -> float:
    """How far along a logarithmic axis `value` lies, from 0 to 1."""
    return (math.log10(value) - powers[0]) / (powers[1] - powers[0])
