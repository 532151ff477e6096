"""What the service tells the hub's hooks of a launch, in a server's user options, signed with the secret both have.

The shape is BinderHub's, so a spawner made for it finds what it knows. Whoever copies the options of somebody else's
launch, or changes a word, has options that nobody signed. Loads nothing but the standard library: hubs import it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubkiln.signing import Signer

MARK = "hubkiln-launch"
"""Key of the signature in user options."""

FACTS = ("binder_launch_host", "binder_request", "binder_persistent_request", "binder_ref_url", "binder_client_ip")
"""Keys of BinderHub's that become variables of the same names."""

LONGEST = 4096
FRESH_SECONDS = 900
"""How long a start may be put off by a busy hub; later the options are somebody's wish like any other."""

_PURPOSE = "launch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One server to start."""

    image: str
    user: str
    server: str = ""
    temporary: bool = False
    """Whether the user is there for this server alone."""
    origins: Sequence[str] = ()
    """Other sites whose pages may use the server."""
    facts: Mapping[str, str] = field(default_factory=dict)

    def options(self, signer: Signer) -> dict[str, str]:
        """As user options."""
        signed = [self.user, self.server, self.image, self.temporary, list(self.origins), dict(self.facts)]
        return dict(self.facts) | {
            "image": self.image,
            MARK: signer.sign(_PURPOSE, json.dumps(signed), FRESH_SECONDS),
        }


def read_order(options: Mapping[str, Any], user: str, server: str, signer: Signer) -> Order | None:
    """The order in the options of `user`'s `server`; None if nobody signed it for that server, or too long ago."""
    mark = options.get(MARK)
    text = signer.read(_PURPOSE, mark) if isinstance(mark, str) else None
    if text is None:
        return None
    for_user, for_server, image, temporary, origins, facts = json.loads(text)
    if (for_user, for_server, image) != (user, server, options.get("image")):
        return None
    return Order(image=image, user=user, server=server, temporary=temporary, origins=origins, facts=facts)


def variables_of(options: Mapping[str, Any]) -> dict[str, str]:
    """The ``BINDER_…`` variables of a server with these options."""
    keys = {"repo_url": "BINDER_REPO_URL"} | {key: key.upper() for key in FACTS}
    found = {name: options.get(key) for key, name in keys.items()}
    return {name: text for name, text in found.items() if isinstance(text, str) and text and len(text) <= LONGEST}
