"""What stands in for docker, podman and kind: it writes down what it is asked, and answers as the real ones do.

It is started hundreds of times: pathlib alone, which it does without, would take half as long as all it does.
Run as `python fake_tool.py FOLDER TOOL ARGUMENTS…`; the folder holds `state.json` (see conftest.py) and `asked`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any  # each start of it would import this

ROLES = (("control-plane", "control-plane"), ("worker", "worker"), ("worker2", "worker"))
STEPS = (
    "Ensuring node image (kindest/node:v1.36.4) 🖼",
    "Preparing nodes 📦 📦 📦 ",
    "Starting control-plane 🕹️",
    "Joining worker nodes 🚜",
)


def main(folder: str, tool: str, argv: list[str]) -> int:
    with open(f"{folder}/asked", "a") as asked:
        about = {"tool": tool, "argv": argv, "provider": os.environ.get("KIND_EXPERIMENTAL_PROVIDER", "")}
        asked.write(json.dumps(about) + "\n")
    state = read(f"{folder}/state.json")
    line = f"{tool} {' '.join(argv)}"
    for start, text in state["fails"].items():
        if line.startswith(start):
            print(text, file=sys.stderr)
            return 1
    run = kind if tool == "kind" else engine
    code = run(state, tool, argv)
    fresh = f"{folder}/state.json.{os.getpid()}"
    write(fresh, state)
    os.replace(fresh, f"{folder}/state.json")
    if code < 0:  # hang, having made containers
        write(f"{folder}/hangs", os.getpid())
        while True:
            time.sleep(60)
    return code


def read(path: str) -> Any:
    with open(path) as file:
        return json.load(file)


def write(path: str, content: Any) -> None:
    with open(path, "w") as file:
        json.dump(content, file)


def engine(state: dict[str, Any], tool: str, argv: list[str]) -> int:
    containers: list[dict[str, Any]] = state["containers"]
    match argv:
        case ["info", *_]:
            print(json.dumps(state["info"][tool]))
        case ["ps", *_]:
            label = argv[argv.index("--filter") + 1].removeprefix("label=").split("=")
            print(*(each["Id"] for each in containers if each["Config"]["Labels"][label[0]] == label[1]), sep="\n")
        case ["inspect", "--type", "container", *ids]:
            print(json.dumps([each for each in containers if each["Id"] in ids]))
        case [("pause" | "unpause" | "start") as verb, name]:
            one(containers, name)["State"]["Status"] = "paused" if verb == "pause" else "running"
        case ["image", "inspect", image]:
            if image not in state["images"]:
                print(f"Error: No such image: {image}", file=sys.stderr)
                return 1
        case ["pull", "--quiet", image]:
            state["images"].append(image)
        case ["exec", name, "crictl", "pull", image]:
            one(containers, name).setdefault("images", []).append(image)
        case ["exec", name, "crictl", "inspecti", "--quiet", image]:
            if image not in one(containers, name).get("images", ()):
                print(f'level=fatal msg="no such image {image}"', file=sys.stderr)
                return 1
        case ["exec", name, "journalctl", "--unit", "kubelet", *_]:
            one(containers, name)
            print(state.get("kubelet log", ""))
        case ["rm", *rest]:
            containers[:] = [each for each in containers if each["Id"] not in rest]
        case _:
            print(f"unknown command: {tool} {' '.join(argv)}", file=sys.stderr)
            return 125
    return 0


def one(containers: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in containers if each["Name"] == f"/{name}")


def kind(state: dict[str, Any], tool: str, argv: list[str]) -> int:
    def option(flag: str) -> str:
        return argv[argv.index(flag) + 1] if flag in argv else ""

    name, containers = option("--name"), state["containers"]
    of_name = [each for each in containers if each["Config"]["Labels"]["io.x-k8s.kind.cluster"] == name]
    match argv[:2]:
        case ["version"]:
            print(f"kind v{state['kind']} go1.25.1 linux/amd64")
        case ["create", "cluster"]:
            print(f'Creating cluster "{name}" ...', file=sys.stderr)
            for step in STEPS:
                print(f" • {step}  ...\n ✓ {step}", file=sys.stderr, flush=True)
            containers += nodes_of(name)
            if state["hangs"]:
                return -1
            write_kubeconfig(state["kubeconfig"], option("--kubeconfig"), name)
        case ["delete", "cluster"]:
            containers[:] = [each for each in containers if each not in of_name]
            print(f'Deleting cluster "{name}" ...', file=sys.stderr)
        case ["export", "kubeconfig"]:
            if not of_name:
                print(f'ERROR: could not locate any control plane nodes for cluster named "{name}"', file=sys.stderr)
                return 1
            write_kubeconfig(state["kubeconfig"], option("--kubeconfig") or os.environ["KUBECONFIG"], name)
        case ["load", "docker-image"]:
            for each in of_name:
                each.setdefault("images", []).append(argv[2])
        case _:
            print(f"ERROR: unknown command {argv}", file=sys.stderr)
            return 1
    return 0


def nodes_of(cluster: str) -> list[dict[str, Any]]:
    return [
        {
            "Id": os.urandom(32).hex(),
            "Name": f"/{cluster}-{name}",
            "Created": time.strftime("%Y-%m-%dT%H:%M:%S.000123Z", time.gmtime()),
            "Config": {"Labels": {"io.x-k8s.kind.cluster": cluster, "io.x-k8s.kind.role": role}},
            "State": {"Status": "running"},
        }
        for name, role in ROLES
    ]


def write_kubeconfig(leads_to: str, path: str, name: str) -> None:
    """As kind writes it: context, cluster and user have one name."""
    if not leads_to:
        return
    said = read(leads_to)
    for part in ("clusters", "users", "contexts"):
        said[part][0]["name"] = f"kind-{name}"
    said["contexts"][0]["context"] = {"cluster": f"kind-{name}", "user": f"kind-{name}"}
    said["current-context"] = f"kind-{name}"
    write(path, said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
