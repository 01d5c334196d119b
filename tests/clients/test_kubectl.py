"""kubectl, each version that this machine has, against a server of its own."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.kubectl

WEB = """
apiVersion: v1
kind: Service
metadata: {name: nginx, labels: {app: nginx}}
spec:
  ports: [{port: 80, name: web}]
  clusterIP: None
  selector: {app: nginx}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: nginx}}
  serviceName: nginx
  replicas: 2
  template:
    metadata: {labels: {app: nginx}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: nginx
        image: registry.k8s.io/nginx-slim:0.21
        ports: [{containerPort: 80, name: web}]
        volumeMounts: [{name: www, mountPath: /usr/share/nginx/html}]
  volumeClaimTemplates:
  - metadata: {name: www}
    spec:
      accessModes: [ReadWriteOnce]
      resources: {requests: {storage: 1Gi}}
"""


class Kubectl:
    """Runs one kubectl in one namespace."""

    def __init__(self, path: str, kubeconfig: Path, namespace: str, folder: Path) -> None:
        self._start = [path, "--kubeconfig", str(kubeconfig), "-n", namespace]
        self.folder = folder
        self.environment = {**os.environ, "HOME": str(folder), "KUBECACHEDIR": str(folder / "cache")}

    def run(
        self, *words: str, stdin: str = "", environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._start, *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            env={**self.environment, **(environment or {})},
        )

    def __call__(self, *words: str, stdin: str = "") -> str:
        """What it printed; it must have gone well."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "-o", "json"))

    def command(self, *words: str) -> list[str]:
        return [*self._start, *words]

    def popen(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._start, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment
        )


@pytest.fixture
def kubectl(kubectl_path: str, server: Any, namespace: str, tmp_path: Path) -> Kubectl:
    return Kubectl(kubectl_path, server.kubeconfig, namespace, tmp_path)


@pytest.fixture
def web(kubectl: Kubectl) -> Kubectl:
    """kubectl, with the tutorial's StatefulSet of two applied and ready."""
    assert kubectl("apply", "-f", "-", stdin=WEB) == "service/nginx created\nstatefulset.apps/web created\n"
    kubectl("rollout", "status", "sts/web", "--timeout=180s")
    return kubectl


def test_versions_and_discovery(kubectl: Kubectl) -> None:
    assert "Server Version: v1.36.2+statelab" in kubectl("version")
    resources = kubectl("api-resources", "--no-headers")
    assert "statefulsets" in resources and "sts" in resources
    assert "jobs" in resources and "clusterroles" in resources
    assert "apps/v1" in kubectl("api-versions").split()
    assert "podManagementPolicy" in kubectl("explain", "statefulset.spec")


def test_a_statefulset_comes_up_in_order_and_is_told_in_tables(web: Kubectl) -> None:
    lines = web("get", "pods", "-o", "wide").splitlines()
    assert lines[0].split()[:6] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP"]
    assert [line.split()[0] for line in lines[1:]] == ["web-0", "web-1"]
    assert "2/2" in web("get", "statefulset")
    assert "Bound" in web("get", "pvc", "www-web-1")
    everything = web("get", "all")
    assert "pod/web-0" in everything and "service/nginx" in everything and "statefulset.apps/web" in everything
    assert "Create Pod web-0 in StatefulSet web successful" in web("describe", "statefulset", "web")
    assert "Successfully assigned" in web("events", "--for", "pod/web-0")


def test_applying_again_changes_nothing_and_diff_shows_what_would(web: Kubectl) -> None:
    before = web.json("get", "sts", "web")["metadata"]
    # kubectl cannot tell that claim templates are the same: the server has filled in their defaults.
    assert web("apply", "-f", "-", stdin=WEB) == "service/nginx unchanged\nstatefulset.apps/web configured\n"
    after = web.json("get", "sts", "web")["metadata"]
    assert (after["generation"], after["resourceVersion"]) == (before["generation"], before["resourceVersion"])
    changed = WEB.replace("replicas: 2", "replicas: 3")
    differs = web.run("diff", "-f", "-", stdin=changed)
    assert differs.returncode == 1
    assert "+  replicas: 3" in differs.stdout
    assert "statefulset.apps/web configured" in web("apply", "-f", "-", stdin=changed)
    web("wait", "pod/web-2", "--for=condition=Ready", "--timeout=180s")


def test_scaling_waiting_and_deleting(web: Kubectl) -> None:
    web("scale", "sts", "web", "--replicas=3")
    web("wait", "--for=jsonpath={.status.readyReplicas}=3", "sts/web", "--timeout=180s")
    web("scale", "sts", "web", "--replicas=1")
    web("wait", "--for=delete", "pod/web-2", "--timeout=180s")
    before = web.json("get", "pod", "web-0")["metadata"]["uid"]
    assert 'pod "web-0" deleted' in web("delete", "pod", "web-0")
    web("wait", "--for=condition=Ready", "pod/web-0", "--timeout=180s")
    assert web.json("get", "pod", "web-0")["metadata"]["uid"] != before
    web("delete", "sts", "web", "--cascade=orphan")
    assert "web-0" in web("get", "pods")
    web("delete", "-f", "-", "--ignore-not-found", stdin=WEB)


def test_a_rollout_and_its_undoing(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "shop", "--image=nginx:1.27", "--replicas=2")
    kubectl("rollout", "status", "deployment/shop", "--timeout=180s")
    kubectl("set", "image", "deployment/shop", "nginx=nginx:1.28")
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/shop", "--timeout=180s")
    assert [line.split()[0] for line in kubectl("rollout", "history", "deployment/shop").split("\n")[2:4]] == ["1", "2"]
    kubectl("rollout", "undo", "deployment/shop")
    kubectl("rollout", "status", "deployment/shop", "--timeout=180s")
    assert (
        kubectl.json("get", "deployment", "shop")["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1.27"
    )
    assert "paused" in kubectl("rollout", "pause", "deployment/shop")
    assert "resumed" in kubectl("rollout", "resume", "deployment/shop")
    assert "restarted" in kubectl("rollout", "restart", "deployment/shop")
    kubectl("rollout", "status", "deployment/shop", "--timeout=180s")


def test_labels_annotations_patches_and_selectors(web: Kubectl) -> None:
    web("label", "pod", "web-0", "role=primary")
    web("annotate", "pod", "web-0", "note=kept")
    assert web("get", "pods", "-l", "role=primary", "-o", "name") == "pod/web-0\n"
    assert web("get", "pods", "--field-selector", "metadata.name=web-1", "-o", "name") == "pod/web-1\n"
    assert web("get", "pods", "-l", "app in (nginx),role!=primary", "-o", "name") == "pod/web-1\n"
    web(
        "patch",
        "sts",
        "web",
        "-p",
        '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","env":[{"name":"A","value":"b"}]}]}}}}',
    )
    container = web.json("get", "sts", "web")["spec"]["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "A", "value": "b"}]
    assert container["image"] == "registry.k8s.io/nginx-slim:0.21"
    web("patch", "sts", "web", "--type=json", "-p", '[{"op":"replace","path":"/spec/replicas","value":1}]')
    web("patch", "sts", "web", "--type=merge", "--subresource=scale", "-p", '{"spec":{"replicas":2}}')
    assert web("get", "sts", "web", "-o", "jsonpath={.spec.replicas}") == "2"


def test_server_side_apply_and_its_conflicts(kubectl: Kubectl) -> None:
    one = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"shared"},"data":{"a":"1"}}'
    assert "serverside-applied" in kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=one)
    two = one.replace('"1"', '"2"')
    refused = kubectl.run("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=two)
    assert refused.returncode == 1
    assert 'conflict with "one": .data.a' in refused.stderr
    kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=two)
    assert kubectl.json("get", "cm", "shared")["data"] == {"a": "2"}


def test_replace_and_edit(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "settings", "--from-literal=colour=red")
    text = kubectl("get", "cm", "settings", "-o", "yaml").replace("red", "blue")
    assert kubectl("replace", "-f", "-", stdin=text) == "configmap/settings replaced\n"
    edited = kubectl.run("edit", "cm", "settings", environment={"KUBE_EDITOR": "sed -i s/blue/green/"})
    assert edited.stdout == "configmap/settings edited\n", edited.stderr
    assert kubectl.json("get", "cm", "settings")["data"] == {"colour": "green"}
    stale = kubectl.run("replace", "-f", "-", stdin=text)
    assert stale.returncode == 1
    assert "the object has been modified; please apply your changes to the latest version and try again" in stale.stderr


def test_secrets_quotas_namespaces_and_accounts(kubectl: Kubectl) -> None:
    kubectl("create", "secret", "generic", "key", "--from-literal=p=q")
    assert kubectl("get", "secret", "key", "-o", "jsonpath={.data.p}") == "cQ=="
    kubectl("create", "quota", "few", "--hard=configmaps=1")
    refused = kubectl.run("create", "configmap", "more")
    assert "exceeded quota: few" in refused.stderr
    kubectl("create", "serviceaccount", "worker")
    name = f"{kubectl.folder.name}-ns".replace("_", "-").lower()[:50]
    kubectl("create", "namespace", name)
    assert "deleted" in kubectl("delete", "namespace", name, "--timeout=180s")


def test_exec_gives_output_and_exit_code(web: Kubectl) -> None:
    assert web("exec", "web-0", "--", "hostname") == "web-0\n"
    failed = web.run("exec", "web-0", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (failed.stdout, failed.returncode) == ("out\n", 3)
    assert failed.stderr.startswith("err\n")
    assert "command terminated with exit code 3" in failed.stderr
    assert web("exec", "-i", "web-0", "--", "cat", stdin="typed\n") == "typed\n"
    assert "container none is not valid for pod web-0" in web.run("exec", "web-0", "-c", "none", "--", "ls").stderr


def typed(words: list[str], keys: list[tuple[str, str]], environment: dict[str, str]) -> tuple[int, str]:
    """Run a command on a terminal. `keys`: what to wait for on the screen, and what to type then."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(words[0], words, environment)
    screen = ""
    waiting = list(keys)
    seen = 0
    while select.select([terminal], [], [], 180)[0]:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        screen += data.decode(errors="replace")
        while waiting and waiting[0][0] in screen[seen:]:
            seen = screen.index(waiting[0][0], seen) + len(waiting[0][0])
            os.write(terminal, waiting.pop(0)[1].encode())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), screen


def test_exec_on_a_terminal(web: Kubectl) -> None:
    code, screen = typed(web.command("exec", "-it", "web-0", "--", "ls", "/usr/share/nginx"), [], web.environment)
    # kubectl itself complains now and then that it could not tell the window's size to a command that has ended.
    assert (code, screen.partition("\r\n")[0]) == (0, "html"), screen
    keys = [
        ("# ", "hostname\n"),
        ("web-0\r\n", ""),
        ("# ", "sleep 1000\n"),
        ("sleep 1000\r\n", "\x03"),
        ("# ", "exit 3\n"),
    ]
    code, screen = typed(web.command("exec", "-it", "web-0", "--", "sh"), keys, web.environment)
    assert code == 3, screen
    assert "web-0\r\n" in screen and "^C" in screen


def test_attach_shows_what_the_main_process_says(kubectl: Kubectl) -> None:
    kubectl("run", "talks", "--image=busybox:1.36", "--", "sh", "-c", "while true; do echo again; sleep 1; done")
    kubectl("wait", "--for=condition=Ready", "pod/talks", "--timeout=180s")
    attached = kubectl.popen("attach", "talks")
    try:
        assert attached.stdout is not None
        assert any(line == "again\n" for line in attached.stdout)
    finally:
        attached.terminate()
        attached.wait(60)


def test_run_with_standard_input(kubectl: Kubectl) -> None:
    said = kubectl.run(
        "run", "once", "-i", "--rm", "--image=busybox:1.36", "--restart=Never", "--", "sh", stdin="hostname\nexit 4\n"
    )
    assert "once\n" in said.stdout
    assert said.returncode == 4


def test_files_are_copied_both_ways(web: Kubectl) -> None:
    there, back = web.folder / "there.txt", web.folder / "back.txt"
    there.write_text("carried\n")
    web("cp", str(there), "web-0:/usr/share/nginx/html/index.html")
    assert web("exec", "web-0", "--", "cat", "/usr/share/nginx/html/index.html") == "carried\n"
    web("cp", "web-0:/usr/share/nginx/html/index.html", str(back))
    assert back.read_text() == "carried\n"


def test_the_tutorial_what_is_written_to_a_pod_is_there_after_the_pod_was_deleted(web: Kubectl) -> None:
    for number in (0, 1):
        web("exec", f"web-{number}", "--", "sh", "-c", "echo $(hostname) > /usr/share/nginx/html/index.html")
    assert web("exec", "-i", "web-0", "--", "curl", "-s", "http://web-1.nginx/") == "web-1\n"
    web("delete", "pod", "-l", "app=nginx")
    web("rollout", "status", "sts/web", "--timeout=180s")
    web("wait", "--for=condition=Ready", "pod/web-0", "pod/web-1", "--timeout=180s")
    for number in (0, 1):
        assert web("exec", "-i", f"web-{number}", "--", "curl", "-s", "http://localhost/") == f"web-{number}\n"


def test_port_forward_brings_the_pods_page_to_the_host(web: Kubectl) -> None:
    web("exec", "web-0", "--", "sh", "-c", "echo a page > /usr/share/nginx/html/index.html")
    forwarding = web.popen("port-forward", "pod/web-0", ":80", "--address", "127.0.0.1")
    try:
        assert forwarding.stdout is not None
        said = forwarding.stdout.readline()
        assert said.startswith("Forwarding from 127.0.0.1:"), said
        port = int(said.split()[2].rpartition(":")[2])
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
                assert answer.read() == b"a page\n"
    finally:
        forwarding.terminate()
        forwarding.wait(60)


def test_logs_are_followed_and_those_of_the_container_before_are_kept(kubectl: Kubectl) -> None:
    kubectl(
        "run",
        "counts",
        "--image=busybox:1.36",
        "--restart=Never",
        "--",
        "sh",
        "-c",
        "for i in 1 2 3; do echo $i; sleep 2; done",
    )
    kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/counts", "--timeout=180s")
    assert kubectl("logs", "-f", "counts") == "1\n2\n3\n"
    assert kubectl("logs", "counts", "--tail=1") == "3\n"
    kubectl("run", "dies", "--image=busybox:1.36", "--", "sh", "-c", "echo dying; exit 1")
    kubectl("wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/dies", "--timeout=180s")
    assert kubectl("logs", "dies", "--previous") == "dying\n"


def test_a_watch_shows_changes(kubectl: Kubectl) -> None:
    watching = kubectl.popen("get", "configmap", "--watch", "-o", "name", "--field-selector", "metadata.name=seen")
    try:
        kubectl("create", "configmap", "seen")
        assert watching.stdout is not None
        assert watching.stdout.readline() == "configmap/seen\n"
    finally:
        watching.terminate()
        watching.wait(60)


def test_nodes_are_cordoned_tainted_and_drained(
    kubectl: Kubectl, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    kubectl("run", "sits", "--image=nginx:1.27")
    kubectl("wait", "--for=condition=Ready", "pod/sits", "--timeout=180s")
    node = kubectl("get", "pod", "sits", "-o", "jsonpath={.spec.nodeName}")
    drained = kubectl.run(
        "drain",
        node,
        "--force",
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--pod-selector=run=sits",
        "--timeout=180s",
    )
    assert "evicted" in drained.stdout, drained.stderr
    assert "SchedulingDisabled" in kubectl("get", "node", node)
    kubectl("uncordon", node)
    kubectl("taint", "node", node, "dedicated=db:PreferNoSchedule")
    kubectl("taint", "node", node, "dedicated-")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("top", "nodes"), "Metrics API not available"),
        (("get", "--raw", "/metrics"), "StateLab does not simulate"),
    ],
)
def test_what_is_not_simulated_is_refused_with_words(kubectl: Kubectl, words: tuple[str, ...], said: str) -> None:
    refused = kubectl.run(*words)
    assert refused.returncode != 0
    assert said in refused.stderr


def test_one_may_do_everything_and_is_told_so(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "delete", "pods", "--all-namespaces").strip() == "yes"
    assert kubectl("auth", "can-i", "get", "/healthz").strip() == "yes"
    assert "*.*" in kubectl("auth", "can-i", "--list")


def test_debug_adds_a_container_to_a_running_pod(web: Kubectl) -> None:
    web("debug", "web-0", "--image=busybox:1.36", "--container=look", "--", "sh", "-c", "echo looked; sleep 1")
    web.run("wait", "pod/web-0", "--for=jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}=0")
    assert web("logs", "web-0", "-c", "look") == "looked\n"


def test_one_may_act_as_somebody_who_may_less(kubectl: Kubectl) -> None:
    refused = kubectl.run("get", "pods", "--as", "jane")
    assert refused.returncode == 1
    assert 'pods is forbidden: User "jane" cannot list resource "pods"' in refused.stderr
    kubectl("create", "rolebinding", "jane", "--clusterrole=view", "--user=jane")
    kubectl("get", "pods", "--as", "jane")
    assert kubectl("auth", "can-i", "list", "pods", "--as", "jane").strip() == "yes"
    assert kubectl.run("auth", "can-i", "delete", "pods", "--as", "jane").stdout.strip() == "no"


def test_a_token_is_its_account(kubectl: Kubectl) -> None:
    kubectl("create", "serviceaccount", "app")
    who = kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    assert who == "kubernetes-admin"
    token = kubectl("create", "token", "app").strip()
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    found = json.loads(kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review)))
    assert found["status"]["user"]["username"].endswith(":app")


def test_a_kind_that_nobody_serves_is_not_known(kubectl: Kubectl) -> None:
    unknown = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "x"}}
    refused = kubectl.run("apply", "-f", "-", stdin=json.dumps(unknown))
    assert 'no matches for kind "Widget" in version "example.com/v1"' in refused.stderr
