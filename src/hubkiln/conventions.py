"""What every image and every room has in common: the user, the folders, and how an image says what it has."""

from __future__ import annotations

from hubkiln.values import PREFIX, REPO_DIR

SERVER = "jupyterhub-singleuser"
"""What a hub starts in every image."""

USER, UID, HOME = "jovyan", 1000, "/home/jovyan"
ENTRYPOINT = "/usr/local/bin/hubkiln-entrypoint"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATH = f"{HOME}/.local/bin:/{REPO_DIR}/.local/bin:/{PREFIX}/bin:{SYSTEM_PATH}"

LABEL_PYTHONS = "org.hubkiln.base.pythons"
"""``3.11.2=/usr/bin/python3.11 3.12.1=/opt/python/3.12/bin/python3.12``"""
LABEL_GLIBC = "org.hubkiln.base.glibc"
"""``2.36``"""
LABEL_SUITE = "org.hubkiln.base.suite"

GIVEN_HOME = "/srv/home"
"""Where a room with a user's own home shows what run steps put into theirs: what is absent is copied at the start."""
