"""Fixtures of tests that ask the service: the real application in memory, started as a test needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest_asyncio

from hubkiln.testing.service import Service, in_memory

Serve = Callable[..., Awaitable[Service]]


async def joined(service: Service, *users: str) -> None:
    """Wait until there is a build that all of `users` have asked for: who lets it end before that has a second one."""
    async with asyncio.timeout(30):
        while not any({*users} <= {*record.users} for record in await service.jobs.listing(None)):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@pytest_asyncio.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts the service as :func:`hubkiln.testing.service.in_memory` does."""
    async with AsyncExitStack() as stack:

        async def begin(*args: Any, **more: Any) -> Service:
            return await stack.enter_async_context(in_memory(tmp_path, *args, **more))

        yield begin


@pytest_asyncio.fixture
async def service(serve: Serve) -> Service:
    """The service over a builder that succeeds at once."""
    return await serve()
