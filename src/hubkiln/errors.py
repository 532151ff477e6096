"""Every error that leaves a package of ours, split by whose turn it is.

::

    HubkilnError
    ├── UserError              the request or the repository: shown as written, trying again will not help
    │   ├── BadSpec            400  what was typed names no repository, image or option
    │   ├── Unauthenticated    401  nobody knows who asks
    │   ├── Refused            403  known, and not allowed for this user
    │   ├── NotFound           404  no such thing, or not visible to this user
    │   │   ├── RepositoryNotFound
    │   │   └── RefNotFound
    │   ├── AccessDenied       403  the repository or registry asks for credentials
    │   ├── Conflict           409  already there, or not in a state that allows this
    │   ├── RecipeError        422  a file of the recipe cannot be understood
    │   ├── Unsupported        422  understood, but this installation cannot do it
    │   ├── LockFailed         422  the packages asked for cannot be resolved
    │   ├── BuildFailed        422  the repository's own instructions failed
    │   ├── TooLarge           413  more bytes, files or time than allowed
    │   └── LimitReached       429  the user has used up an allowance
    └── ServiceError           the machine, the network or us: safe to try again
        ├── Unreachable        502  a repository host, index or registry does not answer
        ├── DiskFull           507  no space left where we keep things
        ├── EngineMissing      503  nothing here can run this
        ├── NotReady           503  something is not there yet that an admin brings once
        └── Interrupted        503  stopped before its end by a restart

Each class carries the HTTP ``status`` and a stable ``code``; each instance a ``message`` (what happened, one
sentence) and a ``hint`` (what to do, one sentence, may be empty); users of a hub are told its ``advice``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar


class HubkilnError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"
    of_machine: ClassVar[bool] = False
    """Whether only who runs the machine can do what `hint` says."""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.hint = hint
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    @property
    def advice(self) -> str:
        """`hint` for users of a hub, whose machine it is not: what only an admin can do is called an admin's turn."""
        said = not self.of_machine or not self.hint or "admin" in self.hint.lower()
        return self.hint if said else f"An admin's turn: {self.hint}"

    @property
    def for_users(self) -> str:
        """What happened and what to do, for users of a hub."""
        return f"{self.message} {self.advice}".strip()


class UserError(HubkilnError):
    """The request cannot be met as it stands."""

    status = 400
    code = "user_error"


class BadSpec(UserError):
    """That does not name a repository."""

    code = "bad_spec"


class Unauthenticated(UserError):
    """A token of the Hub is needed."""

    status = 401
    code = "unauthenticated"


class Refused(UserError):
    """That is not allowed here."""

    status = 403
    code = "refused"


class NotFound(UserError):
    """There is no such thing."""

    status = 404
    code = "not_found"


class RepositoryNotFound(NotFound):
    """There is no such repository."""

    code = "repository_not_found"


class RefNotFound(NotFound):
    """The repository has no such branch, tag or commit."""

    code = "ref_not_found"


class AccessDenied(UserError):
    """The other side asks for credentials."""

    status = 403
    code = "access_denied"


class Conflict(UserError):
    """That cannot be done in the present state."""

    status = 409
    code = "conflict"


class RecipeError(UserError):
    """A file of the recipe cannot be understood."""

    status = 422
    code = "recipe_error"


class Unsupported(UserError):
    """This installation cannot build that."""

    status = 422
    code = "unsupported"


class LockFailed(UserError):
    """The packages asked for cannot be resolved."""

    status = 422
    code = "lock_failed"


class BuildFailed(UserError):
    """The repository's own instructions failed."""

    status = 422
    code = "build_failed"


class TooLarge(UserError):
    """That is larger than allowed."""

    status = 413
    code = "too_large"


class LimitReached(UserError):
    """The allowance is used up."""

    status = 429
    code = "limit_reached"

    after: float | None = None
    """Seconds until there is some again."""


class ServiceError(HubkilnError):
    """The service could not do its part; trying again may help."""

    status = 503
    code = "service_error"


class Unreachable(ServiceError):
    """The other side does not answer."""

    status = 502
    code = "unreachable"

    passing = False
    """Set where the same request may succeed later without anybody's doing."""
    after: float | None = None
    """Seconds that the other side asks to wait."""


class DiskFull(ServiceError):
    """There is no space left on the disk."""

    status = 507
    code = "disk_full"
    of_machine = True


class EngineMissing(ServiceError):
    """Nothing on this machine can run that."""

    code = "engine_missing"
    of_machine = True


class NotReady(ServiceError):
    """This installation lacks something that an admin brings once."""

    code = "not_ready"
    of_machine = True


class Interrupted(ServiceError):
    """Stopped before its end because the service stopped."""

    code = "interrupted"


def error_told(code: str, message: str, hint: str = "", status: int = 503) -> HubkilnError:
    """
    The error that another process told by its `code`.

    One with a code that nobody here knows is the user's turn or ours, as its `status` says.
    """
    known = {kind.code: kind for kind in _kinds(HubkilnError)}
    kind = known.get(code) or (ServiceError if status >= 500 else UserError)
    return kind(message, hint=hint)


def _kinds(kind: type[HubkilnError]) -> Iterator[type[HubkilnError]]:
    """`kind` and those below it that have a code of their own."""
    if "code" in vars(kind):
        yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)
