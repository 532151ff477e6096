"""What servers lack on this machine, and the remedy, in sentences for an admin."""

from __future__ import annotations

import asyncio

from hubkiln.data_dir import OwnFolder
from hubkiln.sandbox import Engine, current_identity, host_settings, works
from hubkiln.spawners.networks import limited


async def lacking(engine: Engine, hub: OwnFolder, *, own_networks: bool) -> list[str]:
    """
    For servers in sandboxes; empty where nothing is missing, or where it is what the admin chose.

    Raises:
        BadSpec, ServiceError: ``HUBKILN_USER_UIDS`` or ``HUBKILN_SANDBOX_UID`` cannot be used.
    """
    said = [limited(await engine.outlook())] if own_networks else []
    said.append(await asyncio.to_thread(one_uid, hub))
    return [sentence for sentence in said if sentence]


def one_uid(hub: OwnFolder) -> str:
    """
    Why users share one uid although the hub is root; empty where each has their own, or where the hub is not root.

    Raises:
        BadSpec, ServiceError: see :func:`lacking`.
    """
    host = host_settings()
    shared = current_identity(chosen=host.uid)
    if not shared.privileged or works(hub.path, shared.uid, host.user_uids[1]):
        return ""
    return (
        f"All users' servers share the uid {shared.uid}, because stored files cannot be shown with another owner here. "
        f"Let {hub.root} be on ext4, XFS or Btrfs, with Linux 5.19 or newer, and outside of containers."
    )
