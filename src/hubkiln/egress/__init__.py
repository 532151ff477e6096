"""Who may be asked over the network: the admin's rule, checked on the address that is then connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.egress.allowed import EVERYTHING, NOTHING, Host, Reach, read_reach
    from hubkiln.egress.bodies import PACKING, pieces_of
    from hubkiln.egress.guard import Endpoint, Guard
    from hubkiln.egress.pinned import PinnedTransport
    from hubkiln.egress.proxies import check_proxies
    from hubkiln.egress.proxy import StepProxy
    from hubkiln.egress.reaching import host_in, joined, reason, unanswered
    from hubkiln.egress.special import inside_networks

__all__ = [
    "EVERYTHING",
    "NOTHING",
    "PACKING",
    "Endpoint",
    "Guard",
    "Host",
    "PinnedTransport",
    "Reach",
    "StepProxy",
    "check_proxies",
    "host_in",
    "inside_networks",
    "joined",
    "pieces_of",
    "read_reach",
    "reason",
    "unanswered",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
