"""Rooms for processes of strangers, without privilege."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.sandbox.apart import View
    from hubkiln.sandbox.apart import view as apart_view
    from hubkiln.sandbox.apart import works as apart_works
    from hubkiln.sandbox.capture import SKIPPED, WHITEOUT, Owner, owner
    from hubkiln.sandbox.capture import capture as capture_changes
    from hubkiln.sandbox.cgroups import follow
    from hubkiln.sandbox.engine import SandboxEngine
    from hubkiln.sandbox.host_programs import covers as program_covers
    from hubkiln.sandbox.identity import SHIFT, WIDTH, HasIdentity, Identity
    from hubkiln.sandbox.identity import current as current_identity
    from hubkiln.sandbox.image_root import accounts
    from hubkiln.sandbox.interface import (
        DOOR_PORT,
        BuildEngine,
        Capability,
        Door,
        Engine,
        Mount,
        Network,
        Outcome,
        Outlook,
        Outside,
        Overlay,
        Room,
        Running,
        SandboxSettings,
        Way,
        Ways,
    )
    from hubkiln.sandbox.mapping import works
    from hubkiln.sandbox.merge import merge as merge_layers
    from hubkiln.sandbox.nobody import as_nobody, give, give_whole, given, take_back
    from hubkiln.sandbox.outside import NAME_SERVER, own_addresses
    from hubkiln.sandbox.outside import device as network_device
    from hubkiln.sandbox.overlays import check_length, work_of
    from hubkiln.sandbox.overlays import remove as remove_tree
    from hubkiln.sandbox.own_inside import NOTE as OWNER_NOTE
    from hubkiln.sandbox.places import Places
    from hubkiln.sandbox.plain import NoIsolation
    from hubkiln.sandbox.seccomp import VARIABLE as SECCOMP_VARIABLE
    from hubkiln.sandbox.seccomp import works_on as seccomp_works_on
    from hubkiln.sandbox.settings import USER_UIDS, HostSettings, host_settings
    from hubkiln.sandbox.showing import is_marked
    from hubkiln.sandbox.steps import forget as forget_step
    from hubkiln.sandbox.steps import remove_left, run_step
    from hubkiln.sandbox.unpack import MOST_BYTES as MOST_LAYER_BYTES
    from hubkiln.sandbox.unpack import unpack as unpack_tar
    from hubkiln.sandbox.user_namespace import open_one as open_user_namespace
    from hubkiln.sandbox.user_namespace import subordinate
    from hubkiln.sandbox.wall import Wall, alone, gives_away, walled

__all__ = [
    "DOOR_PORT",
    "MOST_LAYER_BYTES",
    "NAME_SERVER",
    "OWNER_NOTE",
    "SECCOMP_VARIABLE",
    "SHIFT",
    "SKIPPED",
    "USER_UIDS",
    "WHITEOUT",
    "WIDTH",
    "BuildEngine",
    "Capability",
    "Door",
    "Engine",
    "HasIdentity",
    "HostSettings",
    "Identity",
    "Mount",
    "Network",
    "NoIsolation",
    "Outcome",
    "Outlook",
    "Outside",
    "Overlay",
    "Owner",
    "Places",
    "Room",
    "Running",
    "SandboxEngine",
    "SandboxSettings",
    "View",
    "Wall",
    "Way",
    "Ways",
    "accounts",
    "alone",
    "apart_view",
    "apart_works",
    "as_nobody",
    "capture_changes",
    "check_length",
    "current_identity",
    "follow",
    "forget_step",
    "give",
    "give_whole",
    "given",
    "gives_away",
    "host_settings",
    "is_marked",
    "merge_layers",
    "network_device",
    "open_user_namespace",
    "own_addresses",
    "owner",
    "program_covers",
    "remove_left",
    "remove_tree",
    "run_step",
    "seccomp_works_on",
    "subordinate",
    "take_back",
    "unpack_tar",
    "walled",
    "work_of",
    "works",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
