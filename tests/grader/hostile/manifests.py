"""Answers to ps3.identity that try to break, delay or deceive the grader: name → text. None is worth a point.

Not a test module: test_hostile.py hands each of them in.
"""

# ruff: noqa: E501  (one attack, one line)

from __future__ import annotations

from collections.abc import Callable

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: nginx}
spec: {clusterIP: None, selector: {app: nginx}, ports: [{port: 80}]}
---
"""


def stateful_set(container: str = "", pod: str = "", spec: str = "", replicas: str = "2") -> str:
    """A StatefulSet `web` that is no right answer (two Pods, no claims), with more in its container, Pod and spec."""
    return f"""\
{SERVICE}apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: web}}
spec:
  serviceName: nginx
  replicas: {replicas}
  selector: {{matchLabels: {{app: nginx}}}}
{spec}  template:
    metadata: {{labels: {{app: nginx}}}}
    spec:
{pod}      containers:
      - name: nginx
        image: registry.k8s.io/nginx-slim:0.24
{container}"""


def command(script: str) -> str:
    return f"        command: [sh, -c, {script!r}]\n"


def _bomb(width: int, depth: int, start: str = "x") -> str:
    lines = [f"a0: &a0 [{','.join([start] * width)}]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * width)}]" for i in range(1, depth)]
    return "\n".join(lines)


def _merge_bomb() -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}], y{i}: 1}}" for i in range(1, 12)]
    return "\n".join(lines)


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d}\n---\n"

TEXTS: dict[str, Callable[[], str]] = {
    "alias bomb": lambda: _bomb(10, 12),
    "alias bomb in an object": lambda: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n" + _bomb(9, 9, "lol"),
    "merge bomb": _merge_bomb,
    "alias to itself": lambda: "a: &a\n  b: *a",
    "alias to itself in a list": lambda: "&a [*a, *a]",
    "10,000 deep in brackets": lambda: "[" * 10_000 + "]" * 10_000,
    "10,000 deep in braces": lambda: "{a: " * 10_000 + "}" * 10_000,
    "1,300 deep in lines": lambda: "\n".join(" " * i + "a:" for i in range(1_300)),
    "equal keys": lambda: "apiVersion: v1\napiVersion: v1\nkind: ConfigMap",
    "python tag": lambda: "a: !!python/object/apply:os.system ['touch /tmp/owned']",
    "python name tag": lambda: "a: !!python/name:os.system",
    "ruby tag": lambda: "--- !ruby/object:Gem::Installer\ni: x",
    "binary tag": lambda: "a: !!binary R0lGODlh",
    "NUL": lambda: "apiVersion: v1\0\nkind: Pod",
    "escape sequences": lambda: "a: \x1b[2J\x1b]0;owned\x07",
    "two megabytes": lambda: "# " + "x" * 2_000_000,
    "many values": lambda: "- a\n" * 200_000,
    "many documents": lambda: "---\na: 1\n" * 20_000,
    "many objects": lambda: "".join(CONFIG % number for number in range(2_000)),
    "a hundred objects": lambda: "".join(CONFIG % number for number in range(100)),
    "lists in lists": lambda: "{kind: List, items: [" * 40 + "]}" * 40,
    "an open quote": lambda: 'kind: "StatefulSet',
    "a kind that is a number": lambda: "apiVersion: v1\nkind: 5\nmetadata: {name: a}",
    "metadata that is a list": lambda: "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: [web]\nspec: {}",
    "spec that is text": lambda: "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\nspec: all of it",
    "a name of a megabyte": lambda: f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {'a' * 900_000}}}",
    "a name that climbs": lambda: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ../../../etc/passwd}",
    "a name with HTML": lambda: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '<script>alert(1)</script>'}",
    "10,000 replicas": lambda: stateful_set(replicas="10000"),
    "endless replicas": lambda: stateful_set(replicas="99999999999999999999"),
    "fewer than no replicas": lambda: stateful_set(replicas="-1"),
    "a huge quantity": lambda: stateful_set("        resources: {requests: {memory: 1e999999999}}\n"),
    "a quantity of 10,000 digits": lambda: stateful_set(f"        resources: {{requests: {{memory: {'9' * 10_000}}}}}\n"),
    "a container that spins": lambda: stateful_set(command("while true; do :; done")),
    "a container that forks": lambda: stateful_set(command(":(){ :|:& };:")),
    "a container that recurses": lambda: stateful_set(command("f(){ f; f; }; f")),
    "a container that prints for ever": lambda: stateful_set(command("yes owned")),
    "a container that reads without end": lambda: stateful_set(command("cat /dev/zero")),
    "a container that fills its disk": lambda: stateful_set(command("while true; do head -c 1000000 /dev/zero >> /big; done")),
    "a container that sleeps for ever": lambda: stateful_set(command("sleep infinity")),
    "a container that reads the host": lambda: stateful_set(command("cat /etc/shadow /proc/1/environ; sleep 9")),
    "a container that calls out": lambda: stateful_set(command("curl -m 3 http://169.254.169.254/; curl file:///etc/passwd; sleep 9")),
    "a container that asks the API server": lambda: stateful_set(
        command("curl -sk https://kubernetes.default/api/v1/namespaces/default/pods -X POST; sleep 9")
    ),
    "a container that looks for the grader": lambda: stateful_set(
        command('[ "$(hostname)" = web-0 ] && [ "$(date +%Y)" = 2026 ] && touch /i-am-graded; sleep infinity')
    ),
    "a container that calls without a pause": lambda: stateful_set(command("while :; do hostname > /dev/null; done")),
    "a container that waits without a pause": lambda: stateful_set(command("until nslookup db; do :; done")),
    "a probe that never ends": lambda: stateful_set("        readinessProbe: {exec: {command: [sh, -c, 'while :; do :; done']}}\n"),
    "a hook that never ends": lambda: stateful_set("        lifecycle: {preStop: {exec: {command: [sleep, infinity]}}}\n"),
    "a Pod that takes an age to stop": lambda: stateful_set(pod="      terminationGracePeriodSeconds: 1000000000\n"),
    "the host's root as a volume": lambda: stateful_set(
        "        volumeMounts: [{name: host, mountPath: /usr/share/nginx/html}]\n",
        pod="      volumes: [{name: host, hostPath: {path: /}}]\n",
    ),
    "the host's network and processes": lambda: stateful_set(pod="      hostNetwork: true\n      hostPID: true\n"),
    "a privileged container": lambda: stateful_set("        securityContext: {privileged: true}\n"),
    "an environment of 20,000": lambda: stateful_set(
        "        env:\n" + "".join(f"        - {{name: V{number}, value: x}}\n" for number in range(20_000))
    ),
    "labels without end": lambda: SERVICE.replace("app: nginx", "app: nginx, " + ", ".join(f"l{i}: x" for i in range(5_000))),
    "a finalizer that nobody removes": lambda: (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web-1, finalizers: [example.com/never]}\n"
        "spec: {containers: [{name: a, image: nginx}]}"
    ),
    "nodes of one's own": lambda: "apiVersion: v1\nkind: Node\nmetadata: {name: mine}",
    "the namespace is taken away": lambda: "apiVersion: v1\nkind: Namespace\nmetadata: {name: default, deletionTimestamp: x}",
    "python instead": lambda: "import os\nos.system('touch /tmp/owned')\nprint(30.0)",
    "a score instead": lambda: "30.0",
    "variables that double": lambda: stateful_set(
        "        env: [{name: A0, value: x}, "
        + ", ".join(f'{{name: A{n}, value: "$(A{n - 1})$(A{n - 1})"}}' for n in range(1, 60))
        + "]\n"
    ),
    "20,000 labels that are numbers": lambda: stateful_set().replace(
        "metadata: {labels: {app: nginx}}", "metadata: {labels: {app: nginx, " + ", ".join(f"l{n}: {n}" for n in range(20_000)) + "}}"
    ),
    "an autoscaler of a million": lambda: (
        stateful_set()
        + "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n  minReplicas: 1000000\n"
        "  maxReplicas: 2000000\n  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: web}\n"
    ),
}  # fmt: skip
