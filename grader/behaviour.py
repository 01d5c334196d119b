"""What a workload does when something happens to it: questions that many rubrics ask, asked once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from grader.diagnosis import not_there
from grader.image_faults import stand_in
from grader.seen import Seen
from grader.verdict import Verdict, no, yes
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.manifest.relations import at

if TYPE_CHECKING:
    from grader.trial import Trial


def starts_in_order(trial: Trial, reference: str) -> Verdict:
    """OrderedReady, as it was seen: no Pod was created before the one below it was Ready."""
    ready: set[str] = set()
    for revision in trial.cluster.store.history:
        if revision.plural != "pods" or not revision.key.startswith(f"{trial.namespace}/"):
            continue
        name = revision.key.rpartition("/")[2]
        stem, _, ordinal = name.rpartition("-")
        below = f"{stem}-{int(ordinal) - 1}" if ordinal.isdigit() and int(ordinal) else None
        if revision.type == "ADDED" and name not in ready and below is not None and below not in ready:
            line = trial.line("StatefulSet", "spec", "podManagementPolicy")
            seen = trial.evidence(f"pod/{below}", f"pod/{name}", most=4)
            return no(f"{name} was created before {below} was Ready.", seen, line=line)
        if _is_ready(revision.object):
            ready.add(name)
    return yes("") if ready else not_there(trial, reference)


def comes_back(trial: Trial, reference: str, pod: str) -> Verdict:
    """A Pod of this workload is killed: it comes back under its name, with its claims, and is another Pod."""
    if trial.get(reference) is None:
        return not_there(trial, reference)
    before = trial.get(f"pod/{pod}")
    if before is None:
        return no(f"There is no Pod called {pod}.", trial.evidence(reference))
    if not before.ready:
        return no(f"{pod} was not Ready, so nothing can be said of its return.", trial.evidence(f"pod/{pod}"))
    trial.delete(f"pod/{pod}").settle()
    after = trial.get(f"pod/{pod}")
    seen = trial.evidence(f"pod/{pod}", most=6)
    if after is None or after.uid == before.uid:
        return no(f"{pod} was deleted and nothing of that name came back.", seen)
    if not after.ready:
        return no(f"{pod} came back and does not get ready: {after.waiting_for or after.phase}.", seen)
    if after.claims != before.claims:
        return no(f"{pod} came back with {_names(after)}, but its data are on {_names(before)}.", seen)
    kind, _, name = reference.partition("/")
    if (after.owner or "").lower() != f"{kind}/{name}":
        return no(f"{pod} came back, but {reference} did not bring it.", seen)
    return yes("")


def claim_at(trial: Trial, pod: str, path: str) -> Seen | None:
    """The claim whose volume a container of the Pod sees at this folder, or above it; None when there is none."""
    seen = trial.get(f"pod/{pod}")
    if seen is None:
        return None
    claims = {each["name"]: at(each, "persistentVolumeClaim", "claimName") for each in seen.at("spec", "volumes") or ()}
    # Of several mounts above the folder the deepest holds it.
    mounts = [
        (len(folder), claims.get(mount.get("name")))
        for container in seen.at("spec", "containers") or ()
        for mount in container.get("volumeMounts") or ()
        if path == (folder := str(mount.get("mountPath")).rstrip("/")) or path.startswith(f"{folder}/")
    ]
    claim = max(mounts, key=lambda each: each[0])[1] if mounts else None
    return trial.get(f"pvc/{claim}") if claim else None


def serves_pages(trial: Trial, pod: str, asker: str, folder: str) -> Verdict | None:
    """Why a Pod is no web server that hands out this folder, asked by another Pod at any port it may have; None if so.

    The port is the answer's own affair: what the Pod or a Service declares is tried, then the usual ones.
    """
    server = trial.get(f"pod/{pod}")
    if server is None or not server.ip:
        return no(f"There is no Pod called {pod}.")
    text = f"a page of {pod}"
    if not trial.write(pod, f"{folder}/a-page.html", text):
        return None  # said elsewhere: it is no matter of serving
    declared = [
        each.get("containerPort") for part in server.at("spec", "containers") or () for each in part.get("ports") or ()
    ]
    targets = [each.get("targetPort") for service in trial.all("service") for each in service.at("spec", "ports") or ()]
    ports = [each for each in (*declared, *targets, 80, 8080, 8000) if isinstance(each, int)]
    said = ""
    for port in dict.fromkeys(ports):
        url = f"http://{server.ip}:{port}/a-page.html"
        ran = trial.exec(asker, "sh", "-c", f"wget -qO- -T 3 {url} || curl -fsS -m 3 {url}")
        if ran.code == 0 and ran.out.strip() == text:
            return None
        stands_in = stand_in(ran.out)
        if stands_in:
            return no(stands_in)
        said = said or f"asked for http://{server.ip}:{port}/a-page.html: {ran.error.strip()[:120]}"
    line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0)
    return no(f"{pod} runs, and serves no page from {folder}.", said, line=line)


def on_a_claim(trial: Trial, pods: Sequence[str], folder: str) -> Verdict | None:
    """Why what lies in a folder of these Pods does not follow them to other nodes; None where it is on claims."""
    for name in pods:
        pod = trial.get(f"pod/{name}")
        if pod is not None and claim_at(trial, name, folder) is None:
            paths = [at(each, "hostPath", "path") for each in pod.at("spec", "volumes") or () if each.get("hostPath")]
            where = f"{paths[0]} of the machine {pod.node}" if paths else "no claim"
            line = trial.line("StatefulSet", "spec", "template", "spec", "volumes")
            return no(f"{folder} of {name} is on {where}: on another machine it would not find it.", line=line)
    return None


def data_outlive(trial: Trial, pods: Sequence[str], folder: str) -> Verdict:
    """Each Pod writes a file of its own, all are killed: each finds its own again, and not another's."""
    file = f"{folder}/who-{trial.cluster.loop.now_s:.0f}.html"
    for name in pods:
        if not trial.write(name, file, f"I am {name}"):
            return no(f"{name} cannot write to {folder}.", trial.evidence(f"pod/{name}", most=3))
    for name in pods:
        trial.delete(f"pod/{name}")
    trial.settle()
    for name in pods:
        kept = trial.read(name, file)
        seen = trial.evidence(f"pod/{name}", most=6)
        if kept is None:
            return no(f"{name} wrote a file to {folder} and was killed. The Pod came back, the file did not.", seen)
        if kept.strip() != f"I am {name}":
            return no(f"{name} wrote a file, was killed, and found in its place: {kept.strip()[:40]!r}.", seen)
    return on_a_claim(trial, pods, folder) or yes("")


def evict(trial: Trial, pod: str) -> str:
    """Ask for a Pod's eviction as `kubectl drain` does: "" when it is carried out, else the API server's refusal."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    try:
        trial.cluster.api.evict(trial.namespace, pod, body, trial.cluster.options())
    except ApiError as error:
        return error.message
    return ""


def _names(pod: Seen) -> str:
    return ", ".join(f"pvc/{each}" for each in pod.claims) or "no claim"


def _is_ready(pod: Object) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in at(pod, "status", "conditions") or ())
