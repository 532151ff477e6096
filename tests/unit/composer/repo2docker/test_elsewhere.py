"""What is advised where repo2docker cannot build."""

from __future__ import annotations

import pytest

from hubkiln.composer.repo2docker.command import elsewhere


def test_in_a_pod_nobody_is_told_to_install_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's image has no engine, and a pod could not run one; users can build elsewhere, here as there."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    theirs, _, turn = elsewhere("install it").partition("; ")
    assert theirs.startswith("Build the image where") and turn == "or an admin's turn: install it"
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    assert elsewhere("install it") == f"{theirs}."
