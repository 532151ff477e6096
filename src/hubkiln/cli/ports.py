"""``--publish``: ports of this machine that lead to those of a command, as containers take them.

A command of the command line shares this machine's network, so what it listens at is reached here anyway; a relay
gives it another number or address.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

from hubkiln.errors import BadSpec, Conflict
from hubkiln.values import Say

LOOPBACK = "127.0.0.1"
_FORM = "Write it as --publish 8080:8050, or --publish 127.0.0.1:8080:8050."
_PIECE = 65536


@dataclass(frozen=True, slots=True)
class PortForward:
    """A port here, 0 for any that is free, and the command's own that it leads to."""

    address: str
    here: int
    inside: int


def published_ports(given: Sequence[str]) -> tuple[PortForward, ...]:
    """
    What ``--publish`` says: ``[[ADDRESS:]PORT:]PORT[/tcp]``, on loopback where no address is said.

    Raises:
        BadSpec: one is no port.
    """
    return tuple(map(_published, given))


def _published(text: str) -> PortForward:
    ports, _, protocol = text.partition("/")
    before, _, inside = ports.rpartition(":")
    address, _, here = before.rpartition(":")
    if protocol not in ("", "tcp"):
        raise BadSpec(f"{text[:80]!r} is no port that can be published: only TCP is.", hint=_FORM)
    return PortForward(_address(address, text), _port(here, text) if here else 0, _port(inside, text))


def _address(address: str, text: str) -> str:
    try:
        return str(ip_address(address.removeprefix("[").removesuffix("]"))) if address else LOOPBACK
    except ValueError:
        raise BadSpec(f"{text[:80]!r} names no port: {address!r} is no address.", hint=_FORM) from None


def _port(number: str, text: str) -> int:
    if not (number.isascii() and number.isdecimal() and len(number) <= 5 and 0 < int(number) < 65536):
        raise BadSpec(f"{text[:80]!r} names no port: {number!r} is no number from 1 to 65535.", hint=_FORM)
    return int(number)


@asynccontextmanager
async def leading(ports: Sequence[PortForward], say: Say) -> AsyncIterator[None]:
    """
    While open, each of `ports` leads to the command; `say` is told those that we chose.

    Raises:
        Conflict: one is taken.
    """
    async with AsyncExitStack() as stack:
        for port in ports:
            if port.here == port.inside:
                _check_free(port)
                continue
            try:
                server = await asyncio.start_server(partial(_join, port.inside), port.address, port.here)
            except OSError as error:
                raise _taken(port, error) from error
            stack.callback(server.close)
            if not port.here:
                say(f"{port.address}:{server.sockets[0].getsockname()[1]} leads to port {port.inside}.\n")
        yield


def _check_free(port: PortForward) -> None:
    """Nothing is relayed: the command itself is to listen there."""
    try:
        with socket.create_server((LOOPBACK, port.here)):
            pass
    except OSError as error:
        raise _taken(port, error) from error


def _taken(port: PortForward, error: OSError) -> Conflict:
    return Conflict(
        f"Nothing can listen at {port.address}:{port.here}: {(error.strerror or str(error)).rstrip('.')}.",
        hint="Publish another port.",
    )


async def _join(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes both ways between whoever came and the command, until one of them goes."""
    try:
        theirs, ours = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        writer.close()  # the command does not listen yet
        return
    try:
        await asyncio.gather(_pass_on(reader, ours), _pass_on(theirs, writer))
    finally:
        ours.close()
        writer.close()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
        target.write_eof()
