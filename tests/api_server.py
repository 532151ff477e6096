"""A real Kubernetes API server over a real etcd, on this machine's loopback, without a node.

`make cluster` builds the program in minutes, once; without it its tests are skipped.
"""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from hubkiln.processes import free_port

PROGRAM = Path(__file__).parent / "cluster/hubkiln-cluster"
ADMIN, SECONDS = "admin", 200


def kubectl() -> str | None:
    """Its path, or None; that beside Helm is as new as the server."""
    beside = Path(sys.executable).with_name("kubectl")
    return str(beside) if beside.exists() else shutil.which("kubectl")


needs_api_server = pytest.mark.skipif(
    not PROGRAM.exists() or kubectl() is None, reason="needs `make cluster` and kubectl"
)


@dataclass
class ApiServer:
    """Running while its context is open; all in `folder` is its own."""

    folder: Path
    address: str = "127.0.0.1"

    @property
    def kubeconfig(self) -> Path:
        """The admin's."""
        return self.folder / "kubeconfig"

    def __enter__(self) -> ApiServer:
        self.etcd_port, self.peer_port, self.port = free_port(), free_port(), free_port()
        self._write()
        self._etcd = self._start("etcd", **self._etcd_options())
        self._api = self._start("apiserver", **self._api_options())
        self.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in (self._api, self._etcd):
            process.kill()
            process.wait()

    def wait(self) -> None:
        """Until it answers that it is ready."""
        context = ssl._create_unverified_context()  # its certificate is its own
        until = time.monotonic() + SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"https://{self.address}:{self.port}/readyz", context=context, timeout=5):
                    return
            except OSError:
                assert self._api.poll() is None and time.monotonic() < until, (
                    self.folder / "apiserver.log"
                ).read_text()
                time.sleep(0.1)

    def stop_api(self) -> None:
        """The API server is away; etcd stays."""
        self._api.kill()
        self._api.wait()

    def start_api(self) -> None:
        """And back, at the same address."""
        self._api = self._start("apiserver", **self._api_options())
        self.wait()

    def kubectl(self, *words: object, given: str | None = None, fails: bool | None = False) -> str:
        """What kubectl prints; with `fails`, why it is refused; with None, either."""
        argv = [str(kubectl()), "--kubeconfig", str(self.kubeconfig), *map(str, words)]
        done = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert fails is None or (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    def get(self, *words: object) -> Any:
        """An object."""
        return json.loads(self.kubectl("get", "-o", "json", *words))

    def namespace(self, name: str, level: str) -> str:
        """A namespace with Pod Security of `level`, and the account that a controller would make; its name."""
        self.kubectl("create", "namespace", name)
        self.kubectl("label", "namespace", name, f"pod-security.kubernetes.io/enforce={level}")
        self.kubectl("--namespace", name, "create", "serviceaccount", "default")
        return name

    def config_of(self, token: str, name: str) -> Path:
        """A kubeconfig for whoever has `token`."""
        cluster = {"server": f"https://{self.address}:{self.port}", "insecure-skip-tls-verify": True}
        path = self.folder / f"{name}.kubeconfig"
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "it",
                    "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
                    "clusters": [{"name": "it", "cluster": cluster}],
                    "users": [{"name": "it", "user": {"token": token}}],
                }
            )
        )
        return path

    def _write(self) -> None:
        (self.folder / "tokens.csv").write_text(f'{ADMIN}-token,{ADMIN},{ADMIN},"system:masters"\n')
        key = ["openssl", "genrsa", "-out", str(self.folder / "accounts.key"), "2048"]
        subprocess.run(key, check=True, capture_output=True)
        self.config_of(f"{ADMIN}-token", ADMIN).rename(self.kubeconfig)

    def _start(self, part: str, **options: object) -> subprocess.Popen[bytes]:
        argv = [str(PROGRAM), part, *(f"--{name.replace('_', '-')}={value}" for name, value in options.items())]
        with (self.folder / f"{part}.log").open("ab") as log:
            return subprocess.Popen(argv, stdout=log, stderr=log, cwd=self.folder)

    def _etcd_options(self) -> dict[str, object]:
        client, peer = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{self.peer_port}"
        return {
            "data_dir": self.folder / "etcd",
            "listen_client_urls": client,
            "advertise_client_urls": client,
            "listen_peer_urls": peer,
            "initial_advertise_peer_urls": peer,
            "initial_cluster": f"default={peer}",
            "unsafe_no_fsync": "true",
        }

    def _api_options(self) -> dict[str, object]:
        key = self.folder / "accounts.key"
        return {
            "etcd_servers": f"http://127.0.0.1:{self.etcd_port}",
            "secure_port": self.port,
            "bind_address": self.address,
            "service_cluster_ip_range": "10.97.0.0/16,fd00:97::/108",
            "service_account_issuer": "https://kubernetes.test",
            "service_account_key_file": key,
            "service_account_signing_key_file": key,
            "token_auth_file": self.folder / "tokens.csv",
            "authorization_mode": "Node,RBAC",
            "cert_dir": self.folder / "certificates",
            "endpoint_reconciler_type": "none",
        }
