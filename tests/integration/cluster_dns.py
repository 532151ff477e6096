"""Names of a cluster for its pods: those of Services from the API server, all others as this machine knows them.

It stands where CoreDNS would, which brings six hundred modules of Go for what is needed here: A records.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType

DOMAIN = "cluster.local"
_HEADER = struct.Struct("!6H")
_A, _NO_SUCH_NAME = 1, 3


class ClusterDns:
    """Answers at `address`, port 53, while its context is open; reads Services of the server `api` with `token`."""

    def __init__(self, address: str, api: str, token: str) -> None:
        self._address = (address, 53)
        self._asked = urllib.request.Request(f"{api}/api/v1/services", headers={"Authorization": f"Bearer {token}"})
        found = re.search(r"^nameserver\s+(\S+)", Path("/etc/resolv.conf").read_text(), re.MULTILINE)
        self._above = (found[1] if found else "127.0.0.1", 53)

    def __enter__(self) -> ClusterDns:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(self._address)
        self._threads = [threading.Thread(target=self._serve) for _ in range(4)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
            for _ in self._threads:
                stop.sendto(b"", self._address)
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            asked, who = self._socket.recvfrom(4096)
            if not asked:
                return
            with suppress(OSError, struct.error):
                self._socket.sendto(self._answer(asked), who)

    def _answer(self, asked: bytes) -> bytes:
        name, kind, end = _question(asked)
        if not name.endswith(f".{DOMAIN}"):
            return self._from_above(asked)
        number, flags = _HEADER.unpack_from(asked)[:2]
        flags = 0x8480 | flags & 0x0100
        address = self._services().get(name)
        if address is None or kind != _A:
            failed = 0 if address else _NO_SUCH_NAME
            return _HEADER.pack(number, flags | failed, 1, 0, 0, 0) + asked[_HEADER.size : end]
        record = struct.pack("!HHHIH", 0xC00C, _A, 1, 5, 4) + socket.inet_aton(address)
        return _HEADER.pack(number, flags, 1, 1, 0, 0) + asked[_HEADER.size : end] + record

    def _from_above(self, asked: bytes) -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as above:
            above.settimeout(5)
            above.sendto(asked, self._above)
            return above.recv(4096)

    def _services(self) -> dict[str, str]:
        context = ssl._create_unverified_context()  # its certificate is its own
        with urllib.request.urlopen(self._asked, context=context, timeout=5) as answer:
            found = json.load(answer)["items"]
        return {
            f"{one['metadata']['name']}.{one['metadata']['namespace']}.svc.{DOMAIN}": one["spec"]["clusterIP"]
            for one in found
            if one["spec"].get("clusterIP", "None") != "None"
        }


def _question(asked: bytes) -> tuple[str, int, int]:
    """The name, the kind of record, and where the question ends."""
    labels, at = [], _HEADER.size
    while length := asked[at]:
        labels.append(asked[at + 1 : at + 1 + length].decode("ascii", "replace").lower())
        at += 1 + length
    return ".".join(labels), struct.unpack_from("!H", asked, at + 1)[0], at + 5
