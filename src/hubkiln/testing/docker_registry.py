"""Debian's real ``docker-registry`` for tests: plain, with TLS, with a password."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from hubkiln.processes import free_port

PASSWORD = ("ann", "secret")
"""User name and password where `password` is true."""
_HTPASSWD = "ann:$2b$04$5eIxfnj1JOdYInI3Ju0yOuswILC9/aZ/YYeC4b6uO1d5CObl5auCu\n"


def installed() -> bool:
    """True if there is a registry to run."""
    return shutil.which("docker-registry") is not None


class DockerRegistry:
    """Runs in `folder` until the end of the ``with``."""

    def __init__(self, folder: Path, *, tls: bool = False, password: bool = False) -> None:
        self.folder, self.tls, self.password = folder, tls, password
        self.host = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def certificate(self) -> Path:
        """What clients must trust where `tls` is true."""
        return self.folder / "cert.pem"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.host = f"127.0.0.1:{free_port()}"
        if self.tls:
            _make_certificate(self.folder)
        (self.folder / "htpasswd").write_text(_HTPASSWD)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, again after :meth:`stop`, on the same port and storage; returns when it answers."""
        (self.folder / "config.json").write_text(json.dumps(self._config()))
        with (self.folder / "log").open("ab") as log:
            command = ["docker-registry", "serve", str(self.folder / "config.json")]
            env = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=env, cwd=self.folder)
        host, _, port = self.host.partition(":")
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("docker-registry does not start: " + (self.folder / "log").read_text()[-2000:])

    def stop(self) -> None:
        """Kill it as a crash would; the storage stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def uploads(self) -> list[Path]:
        """Bytes of uploads that were started and neither finished nor cancelled."""
        return list((self.folder / "data").glob("**/_uploads/*/data"))

    def _config(self) -> dict[str, object]:
        http: dict[str, object] = {"addr": self.host, "secret": "tests"}
        if self.tls:
            http["tls"] = {"certificate": str(self.certificate), "key": str(self.folder / "key.pem")}
        config: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}, "delete": {"enabled": True}},
            "http": http,
        }
        if self.password:
            config["auth"] = {"htpasswd": {"realm": "tests", "path": str(self.folder / "htpasswd")}}
        return config


def _make_certificate(folder: Path) -> None:
    names = ["-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files]
    subprocess.run(command, check=True, capture_output=True)
