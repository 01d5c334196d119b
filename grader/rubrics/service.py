"""What visitors see of a Service: which Pods are behind it, its address, whether a page comes. For ps1 and ps2."""

from __future__ import annotations

from collections.abc import Callable

from grader.diagnosis import not_there
from grader.image_faults import stand_in
from grader.seen import Seen
from grader.trial import Trial
from grader.verdict import Verdict, no
from statelab.controlplane.kinds import Object


def endpoints_of(trial: Trial, service: str) -> set[str]:
    """The addresses of the ready endpoints a Service has found."""
    slices = trial.all("endpointslice", **{"kubernetes.io/service-name": service})
    return {
        address
        for each in slices
        for endpoint in each.at("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint["addresses"]
    }


def found_by(trial: Trial, service: str, *workloads: str) -> Verdict | None:
    """Why a Service does not lead to the ready Pods of these workloads and to nobody else; None when it does."""
    seen = trial.get(f"service/{service}")
    if seen is None:
        return not_there(trial, f"service/{service}")
    wanted = {each.ip: each.name for workload in workloads for each in trial.pods_of(workload) if each.ready}
    found = endpoints_of(trial, service)
    if wanted and found == set(wanted):
        return None
    line = trial.line("Service", "spec", "selector", name=service) or trial.line("Service", "spec", name=service)
    others = {each.ip: each.name for each in trial.all("pod")}
    strangers = sorted(others.get(each, each) for each in found - set(wanted))
    if strangers:
        return no(f"Service {service} leads to {', '.join(strangers)} too.", trial.evidence(seen.reference), line=line)
    missing = sorted(name for address, name in wanted.items() if address not in found)
    return no(_why_missing(trial, seen, missing), trial.evidence(seen.reference), line=line)


def _why_missing(trial: Trial, service: Seen, missing: list[str]) -> str:
    selector = service.at("spec", "selector")
    if not selector:
        return f"Service {service.name} has no selector, so it looks for no Pods."
    pod = trial.get(f"pod/{missing[0]}") if missing else None
    if pod is None:
        return f"Service {service.name} leads to nobody."
    has = {key: value for key, value in pod.labels.items() if key in selector or "hash" not in key}
    if any(pod.labels.get(key) != value for key, value in selector.items()):
        return f"Service {service.name} selects {_pairs(selector)}, and {pod.name} has {_pairs(has) or 'no labels'}."
    return f"Service {service.name} does not lead to {', '.join(missing)}."


def _pairs(labels: dict[str, str]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in labels.items())


def address_of(trial: Trial, service: str) -> tuple[str, Verdict | None]:
    """The one address of a normal Service, or why it has none."""
    seen = trial.get(f"service/{service}")
    if seen is None:
        return "", not_there(trial, f"service/{service}")
    answer, address = trial.dns(service), seen.at("spec", "clusterIP")
    if answer.records != (address,):
        line = trial.line("Service", "spec", "clusterIP", name=service) or trial.line("Service", "spec", name=service)
        return "", no(f"Service {service} has no address of its own that stays.", f"{answer}.", line=line)
    return str(address), None


def visited_during(trial: Trial, pod: str, host: str, is_over: Callable[[], bool]) -> Verdict | None:
    """Visit http://host twice a second until `is_over` (a minute at most): why visitors notice; None if none does.

    A visit that fails now and then is tried again by every browser: three in a row are noticed.
    """
    failed = 0
    for _ in range(120):
        problem = answers_at(trial, pod, host, "Service")
        failed = failed + 1 if problem else 0
        if problem is not None and failed >= 3:
            return problem
        if is_over():
            return None
        trial.wait(0.5)
    return None


def slow_to_start(obj: Object) -> None:
    """Have each Pod of a Deployment warm up for some seconds: long enough for visitors to notice who is missing."""
    if obj.get("kind") == "Deployment":
        spec = obj["spec"]["template"]["spec"]
        warm_up = {"name": "warm-up", "image": "busybox:1.36", "command": ["sleep", "6"]}
        spec["initContainers"] = [*(spec.get("initContainers") or ()), warm_up]


def served_on_every_node(trial: Trial, host: str) -> Verdict | None:
    """Why a visitor on some node gets no page at http://host; None when each does. One Pod of it is enough for all."""
    nodes = [each.name for each in trial.all("node") if "node-role.kubernetes.io/control-plane" not in each.labels]
    for number, node in enumerate(nodes):
        trial.apply(_PASSER_BY.format(number=number, node=node))
    trial.settle()
    for number, node in enumerate(nodes):
        problem = answers_at(trial, f"passer-by-{number}", host, "Service")
        if problem is not None:
            return no(f"{problem.message} It was asked on the machine {node}, where no Pod of it runs.")
    return None


_PASSER_BY = """\
apiVersion: v1
kind: Pod
metadata: {{name: passer-by-{number}}}
spec:
  nodeName: {node}
  containers: [{{name: main, image: "busybox:1.36", command: [sleep, "1000000"]}}]
"""


def answers_at(trial: Trial, pod: str, host: str, kind: str, *, port: int = 80) -> Verdict | None:
    """Why a visitor in this Pod gets no page at http://host; None when one comes."""
    url = f"http://{host}" + ("" if port == 80 else f":{port}")
    ran = trial.exec(pod, "wget", "-qO-", "-T", "3", url)
    if ran.code == 0:
        stands_in = stand_in(ran.out)
        return no(stands_in) if stands_in else None
    line = trial.line(kind, "spec", "ports", name=host) or trial.line(kind, "spec")
    return no(f"Inside the cluster nothing answers at {url}.", f"wget {url}: {ran.error.strip()[:120]}", line=line)
