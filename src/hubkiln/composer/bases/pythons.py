"""The Pythons of a base image, and the label that tells them. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BasePython:
    """A Python of a base image."""

    version: str
    """``3.12.1``"""
    path: str
    """Inside, absolute."""

    @property
    def minor(self) -> str:
        """``3.12``"""
        return ".".join(self.version.split(".")[:2])


def pythons_label(pythons: list[BasePython]) -> str:
    """`pythons` as a label's value."""
    return " ".join(f"{python.version}={python.path}" for python in pythons)


def read_pythons(label: str) -> dict[str, BasePython]:
    """The Pythons of a base image by minor, from its label."""
    found = (BasePython(*word.split("=", 1)) for word in label.split() if "=" in word)
    return {python.minor: python for python in found}
