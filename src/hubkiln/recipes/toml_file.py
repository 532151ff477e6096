"""TOML 1.1, which some tools write already, as the 1.0 that Python reads. Pure."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
    "{3}(?:[^\\]|\\.)*?"{3,5} | '{3}.*?'{3,5}          # texts of several lines
    | "(?:[^"\\\n]|\\.)*" | '[^'\n]*'                   # texts
    | \#[^\n]* | [{},\n"']
    """,
    re.VERBOSE | re.DOTALL,
)


def older_toml(text: str) -> str:
    """`text` with each inline table on one line, without a comma at its end and without comments in it."""
    parts: list[str] = []
    depth, at, comma = 0, 0, -1  # `comma`: the last one's place in `parts`, while nothing but space came after it
    for match in _TOKEN.finditer(text):
        between, token = text[at : match.start()], match[0]
        at = match.end()
        if token in ("'", '"'):  # which ends nowhere
            return text
        parts.append(between)
        comma = -1 if between.strip() else comma
        if token == "}" and comma >= 0:
            parts[comma] = ""
        depth += {"{": 1, "}": -1}.get(token, 0)
        is_space = token == "\n" or token.startswith("#")
        parts.append(" " if depth > 0 and is_space else token)
        if not is_space:
            comma = len(parts) - 1 if token == "," else -1
    return "".join((*parts, text[at:]))
