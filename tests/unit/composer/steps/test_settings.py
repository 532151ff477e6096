"""The admin's limits for run steps, as variables."""

from __future__ import annotations

import pytest

from hubkiln.composer.steps import settings as step_settings
from hubkiln.composer.steps.settings import GIB, StepSettings
from hubkiln.egress.allowed import NOTHING
from hubkiln.errors import BadSpec


def test_without_variables_the_usual_limits_hold() -> None:
    """All of them."""
    assert step_settings.settings({"PATH": "/bin"}) == StepSettings()


def test_every_limit_can_be_chosen() -> None:
    """Sizes with units, numbers, and the network."""
    assert step_settings.settings(
        {
            "HUBKILN_STEP_SECONDS": "60",
            "HUBKILN_STEP_MEMORY": "1.5G",
            "HUBKILN_STEP_DISK": "512 MiB",
            "HUBKILN_STEP_PROCESSES": "100",
            "HUBKILN_STEP_NETWORK": "none",
        }
    ) == StepSettings(seconds=60, memory_bytes=GIB * 3 // 2, disk_bytes=512 * 1024**2, processes=100, reach=NOTHING)


def test_none_lifts_a_limit() -> None:
    """One by one."""
    names = ("SECONDS", "MEMORY", "DISK", "PROCESSES")
    found = step_settings.settings({f"HUBKILN_STEP_{name}": "none" for name in names})
    assert (found.seconds, found.memory_bytes, found.disk_bytes, found.processes) == (None,) * 4


@pytest.mark.parametrize(
    ("name", "text"), [("SECONDS", "-1"), ("SECONDS", "ten"), ("MEMORY", "0"), ("DISK", "4X"), ("PROCESSES", "x")]
)
def test_what_cannot_be_read_is_named(name: str, text: str) -> None:
    """With the variable, so that the admin finds it."""
    with pytest.raises(BadSpec, match=f"HUBKILN_STEP_{name}"):
        step_settings.settings({f"HUBKILN_STEP_{name}": text})
