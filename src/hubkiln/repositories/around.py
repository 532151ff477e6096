"""What stands around an address that is pasted: a sentence, a README's markup, a mail, a site that leads on.

Pure.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qs, unquote

from hubkiln.repositories import commands

_WRAPPED = (
    ("<", ">"),
    ('"', '"'),
    ("'", "'"),
    ("`", "`"),
    ("(", ")"),
    ("[", "]"),
    ("\u201c", "\u201d"),
    ("\u2018", "\u2019"),
)
_AFTER = ".,;:!>\"'`\u2026\u201d\u2019"
_UNSEEN = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]")
_MARKDOWN = re.compile(r"\]\(\s*<?([^\s()<>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_MARKUP = re.compile(r"(?::target:\s*|<a\b[^<>]*\bhref=[\"'])(https?://[^\s\"'<>]+)", re.IGNORECASE)
_SHORT = {"github": "gh", "gitlab": "gl"}

_LEADS_ON = {
    "google.com": "/url",
    "l.facebook.com": "/l.php",
    "slack-redir.net": "/link",
    "linkedin.com": "/safety/go",
    "out.reddit.com": "/",
    "steamcommunity.com": "/linkfilter/",
}
"""Hosts that lead on to an address in a parameter, and where."""


def undecorated(text: str) -> str:
    """`text` without what stands around an address in a sentence, a README or a mail."""
    text = _UNSEEN.sub("", text).strip()
    if linked := _MARKDOWN.findall(text) or _MARKUP.findall(text):
        return str(linked[-1])
    for before, after in _WRAPPED:
        if len(text) > 2 and text.startswith(before) and text.endswith(after) and before not in text[1:-1]:
            text = text[1:-1].strip()
    if re.match(r"https?://", text, re.IGNORECASE):
        text = text.rstrip(_AFTER + (")" if "(" not in text else ""))
    text = re.sub(r"^DOI\s+(?=10\.)", "", text, flags=re.IGNORECASE)
    if match := re.fullmatch(r"(github|gh|gitlab|gl|gist|bitbucket|codeberg|zenodo):(?!/)(\S+/\S+)", text):
        return f"{_SHORT.get(match[1], match[1])}/{match[2]}"
    if match := re.fullmatch(r"([\w.-]+/[\w.-]+)/", text):
        return match[1]
    if re.match(r"/?(?:hub/|services/[\w-]+/)?v2/\w+/\S|/?(?:hub/user-redirect/)?git-pull\?\S", text):
        return f"https://binder.example/{text.removeprefix('/')}"  # a link whose host went missing
    return text


def within(text: str) -> tuple[str, str] | None:
    """The repository (and the branch, or "") that `text` is written around: ``git clone -b dev ADDRESS``, pip's way."""
    if found := re.fullmatch(r"(?:(?:-e|--editable)\s+)?git\+(\w+://\S+?)(?:@([^@/\s#]+))?(?:#.*)?", text):
        return found[1], found[2] or ""
    if found := re.fullmatch(r"(https?://[^\s@]+\.git)[@#]([^@#:\s]+)", text):
        return found[1], found[2]
    if found := re.fullmatch(r"(github\.com|gitlab\.com|bitbucket\.org):([^/\s@:]+/\S+)", text):
        return f"https://{found[1]}/{found[2]}", ""
    if found := re.fullmatch(r"([A-Za-z0-9][\w-]*/[\w.-]+)[@#]([^@#:\s]+)", text):
        return found[1], found[2]
    if found := re.fullmatch(r"https://[\w.-]{1,30}@((?:bitbucket\.org|dev\.azure\.com)/\S+)", text, re.IGNORECASE):
        return f"https://{found[1]}", ""  # these put whoever is logged in into the address that they say to clone
    command = commands.read(text)
    return (command.words[0], command.ref) if command and command.kind == "clone" and command.words else None


def leads_to(page: SplitResult) -> str:
    """The address that the site of `page` is only on the way to: a mail filter, an archive, a viewer; else empty."""
    host, path = (page.hostname or "").removeprefix("www."), unquote(page.path)
    if path == _LEADS_ON.get(host) or host.endswith(".safelinks.protection.outlook.com"):
        given = parse_qs(page.query, max_num_fields=50)
        found = next((given[name][0] for name in ("url", "q", "u") if name in given), "")
    elif host in ("urldefense.com", "urldefense.proofpoint.com"):
        found = re.sub(r"^(https?):/(?!/)", r"\1://", "".join(re.findall(r"^/v3/__(.+?)__;", path)))
    elif host == "web.archive.org":
        found = re.sub(r"^(https?):/(?!/)", r"\1://", "".join(re.findall(r"^/web/\w+/(https?:.+)", path)))
    elif host in ("nbviewer.org", "nbviewer.jupyter.org"):
        found = re.sub(r"^/url(s?)/(?=.)", r"http\1://", page.path) if re.match(r"/urls?/.", page.path) else ""
    elif host == "colab.research.google.com":
        found = unquote("".join(re.findall(r"^fileId=(https?.+)", page.fragment)))
    else:
        return ""
    return found if re.match(r"https?://", found, re.IGNORECASE) else ""
