"""Servers that a link starts: through the Hub's API, for a user of the hub or for whoever comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.launches.enter import LONGEST_MESSAGE, TICKET
    from hubkiln.launches.interface import Launch, Launched, Launcher, LaunchFailed, LaunchSettings
    from hubkiln.launches.jupyterhub import HubLauncher
    from hubkiln.launches.link_opening import Opening, opening
    from hubkiln.launches.names import server_name, user_name
    from hubkiln.launches.order import FACTS, MARK, Order, read_order, variables_of
    from hubkiln.launches.tickets import WAITING_SECONDS, Admission, enter_file, hubs_own

__all__ = [
    "FACTS",
    "LONGEST_MESSAGE",
    "MARK",
    "TICKET",
    "WAITING_SECONDS",
    "Admission",
    "HubLauncher",
    "Launch",
    "LaunchFailed",
    "LaunchSettings",
    "Launched",
    "Launcher",
    "Opening",
    "Order",
    "enter_file",
    "hubs_own",
    "opening",
    "read_order",
    "server_name",
    "user_name",
    "variables_of",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
