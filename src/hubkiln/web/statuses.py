"""What a forge is told of a commit that its webhook had built: that it is being built, and how that ended.

One notice after the other, so that an end never comes before its beginning.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from hubkiln.builds import BEGUN, ENDED, Notice, Phase, Record, commit_of, service_of
from hubkiln.errors import UserError, error_told
from hubkiln.repositories import CommitState, CommitStatus, CommitStatuses
from hubkiln.web.posting import Message, Reply

SAME = "Cannot transition status"
"""What GitLab says, with 400, where a commit has the state already."""

STATES = {Phase.READY: CommitState.SUCCESS, Phase.CANCELLED: CommitState.CANCELLED}


async def status_message(notice: Notice, statuses: CommitStatuses) -> Message | None:
    """
    What tells the forge; None where nothing is told: no commit is known, or there is no token for it.

    Raises:
        ServiceError: whether there is one cannot be asked now.
    """
    record = notice.record
    commit = commit_of(record)
    status = status_of(record, service_of(notice.url))
    order = await statuses.request(record.request.spec, commit, status) if commit else None
    return Message(url=order.url, body=order.body, headers=order.headers) if order else None


def too_early(notice: Notice) -> bool:
    """Whether the commit that its forge is to be told of will be known later."""
    return notice.of_commit and not notice.record.ended and not commit_of(notice.record)


def next_status(notice: Notice) -> str:
    """In place of which address the next is told, after this was; empty if it was the last."""
    return ENDED + notice.url.removeprefix(BEGUN) if notice.url.startswith(BEGUN) and not notice.record.ended else ""


def taken(reply: Reply) -> bool:
    """Whether the receiver has it."""
    return 200 <= reply.status < 300 or (reply.status == 400 and SAME in reply.said)


def status_of(record: Record, service: str) -> CommitStatus:
    """What is said of the commit of a build; the service is at the address `service`, with a slash at its end."""
    state, description = _said(record)
    return CommitStatus(
        state=state,
        context=f"hubkiln/{urlsplit(service).hostname or ''}",
        description=description,
        target=f"{service}logs/{record.id}",
    )


def _said(record: Record) -> tuple[CommitState, str]:
    phase = Phase(record.state)
    if not record.ended:
        return CommitState.PENDING, "The environment waits to be built." if phase is Phase.QUEUED else "It is built."
    if phase is Phase.READY:
        reused = record.built is not None and record.built.reused
        return CommitState.SUCCESS, "The environment is there." if reused else _took(record.run_seconds)
    error = record.error or {}
    message = error.get("message") or "The build ended without an environment."
    if phase is Phase.FAILED:
        theirs = isinstance(error_told(error.get("code", ""), message), UserError)
        return (CommitState.FAILURE if theirs else CommitState.ERROR), message
    return STATES.get(phase, CommitState.ERROR), message


def _took(seconds: float) -> str:
    spoken = f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
    return f"The environment was built in {spoken}."
