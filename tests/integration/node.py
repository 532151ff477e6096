"""A stand-in for a node of Kubernetes: what scheduler, kubelet and containerd would do for a pod of one container.

It knows what they know: the pods that the API server tells of. It binds them to itself, pulls their image from the
registry, runs it by runc with the user, the capabilities, the filter, the variables, the memory and the CPU that the
pod says, heeds deadlines, removals and limits of ephemeral storage, and tells states, exit codes and logs as a kubelet
does.

What it is not: probes, init containers, volumes but ``/tmp``, networks (a pod has this machine's, so network policies
are not heeded), fsGroup, user namespaces, restarts, more than one container, images but plain OCI ones.
"""

from __future__ import annotations

import io
import json
import os
import select
import shutil
import ssl
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from containers import DEFAULT_CAPABILITIES, Container

from api_server import ADMIN, ApiServer

NAME = "node-1"
LOOK_SECONDS = 0.1
OCI = "application/vnd.oci.image.manifest.v1+json"


@dataclass
class _Runs:
    """A pod whose container was started."""

    folder: Path
    log: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    killed: str = ""
    """Why it was ended from here."""


class Node:
    """One node; pods run while its context is open."""

    def __init__(self, server: ApiServer, folder: Path) -> None:
        self._server, self._folder = server, folder
        self.full = False
        """Set to bind no pod: as where no node has room."""
        self.lost = False
        """Set to hear and tell nothing: pods go on, and nobody hears of them."""
        self.runs: dict[str, _Runs] = {}
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._client = httpx.Client(verify=False, timeout=60, trust_env=False)

    def __enter__(self) -> Node:
        self._folder.mkdir()
        self._logs = _serve_logs(self._folder, self)
        self._register()
        self._start(self._logs.serve_forever)
        self._start(self._look_for_ever)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for uid in list(self.runs):
            self._kill(uid, "the node goes")
        self._logs.shutdown()
        self._logs.server_close()
        for thread in self._threads:
            thread.join(timeout=120)
        self._client.close()

    def _start(self, run: Any, *args: Any) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def ask(self, method: str, path: str, document: Any = None, *, patch: bool = False) -> Any:
        """An answer of the API server; None while it is away or refuses."""
        kind = "application/merge-patch+json" if patch else "application/json"
        headers = {"Authorization": f"Bearer {ADMIN}-token", "Content-Type": kind}
        url = f"https://127.0.0.1:{self._server.port}{path}"
        with suppress(httpx.HTTPError):
            content = None if document is None else json.dumps(document)
            answer = self._client.request(method, url, content=content, headers=headers)
            return None if answer.is_error else answer.json()
        return None

    def _register(self) -> None:
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME}}
        assert self.ask("POST", "/api/v1/nodes", node)
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._logs.server_address[1]}},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Here", "message": ""}],
        }
        assert self.ask("PATCH", f"/api/v1/nodes/{NAME}/status", {"status": status}, patch=True)

    def _look_for_ever(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            found = self.ask("GET", "/api/v1/pods")
            if found is None or self.lost:
                continue
            uids = {pod["metadata"]["uid"] for pod in found["items"]}
            for uid in set(self.runs) - uids:
                self._kill(uid, "removed")
            for pod in found["items"]:
                self._look(pod)

    def _look(self, pod: Any) -> None:
        metadata, uid = pod["metadata"], pod["metadata"]["uid"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if metadata.get("deletionTimestamp"):
            self._kill(uid, "removed")
            if uid not in self.runs or self.runs[uid].over.is_set():
                self.ask("DELETE", path, {"gracePeriodSeconds": 0})
        elif not pod["spec"].get("nodeName"):
            self._bind(pod, path)
        elif uid not in self.runs:
            self.runs[uid] = _Runs(self._folder / uid)
            self._start(self._run, pod, path, self.runs[uid])

    def _bind(self, pod: Any, path: str) -> None:
        if self.full:
            said = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/1 nodes have room.",
            }
            self.ask("PATCH", f"{path}/status", {"status": {"conditions": [said]}}, patch=True)
            return
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod["metadata"]["name"]},
            "target": {"kind": "Node", "name": NAME},
        }
        self.ask("POST", f"{path}/binding", binding)

    def _kill(self, uid: str, why: str) -> None:
        runs = self.runs.get(uid)
        if runs is not None and not runs.over.is_set():
            runs.killed = runs.killed or why
            with suppress(OSError):
                subprocess.run(
                    ["runc", "--root", str(runs.folder / "runc"), "kill", uid, "KILL"], check=False, capture_output=True
                )

    def _tell(self, path: str, pod: Any, phase: str, state: Any, **more: Any) -> None:
        container = pod["spec"]["containers"][0]
        ready = "running" in state
        told = {"name": container["name"], "image": container["image"], "imageID": container["image"]}
        told |= {"ready": ready, "started": ready, "restartCount": 0, "state": state}
        status = {"phase": phase, "containerStatuses": [told], "startTime": now(), "hostIP": "127.0.0.1"} | more
        while not self._over.is_set():  # a kubelet keeps what it has to tell until it is heard
            if not self.lost and self.ask("PATCH", f"{path}/status", {"status": status}, patch=True):
                return
            found = self.ask("GET", "/api/v1/pods")
            if found is not None and pod["metadata"]["uid"] not in {one["metadata"]["uid"] for one in found["items"]}:
                return  # removed
            time.sleep(LOOK_SECONDS)

    def _run(self, pod: Any, path: str, runs: _Runs) -> None:
        try:
            self._tell(path, pod, "Pending", {"waiting": {"reason": "ContainerCreating"}})
            image = pod["spec"]["containers"][0]["image"]
            while not self._over.is_set() and not runs.killed:
                try:
                    pull(image, runs.folder / "rootfs")
                    break
                except Exception as error:
                    shutil.rmtree(runs.folder, ignore_errors=True)
                    said = {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}": {error}'}
                    self._tell(path, pod, "Pending", {"waiting": said})
                    self._over.wait(0.5)
            if not self._over.is_set() and not runs.killed:
                self._contain(pod, path, runs)
        finally:
            runs.over.set()
            shutil.rmtree(runs.folder, ignore_errors=True)

    def _contain(self, pod: Any, path: str, runs: _Runs) -> None:
        spec, described = pod["spec"], pod["spec"]["containers"][0]
        context = spec["securityContext"] | described["securityContext"]
        limits = described["resources"].get("limits", {})
        note = runs.folder / "termination-log"
        note.touch()
        note.chmod(0o666)
        added = tuple(f"CAP_{name}" for name in context["capabilities"].get("add", ()))
        dropped = context["capabilities"].get("drop") == ["ALL"]
        container = Container(
            uid=context["runAsUser"],
            capabilities=added if dropped else DEFAULT_CAPABILITIES,
            no_new_privs=not context["allowPrivilegeEscalation"],
            filtered=context["seccompProfile"]["type"] == "RuntimeDefault",
            own_network=False,
            env={variable["name"]: variable.get("value", "") for variable in described["env"]},
            name=pod["metadata"]["uid"],
            rootfs=runs.folder / "rootfs",
            memory=int(limits["memory"]) if "memory" in limits else None,
            cpus=_cpus(limits["cpu"]) if "cpu" in limits else None,
            files=((note, described["terminationMessagePath"]), *_names(runs.folder)),
        )
        begun, memory = now(), _Memory(pod["metadata"]["uid"])
        (runs.folder / "rootfs/tmp").mkdir(exist_ok=True)
        (runs.folder / "rootfs/tmp").chmod(0o1777)
        with container.started(runs.folder, described["command"], [], [], {}) as process:
            self._tell(path, pod, "Running", {"running": {"startedAt": begun}})
            self._start(self._bound, pod, runs, int(limits.get("ephemeral-storage", 0)))
            assert process.stdout is not None
            for line in process.stdout:
                runs.log.append(f"{now()} {line}")
            code = process.wait()
        runs.over.set()
        ended = {"exitCode": 137 if runs.killed else code, "startedAt": begun, "finishedAt": now()}
        ended |= {"reason": "OOMKilled" if memory.killed() else ("Completed" if code == 0 else "Error")}
        ended |= {"message": note.read_text()[:4096]} if note.stat().st_size else {}
        phase = "Succeeded" if code == 0 and not runs.killed else "Failed"
        why = {"evicted": "Evicted", "late": "DeadlineExceeded"}.get(runs.killed.partition(":")[0])
        more = {"reason": why, "message": runs.killed.partition(":")[2]} if why else {}
        self._tell(path, pod, phase, {"terminated": ended}, **more)

    def _bound(self, pod: Any, runs: _Runs, most: int) -> None:
        deadline = time.monotonic() + pod["spec"].get("activeDeadlineSeconds", 10**6)
        before = used(runs.folder / "rootfs")
        while not runs.over.wait(0.3):
            if time.monotonic() > deadline:
                self._kill(pod["metadata"]["uid"], "late:Pod was active on the node longer than the specified deadline")
            elif most and used(runs.folder / "rootfs") - before > most:
                said = f'Container step exceeded its local ephemeral storage limit "{most}". '
                self._kill(pod["metadata"]["uid"], f"evicted:{said}")


def _cpus(quantity: str) -> float:
    """As Kubernetes writes them: ``2``, or ``250m``."""
    return int(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def _names(folder: Path) -> list[tuple[Path, str]]:
    """What a kubelet gives a pod to look names up with; copies, for a pod may write to them."""
    found = []
    for name in ("resolv.conf", "hosts"):
        copy = folder / name
        copy.write_bytes(Path("/etc", name).read_bytes())
        found.append((copy, f"/etc/{name}"))
    return found


class _Memory:
    """Whether the kernel has killed something of a container for want of memory: its group tells."""

    def __init__(self, name: str) -> None:
        own = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if ":memory:" in line)
        self._group = Path("/sys/fs/cgroup/memory", own.rpartition(":")[2].strip("/"), name)
        self._group.mkdir(exist_ok=True)  # which runc then takes, and removes at the end
        self._events, self._killed = os.eventfd(0), False
        with (self._group / "memory.oom_control").open() as control:
            (self._group / "cgroup.event_control").write_text(f"{self._events} {control.fileno()}")
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def killed(self) -> bool:
        """The answer, once the container is over and its group gone."""
        with suppress(OSError):
            self._group.rmdir()
        self._thread.join()
        os.close(self._events)
        return self._killed

    def _listen(self) -> None:
        told = 0
        while select.select([self._events], [], [], 0.2 if told else None)[0]:
            told += os.eventfd_read(self._events)
            try:
                self._killed |= "oom_kill 0" not in (self._group / "memory.oom_control").read_text()
            except OSError:
                self._killed |= told > 1  # that the group goes is told as well, once
                if told > 1:
                    return


def now() -> str:
    """As Kubernetes writes it, to the nanosecond."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def used(folder: Path) -> int:
    """Bytes in `folder`."""
    said = subprocess.run(["du", "-sb", str(folder)], capture_output=True, text=True, check=False).stdout.split()
    return int(said[0]) if said else 0


def pull(reference: str, rootfs: Path) -> None:
    """The image by its digest, its layers laid over one another; registries of this machine speak HTTP."""
    name, _, digest = reference.partition("@")
    host, _, repository = name.partition("/")
    with httpx.Client(base_url=f"http://{host}/v2/{repository}", timeout=20, trust_env=False) as client:
        answer = client.get(f"/manifests/{digest}", headers={"Accept": OCI})
        if answer.is_error:
            raise OSError(f"failed to resolve reference: {answer.status_code}")
        rootfs.mkdir(parents=True)
        for layer in answer.json()["layers"]:
            blob = client.get(f"/blobs/{layer['digest']}").raise_for_status().content
            _lay(blob, rootfs)


def _lay(blob: bytes, rootfs: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(blob)) as archive:
        for member in archive:
            target = rootfs / member.name
            if target.name.startswith(".wh."):
                gone = target.with_name(target.name.removeprefix(".wh."))
                if gone.is_dir() and not gone.is_symlink():
                    shutil.rmtree(gone)
                else:
                    gone.unlink(missing_ok=True)
                continue
            if target.is_symlink() or (target.exists() and target.is_dir() is not member.isdir()):
                shutil.rmtree(target) if target.is_dir() and not target.is_symlink() else target.unlink()
            archive.extract(member, rootfs, numeric_owner=True, filter="fully_trusted")


def _serve_logs(folder: Path, node: Node) -> ThreadingHTTPServer:
    """What the API server asks a kubelet for when somebody reads a log."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate]
    subprocess.run([*words, "-days", "2", "-subj", f"/CN={NAME}"], check=True, capture_output=True)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = parse_qs(parts.query)
            _, _, _, name, _ = parts.path.split("/")
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                for line in _lines(node, name, asked):
                    self.wfile.write(line.encode())
                    self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def _lines(node: Node, name: str, asked: dict[str, list[str]]) -> Iterator[str]:
    found = node.ask("GET", "/api/v1/pods")
    uids = [pod["metadata"]["uid"] for pod in (found or {"items": []})["items"] if pod["metadata"]["name"] == name]
    runs = node.runs.get(uids[0]) if uids else None
    since, at = asked.get("sinceTime", [""])[0], 0
    while runs is not None:
        over = runs.over.is_set()
        for line in runs.log[at:]:
            at += 1
            if line[:19] >= since[:19]:  # to the second, as Kubernetes has it
                yield line if "timestamps" in asked else line.partition(" ")[2]
        if over or "follow" not in asked:
            return
        time.sleep(0.05)


@contextmanager
def started(server: ApiServer, folder: Path) -> Iterator[Node]:
    """A node of `server`."""
    with Node(server, folder) as node:
        yield node
