"""``--publish``: ports here that lead to a command's."""

from __future__ import annotations

import asyncio
import socket

import pytest

from hubkiln.cli.ports import PortForward, leading, published_ports
from hubkiln.errors import BadSpec, Conflict
from hubkiln.processes import free_port


def test_ports_are_written_as_containers_have_them() -> None:
    """On loopback unless an address is said; without a number of ours, any that is free."""
    assert published_ports(("8080:8050", "8050", "0.0.0.0:80:8050/tcp", "[::1]:81:8050", "::1::8050")) == (
        PortForward("127.0.0.1", 8080, 8050),
        PortForward("127.0.0.1", 0, 8050),
        PortForward("0.0.0.0", 80, 8050),
        PortForward("::1", 81, 8050),
        PortForward("::1", 0, 8050),
    )


@pytest.mark.parametrize(
    "text",
    ["", "x", "0:1", "1:0", "65536:1", "1:65536", "8080:8050/udp", "host:1:2", "1:2:3", "-1:2", "\u0661:2"],
)
def test_what_is_no_port_is_refused_with_the_form(text: str) -> None:
    """Before anything is built."""
    with pytest.raises(BadSpec) as refused:
        published_ports((text,))
    assert "--publish 8080:8050" in refused.value.hint


async def test_a_port_leads_to_the_commands_own() -> None:
    """Both ways, to whoever listens when somebody comes; the one that we chose is said."""

    async def upper(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        writer.close()

    inside, said = free_port(), list[str]()
    async with leading(published_ports((str(inside),)), said.append):
        here = int(said[0].split()[0].rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", here)
        assert await reader.read() == b"", "nobody listens inside yet"
        writer.close()
        async with await asyncio.start_server(upper, "127.0.0.1", inside):
            reader, writer = await asyncio.open_connection("127.0.0.1", here)
            writer.write(b"hello")
            writer.write_eof()
            assert await reader.read() == b"HELLO"
            writer.close()


@pytest.mark.parametrize("form", ["{}:1", "{0}:{0}"])
async def test_a_port_that_is_taken_is_said(form: str) -> None:
    """By its number, before the command starts; also where it would be the command's own."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"Nothing can listen at 127.0.0.1:{number}"):
            async with leading(published_ports((form.format(number),)), print):
                pass
