"""What git's and ssh's complaints mean for somebody who asked for a repository."""

from __future__ import annotations

import re

from hubkiln.egress import host_in, unanswered
from hubkiln.errors import (
    AccessDenied,
    DiskFull,
    HubkilnError,
    RefNotFound,
    RepositoryNotFound,
    TooLarge,
    Unreachable,
)
from hubkiln.excerpts import excerpt, short

SPELLING = "Check the spelling of the address."
LATER = "Check the address, or try again in a few minutes."
CERTIFICATE = "Its owner has to renew or complete it; an admin can add a certificate authority."

_UNANSWERED = (
    r"Could not resolve|Connection refused|Failed to connect|Couldn't connect|Connection timed out|No route to host"
    r"|Network is unreachable|Name or service not known|Temporary failure in name resolution"
)
_REMOTE = re.compile(r"(?:^|\r)(?:remote|fatal: remote error): ?([^\r\n]*)", re.MULTILINE)
_PROGRESS = re.compile(
    r"(?:Enumerating|Counting|Compressing|Finding|Getting|Resolving|Total|Reusing|pack-reused|warning:)", re.IGNORECASE
)

_MEANINGS: tuple[tuple[str, type[HubkilnError], str, str], ...] = (
    (
        r"No space left on device|Disk quota exceeded",
        DiskFull,
        "There is no space left for the files of {url}.",
        "An admin has to free some.",
    ),
    (
        r"unable to read [0-9a-f]{7,}|repository corruption|missing (?:blob|tree) object",
        RepositoryNotFound,
        "The repository at {url} is damaged: git cannot read all that it refers to.",
        "`git fsck` in it says more; clone it anew, or tell its owner.",
    ),
    (
        r"not our ref|unadvertised object|couldn't find remote ref|bad object|unable to read tree",
        RefNotFound,
        "{url} has no such branch, tag or commit.",
        "Check its spelling; a commit needs all its 40 characters.",
    ),
    (r"certificate|\bSSL\b|\bTLS\b", Unreachable, "The certificate of {url} cannot be verified.", CERTIFICATE),
    (
        r"Host key verification failed|HOST IDENTIFICATION HAS CHANGED",
        Unreachable,
        "The SSH host key of {url} is not the one known.",
        "An admin has to check it.",
    ),
    (
        r"Permission denied|Authentication failed|could not read Username|error: 40[13]\b|access denied",
        AccessDenied,
        "{url} does not exist or is private.",
        "Use its https:// address if it is public; else an admin can set a token or key for the host.",
    ),
    (r"error: 429", Unreachable, "The host of {url} refuses more requests for now.", "Try again in a few minutes."),
    (
        r"not found|does not appear to be a git repository|not a git repository|error: 404",
        RepositoryNotFound,
        "There is no git repository at {url}, or it is private.",
        SPELLING,
    ),
    (r"maximum allowed size|exceeds maximum", TooLarge, "{url} is larger than allowed.", "Ask for a smaller one."),
    (
        r"early EOF|unexpected disconnect|hung up|reset by peer|error: 5\d\d|too slow|RPC failed",
        Unreachable,
        "The connection to {url} was lost.",
        "Try again in a few minutes.",
    ),
)


def explain(output: str, url: str) -> HubkilnError:
    """The error for what git printed when it failed on `url`."""
    output = excerpt(output)
    said = re.sub(r"'[^'\n]*'|\w+://\S+", "", output)  # an address may hold any word
    told = servers_words(output)
    if not told and re.search(_UNANSWERED, said, re.IGNORECASE):
        found = unanswered(host_in(url), said)
        return Unreachable(f"{url} cannot be fetched. {found.message}", hint=found.hint)
    for pattern, error, message, hint in _MEANINGS:
        if re.search(pattern, said, re.IGNORECASE) and not (told and error is Unreachable):
            shown = f" Its server says: {told}." if told and error is not RefNotFound else ""
            return error(message.format(url=url) + shown, hint=hint)
    if told:
        return Unreachable(
            f"The server of {url} refuses: {told}.", hint="Do as it says, or try again in a few minutes."
        )
    return Unreachable(f"git could not fetch {url}: {last_words(output)}", hint=LATER)


def servers_words(output: str) -> str:
    """What the server itself wrote of its refusal, in one line: git shows it behind ``remote:``; empty if nothing."""
    told = [
        match[1].strip() for match in re.finditer(r"(?:^|\r)(?:remote|fatal: remote error): ?([^\r\n]*)", output, re.M)
    ]
    worth = [line for line in told if re.search(r"\w", line) and not _PROGRESS.match(line)]
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "", short(" ".join(worth))).rstrip(" .")


def last_words(output: str) -> str:
    """The line that says most, harmless to print."""
    lines = [line for line in re.split(r"[\r\n]+", output) if line.strip()]
    worth = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines or ["it gave no reason"]
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "", short(re.sub(r"^(fatal|error): ", "", worth[0])))
