"""What is sent from a file lets go of the file, whatever the registry does."""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from pathlib import Path

import pytest

from hubkiln.errors import ServiceError
from hubkiln.images.auth import Want
from hubkiln.images.names import parse_name
from hubkiln.images.registry import RegistryClient
from hubkiln.images.retrying import Again
from hubkiln.images.session import Ask
from hubkiln.images.transfer import read_slice
from hubkiln.testing.logins import FixedLogins
from hubkiln.testing.loopback import Loopback


def opened(file: Path) -> bool:
    """Whether this process has `file` open."""
    handles = []
    for handle in Path("/proc/self/fd").iterdir():
        try:
            handles.append(handle.readlink())
        except OSError:
            continue
    return file in handles


@pytest.mark.parametrize("answer", [b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n", b"", b"nonsense\r\n\r\n"])
async def test_a_registry_that_breaks_off_leaves_no_file_open(tmp_path: Path, answer: bytes) -> None:
    """An upload that ends before its file is read, by an answer or without one, closes the file at once."""
    (file := tmp_path / "blob").write_bytes(bytes(1 << 24))

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        while (await reader.readline()).strip():
            pass
        writer.write(answer)
        await writer.drain()

    async with Loopback(serve) as server, RegistryClient(credentials=FixedLogins({})) as client:
        name = parse_name(f"{server.host}/work")
        size = file.stat().st_size
        ask = Ask(
            method="PUT",
            url=f"http://{server.host}/v2/work/blobs/uploads/1",
            want=Want(name=name, push=True),
            headers={"Content-Length": str(size)},
            body=lambda: read_slice(file, 0, size),
        )
        with pytest.raises((Again, ServiceError)):
            async with client._session.open(ask):
                pass
        assert not opened(file)
