"""Whether somebody else listens where a part of the hub was to."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from hubkiln.errors import Conflict
from hubkiln.up.listening import check_ours

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def table(path: Path, state: str, uid: int) -> Path:
    """The kernel's list with one socket at port 8081."""
    line = f"   0: 0100007F:1F91 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  {uid}        0 23 1 0\n"
    path.write_text(HEAD + line)
    return path


def test_what_we_listen_at_is_ours() -> None:
    """As the kernel says it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_ours([server.getsockname()[1]])


@pytest.mark.parametrize(
    ("state", "uid", "port", "refused"),
    [
        ("0A", os.geteuid() + 1, 8081, True),
        ("0A", os.geteuid(), 8081, False),
        ("0A", 0, 8081, False),
        ("01", os.geteuid() + 1, 8081, False),
        ("0A", os.geteuid() + 1, 8082, False),
    ],
)
def test_another_accounts_listener_is_told_of(tmp_path: Path, state: str, uid: int, port: int, refused: bool) -> None:
    """At the port that is meant, and while it listens; root may stand in front of everything."""
    listed = [table(tmp_path / "tcp", state, uid), tmp_path / "no-such"]
    if refused:
        with pytest.raises(Conflict, match=f"uid {uid}"):
            check_ours([port], listed)
    else:
        check_ours([port], listed)
