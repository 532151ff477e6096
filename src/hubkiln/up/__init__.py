"""A whole hub on one machine, started and ended by one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.up.settings import UpSettings
    from hubkiln.up.supervisor import answering, check_port, up

__all__ = ["UpSettings", "answering", "check_port", "up"]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
