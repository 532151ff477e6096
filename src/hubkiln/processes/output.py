"""What programs print, cut down to what people need."""

from __future__ import annotations


def last_line(output: str, otherwise: str) -> str:
    """The last line of `output`, where programs say what went wrong; `otherwise` if they printed nothing."""
    lines = output.strip().splitlines()
    return lines[-1].strip() if lines else otherwise
