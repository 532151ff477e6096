"""A whole Kubernetes of one node: API server, controllers, scheduler, kubelet and kube-proxy over Debian's containerd.

The node lives in namespaces of its own (network, mounts, processes), so nothing of this machine's network or mounts is
changed and its end takes all that ran in it. From the node, and from its pods, this machine's loopback is `LOOPBACK`;
from this machine, pods have routes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

import pytest
import tiny_root
from cluster_dns import DOMAIN, ClusterDns
from kept import alone

from api_server import ApiServer, needs_api_server
from hubkiln.images import Descriptor, Layer, OciLayout, Runtime, compose_image
from hubkiln.images.media_types import OCI_LAYER

PROGRAM = Path(__file__).parents[1] / "cluster/hubkiln-node"
NODE, HOST_ADDRESS, NODE_ADDRESS, LOOPBACK = "node-1", "10.213.0.1", "10.213.0.2", "10.0.2.2"
PODS, SERVICES = "10.244.0.0/24", "10.97.0.0/16"
GROUP = "hubkiln-node"
PAUSE = "hubkiln.test/pause:1"
SECONDS = 200
_KERNEL = {"vm/overcommit_memory": 1, "vm/panic_on_oom": 0, "kernel/panic": 10, "kernel/panic_on_oops": 1}
"""What a kubelet would set for the whole machine: the node finds it set, in files of its own."""
_NEEDED = ("containerd", "ctr", "runc", "slirp4netns", "iptables", "unshare", "nsenter", "ip")
_WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""Nothing outlives the tests, however they end."""
_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def missing() -> list[str]:
    """Programs that a node needs and this machine has not."""
    found = [name for name in _NEEDED if shutil.which(name, path=_PATH) is None]
    found += [] if Path("/usr/lib/cni/bridge").exists() else ["containernetworking-plugins"]
    return found + ([] if os.geteuid() == 0 else ["root"])


needs_node = pytest.mark.skipif(
    "HUBKILN_TEST_NODE" not in os.environ or bool(needs_api_server.args[0]) or not PROGRAM.exists() or bool(missing()),
    reason="`make test-cluster` runs it, as root, with Debian's containerd, runc, slirp4netns and CNI plugins",
)


class Kubernetes(ApiServer):
    """Running while its context is open."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, HOST_ADDRESS)

    def __enter__(self) -> Kubernetes:
        self._parts: list[subprocess.Popen[bytes]] = []
        with ExitStack() as stack:
            stack.enter_context(alone("node"))  # its network device and its groups have one name
            stack.callback(self._close)
            self._open_node()
            super().__enter__()
            stack.callback(super().__exit__, None, None, None)
            stack.enter_context(ClusterDns(HOST_ADDRESS, f"https://{self.address}:{self.port}", "admin-token"))
            self._open()
            self._opened = stack.pop_all()
        return self

    def _open(self) -> None:
        self.config_of("node-token", "node")
        self.kubectl("create", "clusterrolebinding", "logs", "--clusterrole=system:kubelet-api-admin", "--user=admin")
        self._part("controllers", self._controllers())
        self._part("scheduler", {"kubeconfig": self.kubeconfig, "leader_elect": "false", "secure_port": 0})
        self._runtime()
        self._part("kubelet", self._kubelet(), inside=True)
        self._part("proxy", self._proxy(), inside=True)
        self.until(self._is_ready, "the node is not ready")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._opened.close()

    def _close(self) -> None:
        for process in reversed(self._parts):
            process.kill()
            process.wait()
        subprocess.run(["ip", "link", "delete", "hubkiln0"], check=False, capture_output=True)
        end = time.monotonic() + 100  # what ran in pods is killed with the node, and is gone a moment later
        while (left := [group for group in _groups() if group.exists()]) and time.monotonic() < end:
            for group in left:
                _remove_groups(group)
            time.sleep(0.1)

    def until(self, it: Callable[[], bool], otherwise: str, seconds: float = SECONDS) -> None:
        """Wait until `it` is so; then it says why not, with the last lines of the logs."""
        end = time.monotonic() + seconds
        while not it():
            dead = [process.args for process in self._parts if process.poll() is not None]
            assert time.monotonic() < end and not dead, f"{otherwise} {dead}\n{self.logs()}"
            time.sleep(0.3)

    def logs(self) -> str:
        """The last lines of what the parts say."""
        return "\n".join(f"== {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log")))

    def inside(self, *words: object) -> list[str]:
        """`words` as a command in the node."""
        return ["nsenter", f"--target={self._pid}", "--net", "--mount", "--pid", "--", *map(str, words)]

    def namespace(self, name: str, level: str) -> str:
        """The controllers make the account."""
        self.kubectl("create", "namespace", name)
        self.kubectl("label", "namespace", name, f"pod-security.kubernetes.io/enforce={level}")
        self.kubectl("--namespace", name, "wait", "--for=create", "serviceaccount/default", f"--timeout={SECONDS}s")
        return name

    def _give_pause(self) -> None:
        """The image of which every pod begins, brought by nobody's registry."""
        layout = OciLayout(self.folder / "pause").make()
        packed = tiny_root.layer()
        digest = layout.put(packed)
        layer = Layer(descriptor=Descriptor(digest=digest, size=len(packed), media_type=OCI_LAYER), diff_id=digest)
        image = compose_image(None, [(layer, "all")], Runtime(command=("/bin/sleep", "infinity")))
        layout.put(image.config)
        layout.put(image.manifest)
        layout.tag(PAUSE, image.descriptor)
        index = layout.root / "index.json"
        index.write_text(index.read_text().replace("org.opencontainers.image.ref.name", "io.containerd.image.name"))
        _run("tar", "-C", str(layout.root), "-cf", str(self.folder / "pause.tar"), "oci-layout", "index.json", "blobs")
        _run(*self.inside(*self._ctr(), "images", "import", self.folder / "pause.tar"))

    def signal(self, what: signal.Signals) -> None:
        """To the kubelet: a node is lost while it is stopped."""
        entered = next(part for part in self._parts if "kubelet" in part.args)  # type: ignore[operator]
        os.kill(int(Path(f"/proc/{entered.pid}/task/{entered.pid}/children").read_text()), what)

    def trust(self, registry: str) -> None:
        """Have the node pull from `registry` (host and port) without a certificate."""
        (self.folder / f"certs.d/{registry}").mkdir(parents=True)
        (self.folder / f"certs.d/{registry}/hosts.toml").write_text(f'[host."http://{registry}"]\n')

    def _ctr(self) -> tuple[str, ...]:
        return "ctr", "-a", str(self.folder / "containerd.sock"), "-n", "k8s.io"

    def _is_ready(self) -> bool:
        found = self.get("nodes")["items"]
        conditions = {one["type"]: one["status"] for node in found for one in node["status"].get("conditions", ())}
        return conditions.get("Ready") == "True"

    def _open_node(self) -> None:
        """Its namespaces, with a way out, a way to this machine's loopback, and routes from here."""
        hide = ""
        for name, value in _KERNEL.items():
            said = self.folder / name.replace("/", "-")
            said.write_text(f"{value}\n")
            hide += f" && mount --bind '{said}' /proc/sys/{name}"
        keep = f"mount --make-rshared / && mount -t proc proc /proc{hide} && echo ready && exec sleep infinity"
        words = [*_WITH_US, "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private"]
        holder = subprocess.Popen([*words, "sh", "-ec", keep], stdout=subprocess.PIPE)
        self._parts.append(holder)
        assert holder.stdout is not None and holder.stdout.readline() == b"ready\n"
        holder.stdout.close()
        self._pid = int(Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text())
        ready, told = os.pipe()
        out = [*_WITH_US, "slirp4netns", "--configure", f"--ready-fd={told}", "--mtu=1500", str(self._pid), "tap0"]
        with (self.folder / "slirp.log").open("ab") as log:
            self._parts.append(subprocess.Popen(out, pass_fds=[told], stdout=log, stderr=log))
        os.close(told)
        assert os.read(ready, 1), "slirp4netns did not begin"
        os.close(ready)
        subprocess.run(["ip", "link", "delete", "hubkiln0"], check=False, capture_output=True)
        _run("ip", "link", "add", "hubkiln0", "type", "veth", "peer", "name", "eth0", "netns", str(self._pid))
        _run("ip", "address", "add", f"{HOST_ADDRESS}/30", "dev", "hubkiln0")
        _run("ip", "link", "set", "hubkiln0", "up")
        _run(*self.inside("ip", "address", "add", f"{NODE_ADDRESS}/30", "dev", "eth0"))
        _run(*self.inside("ip", "link", "set", "eth0", "up"))
        _run(*self.inside("sysctl", "-q", "-w", "net.ipv4.ip_forward=1"))
        for net in (PODS, SERVICES):
            _run("ip", "route", "add", net, "via", NODE_ADDRESS)

    def _part(self, name: str, options: dict[str, object], *, inside: bool = False) -> None:
        argv = [str(PROGRAM), name, *(f"--{key.replace('_', '-')}={value}" for key, value in options.items())]
        self.spawn(name, self.inside(*argv) if inside else argv)

    def spawn(self, name: str, argv: list[str]) -> None:
        """A program that ends with the node; what it says is in the log of its `name`."""
        with (self.folder / f"{name}.log").open("ab") as log:
            environment = {"PATH": _PATH, "HOME": str(self.folder), "TMPDIR": str(self.folder)}
            self._parts.append(
                subprocess.Popen([*_WITH_US, *argv], stdout=log, stderr=log, cwd=self.folder, env=environment)
            )

    def _controllers(self) -> dict[str, object]:
        return {
            "kubeconfig": self.kubeconfig,
            "leader_elect": "false",
            "secure_port": 0,
            "use_service_account_credentials": "false",
            "service_account_private_key_file": self.folder / "accounts.key",
            "root_ca_file": self.folder / "certificates/apiserver.crt",
            "allocate_node_cidrs": "false",
        }

    def _kubelet(self) -> dict[str, object]:
        config = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "address": NODE_ADDRESS,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{GROUP}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "enforceNodeAllocatable": [],
            "containerRuntimeEndpoint": f"unix://{self.folder}/containerd.sock",
            "oomScoreAdj": 0,
            "clusterDNS": [HOST_ADDRESS],
            "clusterDomain": DOMAIN,
            "resolvConf": str(self.folder / "resolv.conf"),
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
            "healthzPort": 0,
            "readOnlyPort": 0,
            "serverTLSBootstrap": False,
            "maxPods": 60,
            "podLogsDir": str(self.folder / "pods"),
            "syncFrequency": "5s",
        }
        for group in _groups():
            group.mkdir(exist_ok=True)
        (self.folder / "kubelet.json").write_text(json.dumps(config))
        (self.folder / "resolv.conf").write_text("nameserver 10.0.2.3\n")
        return {
            "config": self.folder / "kubelet.json",
            "kubeconfig": self.folder / "node.kubeconfig",
            "hostname_override": NODE,
            "node_ip": NODE_ADDRESS,
            "root_dir": self.folder / "kubelet",
            "cert_dir": self.folder / "kubelet-certificates",
        }

    def _proxy(self) -> dict[str, object]:
        config = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": str(self.kubeconfig)},
            "hostnameOverride": NODE,
            "mode": "iptables",
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
            "clusterCIDR": PODS,
            "healthzBindAddress": "127.0.0.1:10256",
            "metricsBindAddress": "127.0.0.1:10249",
        }
        (self.folder / "proxy.json").write_text(json.dumps(config))
        return {"config": self.folder / "proxy.json"}

    def _runtime(self) -> None:
        """containerd, with its network, and the image of which every pod begins."""
        (self.folder / "cni").mkdir()
        network = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True}
        network["ipam"] = {
            "type": "host-local",
            "ranges": [[{"subnet": PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(self.folder / "addresses"),
        }
        plugins = [network, {"type": "portmap", "capabilities": {"portMappings": True}}]
        listed = {"cniVersion": "0.4.0", "name": "pods", "plugins": plugins}
        (self.folder / "cni/10-pods.conflist").write_text(json.dumps(listed))
        (self.folder / "containerd.toml").write_text(_CONTAINERD.format(folder=self.folder, pause=PAUSE))
        argv = ["containerd", "--config", self.folder / "containerd.toml", "--log-level", "warn"]
        self.spawn("containerd", self.inside(*argv))
        asked = self.inside(*self._ctr(), "version")
        self.until(lambda: subprocess.run(asked, capture_output=True, check=False).returncode == 0, "no containerd")
        self._give_pause()

    def _write(self) -> None:
        super()._write()
        nodes = f'node-token,system:node:{NODE},{NODE},"system:nodes"\n'
        with (self.folder / "tokens.csv").open("a") as tokens:
            tokens.write(nodes)

    def _api_options(self) -> dict[str, object]:
        return super()._api_options() | {
            "endpoint_reconciler_type": "lease",
            "service_cluster_ip_range": SERVICES,
            "kubelet_preferred_address_types": "InternalIP",
        }


_CONTAINERD = """
version = 2
root = "{folder}/containerd"
state = "{folder}/run"
[grpc]
address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
disable_apparmor = true
restrict_oom_score_adj = true
disable_hugetlb_controller = true
tolerate_missing_hugetlb_controller = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{folder}/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{folder}/certs.d"
[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/opt"
"""


def _groups() -> list[Path]:
    """Below which all pods' groups are, in each hierarchy that there is."""
    top = Path("/sys/fs/cgroup")
    tops = [top] if (top / "cgroup.controllers").exists() else [path for path in top.iterdir() if path.is_dir()]
    return [path / GROUP for path in tops if not path.is_symlink()]


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr)


def _remove_groups(group: Path) -> None:
    for below in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
        with suppress(OSError):
            below.rmdir()
    with suppress(OSError):
        group.rmdir()
