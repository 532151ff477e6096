"""Takes secrets out of text before it is recorded: what was never written cannot leak.

Known secrets are given; others are recognised by their shape. Log text arrives in pieces, so the last word of
each piece waits for the next one: a token cut in two is still one token.
"""

from __future__ import annotations

import re
from dataclasses import replace

from hubkiln.builds.events import Event, Log, Planned

STARS = "***"
CONTEXT = 160
"""Characters already let go that still count as what stands before a word (``Authorization: Bearer``)."""

LONGEST_WORD = 16_384
"""A longer run without white space is let go, but for a tail."""

_SHAPES = (
    r"\bgh[pousr]_[A-Za-z0-9]{16,}",
    r"\bgithub_pat_\w{16,}",
    r"\bgl(?:pat|ptt|dt|rt|cbt)-[\w-]{16,}",
    r"\bhf_[A-Za-z0-9]{20,}",
    r"\bpypi-[\w-]{32,}",
    r"\bnpm_[A-Za-z0-9]{32,}",
    r"\bdckr_pat_[\w-]{16,}",
    r"\bxox[abeoprs]-[\w-]{10,}",
    r"\bsk-[A-Za-z0-9_-]{20,}",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*",
    r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)",  # user:password@
    r"(?i:(?<=http://)|(?<=https://))[^\s/@]+(?=@)",  # token@
    r"(?i:(?<=[?&]token=)|(?<=[?&]key=)|(?<=[?&]sig=))[^\s&#'\"]+",
    r"(?i:[?&](?:access_token|private_token|auth_token|api_key|password|secret|signature|x-amz-signature"
    r"|x-amz-security-token)=)(?P<query>[^\s&#'\"]+)",
    r"(?i:\bauthorization['\"]?\s*[:=]\s*['\"]?(?:(?:bearer|basic|token)\s+)?"
    r"(?!(?:bearer|basic|token)\s))(?P<header>[^\s'\",]+)",
    r"(?i:\b(?:private-token|x-api-key|x-auth-token)['\"]?\s*[:=]\s*['\"]?)(?P<key>[^\s'\",]+)",
    r"(?i:\bbearer\s+)(?P<bearer>[\w.~+/=-]{12,})",
    r"(?i:(?:password|passwd|secret|api_?key|access_?key|token)=)(?P<value>(?!=)[^\s'\",;&]{8,})",
)
_SECRET = re.compile("|".join(_SHAPES))

_HINTS = (
    *(f"gh{kind}_" for kind in "pousr"),
    *("github_pat_", "glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "hf_", "pypi-", "npm_", "dckr_pat_", "xox", "sk-"),
    *("akia", "asia", "eyj", "@", "token", "key", "sig", "authorization", "bearer", "passw", "secret"),
)
"""Lower-case pieces of which every shape has one: looking for them is a hundred times quicker than matching."""


class Redactor:
    """Knows what must not be recorded; holds no state, so one serves everybody."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        known = sorted((s for s in secrets if len(s) >= 6), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str, before: str = "") -> str:
        """`text` without secrets; `before` is what stands before it and is not returned."""
        whole = before + text
        spans = []
        lower = whole.lower()
        if any(hint in lower for hint in _HINTS):
            spans += [match.span(match.lastgroup or 0) for match in _SECRET.finditer(whole)]
        if self._known is not None:
            spans += [match.span() for match in self._known.finditer(whole)]
        parts, at = [], len(before)
        for start, end in sorted(spans):
            if start >= at:
                parts += [whole[at:start], STARS]
            at = max(at, end)
        return "".join(parts) + whole[at:]

    def event(self, event: Event) -> Event:
        """`event` without secrets; log text goes through :class:`Stream` instead."""
        match event:
            case Log(text):
                return Log(self.text(text))
            case Planned(_, why):
                return replace(event, why=tuple(self.text(reason) for reason in why))
            case _:
                return event


class Stream:
    """Redacts one log as it grows."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._context = ""
        self._waiting = ""

    def add(self, text: str) -> str:
        """What can be recorded now."""
        self._waiting += storable(text)
        cut = _after_last_space(self._waiting)
        if len(self._waiting) - cut > LONGEST_WORD:
            cut = len(self._waiting) - LONGEST_WORD // 2
        return self._let_go(cut)

    def rest(self) -> str:
        """What was still waiting; the log is at its end or something else comes between."""
        return self._let_go(len(self._waiting))

    def _let_go(self, count: int) -> str:
        going, self._waiting = self._waiting[:count], self._waiting[count:]
        if not going:
            return ""
        clean = self._redactor.text(going, self._context)
        self._context = (self._context + clean)[-CONTEXT:]
        return clean


def storable(text: str) -> str:
    """`text` as every database and encoding takes it: no NUL, no half characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _after_last_space(text: str) -> int:
    for index in range(len(text) - 1, -1, -1):
        if text[index].isspace():
            return index + 1
    return 0
