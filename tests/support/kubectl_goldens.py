"""The real kubectl and ours, side by side: the same lines, on clusters that are made alike.

A scenario is tests/statelab/kubectl/lines/NAME.txt: lines in order, `!settle` where the cluster is to come to rest,
`!in FOLDER` where its files are in another folder of the project than files/. What the real kubectl said is kept in
goldens/NAME.json. Record anew, after a scenario changed or kubectl did:

    python tests/support/kubectl_goldens.py [NAME …]
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from statelab.controlplane import ControlPlane
from statelab.kubectl import FolderFiles, Kubectl
from statelab.kubectl.in_process import InProcess

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "statelab" / "kubectl"
FILES = HERE / "files"
PACE = "40"
_RESTS = (
    "/api/v1/pods",
    "/api/v1/persistentvolumeclaims",
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
)


@dataclass(frozen=True)
class Said:
    """What one line said."""

    line: str
    out: str
    err: str
    code: int

    @property
    def normal(self) -> Said:
        return Said(self.line, normal(self.out), normal(self.err), self.code)


def scenarios() -> list[str]:
    return sorted(path.stem for path in (HERE / "goldens").glob("*.json"))


def lines(name: str) -> list[str]:
    text = (HERE / "lines" / f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def folder(name: str) -> Path:
    """Where a scenario's files are."""
    said = [line.split()[1] for line in lines(name) if line.startswith("!in ")]
    return ROOT / said[0] if said else FILES


def goldens(name: str) -> list[Said]:
    found = json.loads((HERE / "goldens" / f"{name}.json").read_text(encoding="utf-8"))
    return [Said(each["line"], "\n".join(each["out"]), "\n".join(each["err"]), each["code"]).normal for each in found]


def _without_help(text: str) -> str:
    """Ours helps in words of its own; whether it helps, and at which end, has to be the same."""
    if not re.search(r'Use "kubectl (?:options|<command> --help)" for [^\n]*\n\Z', text):
        return text
    unknown = re.match(r"Unknown help topic .*\n", text)
    return (unknown[0] if unknown else "") + "(help)\n"


def normal(text: str) -> str:
    """Without what chance, the clock and the order of other clients decide. What has always one length keeps it."""
    for pattern, length in (
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", 36),
        (r"\b[0-9a-f]{64}\b", 64),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", 20),
        (r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", 19),
        (r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d", 20),
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", 31),
        (r"(?<=-)[bcdfghjklmnpqrstvwxz2456789]{5}(?=\b)", 5),
    ):
        text = re.sub(pattern, "#" * length, text)
    text = _without_help(text)
    text = re.sub(r"^[IE]\d{4} .*\n", "", text, flags=re.MULTILINE)  # kubectl's own log, about its connections
    text = re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "TOKEN", text)
    text = re.sub(r"10\.(?:244|96)\.\d+\.\d+", "10.#", text)
    text = re.sub(r"(?:https?://)?127\.0\.0\.1:\d+", "SERVER", text)
    before = text
    text = re.sub(r"10\.#+", "IP", text)  # an address has not always one length
    text = text.replace("<invalid>", "0s")
    text = re.sub(r"(?:(?<=[\s(])|^)(?<!for )(?:\d+[smhd]){1,2}(?=[\s)]|$)", "AGE", text, flags=re.MULTILINE)
    text = re.sub(r'([rR]esource ?Version["\\]*:\s*["\\]*)\d+', r"\1RV", text)
    text = re.sub(r"resource version to be (\d+), was \d+", r"resource version to be \1, was RV", text)
    text = re.sub(r"^W\d{4} .*?\] ", "W] ", text, flags=re.MULTILINE)
    if text != before:  # nor has an age: columns behind it move
        text = re.sub(r" {2,}", "  ", text)
        text = re.sub(r"-{3,}", "---", text)
    return text


def ours(name: str) -> list[Said]:
    """What our kubectl says, on a cluster of its own in virtual time."""
    cluster = ControlPlane(seed=0)
    api = InProcess(cluster)
    kubectl = Kubectl(api, api.wait, files=FolderFiles(folder(name)))
    said: list[Said] = []
    for line in lines(name):
        if line == "!settle":
            cluster.settle()
        if line.startswith("!"):
            continue
        result = kubectl.run(shlex.split(line)[1:])
        said.append(Said(line, result.stdout, result.stderr, result.code))
        cluster.loop.run_for(0.3)
    return said


@contextmanager
def _server() -> Iterator[tuple[dict[str, str], Callable[[], None]]]:
    """A server in paced time: the environment of a kubectl that speaks with it, and how to let it come to rest."""
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig, about = Path(folder, "kubeconfig"), Path(folder, "server.json")
        command = [sys.executable, "-m", "statelab", "serve", "--in-memory", "--pace", PACE]
        command += ["--kubeconfig", str(kubeconfig), "--server-file", str(about)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            found = json.loads(about.read_text())
            environment = {
                **os.environ,
                "KUBECONFIG": str(kubeconfig),
                "HOME": folder,
                "KUBECACHEDIR": str(Path(folder, "cache")),
            }
            yield environment, lambda: _settle(found["url"], found["token"])
        finally:
            process.terminate()
            process.wait(10)


def _settle(url: str, token: str) -> None:
    def versions() -> list[Any]:
        found: list[Any] = []
        for path in _RESTS:
            request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {token}"})
            items = json.load(urllib.request.urlopen(request, timeout=10))["items"]
            found += [(each["metadata"]["name"], each["metadata"]["resourceVersion"]) for each in items]
        return found

    last, quiet, deadline_s = versions(), 0, time.monotonic() + 10
    while quiet < 5 and time.monotonic() < deadline_s:
        time.sleep(0.07)
        now = versions()
        quiet = quiet + 1 if now == last else 0
        last = now


def real(name: str, kubectl: str) -> list[Said]:
    """What the real kubectl says."""
    said: list[Said] = []
    with _server() as (environment, settle):
        for line in lines(name):
            if line == "!settle":
                settle()
            if line.startswith("!"):
                continue
            done = subprocess.run(
                [kubectl, *shlex.split(line)[1:]], capture_output=True, text=True, timeout=60, env=environment,
                cwd=folder(name), stdin=subprocess.DEVNULL,
            )  # fmt: skip
            said.append(Said(line, done.stdout, done.stderr, done.returncode))
    return said


def record(name: str, kubectl: str) -> None:
    kept = [
        {"line": each.line, "code": each.code, "out": each.normal.out.split("\n"), "err": each.normal.err.split("\n")}
        for each in real(name, kubectl)
    ]
    text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
    (HERE / "goldens" / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    from statelab.cluster.kubectl import find_kubectl

    program = find_kubectl()
    assert program is not None, "there is no kubectl to record"
    for scenario in sys.argv[1:] or scenarios():
        record(scenario, program)
        print(f"{scenario}: {len(goldens(scenario))} lines recorded")
