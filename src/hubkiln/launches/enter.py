"""What other spawners start in the place of a server: it shows its ticket, and lives as long as the server does.

When it is ended the server ends, and its exit code is the server's. It runs as the user, with the user's rights and
under the spawner's limits, and can read nothing of the stores. A program of its own (``python3 -I enter.py``) that
imports nothing of ours: users may have no other Python than the system's.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Sequence

TICKET = "HUBKILN_TICKET"
"""Variable with the address of the usher and the secret that it wants to be shown."""

LONGEST_MESSAGE = 1 << 20
"""Bytes."""

GONE = 3


def come_in(arguments: Sequence[str]) -> int:
    """Show the ticket; returns the exit code when the server has ended."""
    address, _, secret = os.environ.pop(TICKET, "").partition(" ")
    if not secret:
        return _said("Error: Only a hub starts this program; by hand, use `hubkiln run` or `hubkiln launch`.")
    with socket.socket(socket.AF_UNIX) as usher:
        try:
            usher.connect(f"\0{address}")
        except OSError as error:
            return _said(f"Error: The hub does not wait for this server any more ({error.strerror}).")
        shown = {"secret": secret, "arguments": list(arguments), "env": dict(os.environ)}
        usher.sendall(json.dumps(shown).encode() + b"\n")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: usher.shutdown(socket.SHUT_WR))  # the usher ends the server, then tells
        return _ended(usher)


def _ended(usher: socket.socket) -> int:
    told = b""
    while len(told) < LONGEST_MESSAGE and (more := usher.recv(65536)):
        told += more
    if not told.endswith(b"\n"):
        return _said("Error: The server has ended, and nobody knows why.")
    answer = json.loads(told)
    return _said(answer["said"], answer["code"]) if answer["said"] else int(answer["code"])


def _said(text: str, code: int = GONE) -> int:
    print(text, file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(come_in(sys.argv[1:]))
