"""What every image and every room has in common: the user, the folders, and how an image says what it has."""

from __future__ import annotations

from hubkiln.values import PREFIX, REPO_DIR

SERVER = "jupyterhub-singleuser"
"""What a hub starts in every image."""

USER, UID, HOME = "jovyan", 1000, "/home/jovyan"
ENTRYPOINT = "/usr/local/bin/hubkiln-entrypoint"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATH = f"{HOME}/.local/bin:/{REPO_DIR}/.local/bin:/{PREFIX}/bin:{SYSTEM_PATH}"

SOURCE_LABEL, COMMIT_LABEL = "org.opencontainers.image.source", "org.opencontainers.image.revision"
"""What an image was made of, for whoever gets it: an address that anybody can use, or nothing."""
BASE_DIGEST, BASE_NAME = "org.opencontainers.image.base.digest", "org.opencontainers.image.base.name"
"""The base image, and where it was fetched from if it was."""
REPO_LABEL, REF_LABEL, VERSION_LABEL = "repo2docker.repo", "repo2docker.ref", "repo2docker.version"
"""As repo2docker's images have them, for tools that look for those."""

KEY_LABEL, LOCK_LABEL = "io.hubkiln.environment-key", "io.hubkiln.lock-digest"
PYTHON_LABEL, GROUND_LABEL = "io.hubkiln.python", "io.hubkiln.ground"
BUILDER_LABEL = "io.hubkiln.version"
SUBDIR_LABEL, AS_OF_LABEL, ADDED_LABEL = "io.hubkiln.subdir", "io.hubkiln.as-of", "io.hubkiln.added-packages"
"""What was said beside the repository, so that an image can be made again from what it says of itself."""
PULLED_LABEL = "io.hubkiln.pulled"
"""Of images on this machine that were pulled: under which name and digest."""

LABEL_PYTHONS = "io.hubkiln.base.pythons"
"""``3.11.2=/usr/bin/python3.11 3.12.1=/opt/python/3.12/bin/python3.12``"""
LABEL_GLIBC = "io.hubkiln.base.glibc"
"""``2.36``"""
LABEL_SUITE = "io.hubkiln.base.suite"
OLD_BASE_LABELS, BASE_LABELS = "org.hubkiln.base.", "io.hubkiln.base."
"""What base images of before called theirs, and what they are called."""

GIVEN_HOME = "/srv/home"
"""Where a room with a user's own home shows what run steps put into theirs: what is absent is copied at the start."""
