"""ps6, The clinic: six broken namespaces, each a manifest set and a symptom, to be mended with the smallest change."""

from __future__ import annotations

from collections.abc import Sequence

from grader.behaviour import comes_back, data_outlive
from grader.changes import little_changed
from grader.diagnosis import not_there, pods_not_ready
from grader.rubrics.ps6 import texts
from grader.rubrics.ps6.patients import is_still_asked, keeps_claims, needs_its_peer, still_there
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, partly, yes

# What may differ in a mended manifest without being held against it.
_FREE = ("image", "annotations", "namespace")
_SMALL = (
    "Begin again with the manifest as it was given, and change one thing at a time.",
    "Most of it is right. The symptom points to one field.",
    "One field is enough.",
)


def _small_change(task: Task, most: int = 1) -> None:
    @task.check(points=3, title="Little has changed", hints=_SMALL)
    def small_change(trial: Trial) -> Verdict:
        return little_changed(trial, task.start, most=most, half=2 * most, free=_FREE)


# ---- 1. Pending for ever

pending = Task(
    "ps6.pending",
    points=15,
    about="`ledger-0` is Pending, and `ledger-1` does not even exist.",
    start=texts.LEDGER,
    hints=(
        "kubectl describe pod ledger-0 names what it waits for. Then describe that.",
        "The claim is Pending too: its event says what was not found. kubectl get storageclass shows what there is.",
        "Take the storageClassName away, or say standard.",
    ),
)


@pending.check(points=5, title="Both Pods run")
def ledger_runs(trial: Trial) -> Verdict:
    return pods_not_ready(trial, "statefulset/ledger", 2) or yes("")


@pending.check(
    points=4,
    title="What a Pod has written outlives it",
    hints=(
        "The quick way out loses the data: a volume has to outlive its Pod.",
        "Keep the claim template. Only its class is wrong.",
        "volumeClaimTemplates and the volumeMount stay as they were given.",
    ),
)
def ledger_remembers(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/ledger", 2)
    return problem or data_outlive(trial, ["ledger-0", "ledger-1"], "/usr/share/nginx/html")


_small_change(pending)

# ---- 2. Nobody answers

answers = Task(
    "ps6.nobody-answers",
    points=15,
    about="The Pods of `shop` are Ready, the name `shop` resolves, and `curl http://shop/` is refused.",
    start=texts.SHOP,
    hints=(
        "Compare where the Service sends its callers (kubectl get endpointslices) with where the Pods listen.",
        "A Service has two ports: the one it is called at, and the one its Pods are called at.",
        "targetPort: 80, or no targetPort at all.",
    ),
)


@answers.check(points=9, title="curl http://shop/ is answered from every Pod")
def shop_answers(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "deployment/shop", 2) or _has_an_address(trial)
    return problem or _is_answered(trial, "deployment/shop", "http://shop/") or yes("")


def _has_an_address(trial: Trial) -> Verdict | None:
    """Why Service shop is another Service now: nobody can take the address from one that is there."""
    service = trial.get("service/shop")
    if service is None or service.at("spec", "clusterIP") != "None":
        return None
    text = (
        "Service shop has lost its address, which no API server takes away from a Service that is there: this one "
        "would have to be deleted and made anew, under everybody who uses it."
    )
    return no(text, line=trial.line("Service", "spec", "clusterIP", name="shop"))


_small_change(answers)


def ready_pods_of(trial: Trial, reference: str) -> list[str]:
    """The names of a workload's Ready Pods; a Deployment's are those of its ReplicaSets."""
    if reference.startswith("deployment/"):
        return [
            pod.name
            for replica_set in trial.all("replicaset")
            if (replica_set.owner or "").lower() == reference
            for pod in trial.pods_of(f"replicaset/{replica_set.name}")
            if pod.ready
        ]
    return [pod.name for pod in trial.pods_of(reference) if pod.ready]


def _is_answered(trial: Trial, reference: str, url: str) -> Verdict | None:
    for name in ready_pods_of(trial, reference):
        ran = trial.exec(name, "curl", "-sS", "-o", "/dev/null", "--max-time", "5", url)
        if ran.code:
            said = ran.error.strip() or f"curl ended with {ran.code}"
            line = trial.line("Service", "spec", "ports", 0)
            return no(f"curl {url} in {name} said: {said}", line=line)
    return None


# ---- 3. Everybody waits for everybody

deadlock = Task(
    "ps6.deadlock",
    points=15,
    about="Both members of `quorum` run, and neither gets Ready: each says it cannot find the other.",
    start=texts.QUORUM,
    hints=(
        "Who has a name in DNS, and from when on?",
        "A Pod that is not Ready has no name. A Service can be told to publish it all the same.",
        "publishNotReadyAddresses: true in the Service's spec.",
    ),
)


@deadlock.check(points=6, title="Both members get Ready")
def quorum_is_ready(trial: Trial) -> Verdict:
    return pods_not_ready(trial, "statefulset/quorum", 2) or yes("")


@deadlock.check(
    points=4,
    title="They still ask for each other before they are Ready",
    hints=(
        "Taking the question away mends the symptom. A member that nobody can find would be Ready now.",
        "The probe is right as it is given.",
        "Leave readinessProbe as it is, and let the Service publish the names sooner.",
    ),
)
def quorum_still_asks(trial: Trial) -> Verdict:
    # The patient's own question (see patients.py): each was alone, was not Ready, and has found the other again.
    return pods_not_ready(trial, "statefulset/quorum", 2) or yes("")


_small_change(deadlock)

# ---- 4. Forgetful

forgetful = Task(
    "ps6.forgetful",
    points=15,
    about="`notes` has a Bound claim for every Pod, and yet what is written to /data is gone after a restart.",
    start=texts.NOTES,
    hints=(
        "Which volume is at /data, and which claim is mounted where? kubectl describe pod notes-0",
        "A claim template makes a claim. A volumeMount of the same name puts it into the container.",
        "name: data instead of name: scratch under volumeMounts.",
    ),
)


@forgetful.check(points=3, title="Both Pods run, and come back when they are killed")
def notes_run(trial: Trial) -> Verdict:
    return pods_not_ready(trial, "statefulset/notes", 2) or comes_back(trial, "statefulset/notes", "notes-1")


@forgetful.check(points=6, title="What is written to /data is there after a restart")
def notes_remember(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/notes", 2)
    return problem or data_outlive(trial, ["notes-0", "notes-1"], "/data")


_small_change(forgetful)

# ---- 5. It stops at the first

first = Task(
    "ps6.stops-at-the-first",
    points=15,
    about="`relay` wants three Pods. `relay-0` runs, 0/1 Ready, and there is no other.",
    start=texts.RELAY,
    hints=(
        "Why is there no relay-1? What does it wait for? kubectl describe pod relay-0",
        "relay-0 runs but is not Ready: its events say which question it does not answer.",
        "The probe knocks at port 8080; the container listens at 80.",
    ),
)


@first.check(points=5, title="All three get Ready, one after the other")
def relay_runs(trial: Trial) -> Verdict:
    return pods_not_ready(trial, "statefulset/relay", 3) or yes("")


@first.check(
    points=4,
    title="A member that does not listen is still not Ready",
    hints=(
        "Without the question every Pod is Ready, also one that serves nobody.",
        "Keep the probe; let it ask where somebody listens.",
        "readinessProbe.tcpSocket.port: 80 (or http).",
    ),
)
def relay_still_asks(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/relay", 3)
    if problem is not None:
        return problem
    # A copy of the answer whose container listens to nobody.
    deaf = trial.again(change=_made_deaf).settle()
    pod = deaf.get("pod/relay-0")
    if pod is not None and pod.ready:
        line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0)
        return no("A relay-0 whose program listens nowhere is called Ready.", line=line)
    tired = trial.again(change=_made_tired)
    tired.when(lambda: _is_ready(tired, "relay-0"), timeout_s=60)
    if _is_ready(tired, "relay-0") and not tired.when(lambda: not _is_ready(tired, "relay-0"), timeout_s=150):
        line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0)
        return no("A relay-0 that has stopped listening for two minutes is still called Ready.", line=line)
    return yes("")


def _is_ready(trial: Trial, name: str) -> bool:
    pod = trial.get(f"pod/{name}")
    return pod is not None and pod.ready


def _made_tired(obj: dict[str, object]) -> None:
    """It listens for half a minute, and not any more; its container runs on."""
    script = "mkdir /www; echo relay > /www/index.html; timeout 30 httpd -f -p 80 -h /www; sleep 100000"
    if obj.get("kind") == "StatefulSet":
        containers = obj["spec"]["template"]["spec"]["containers"]  # type: ignore[index]
        for container in containers:
            container |= {"image": "busybox:1.36", "command": ["sh", "-c", script]}


def _made_deaf(obj: dict[str, object]) -> None:
    """Its image as it is, so that a probe which looks for one of its files finds it; nobody listens."""
    if obj.get("kind") == "StatefulSet":
        containers = obj["spec"]["template"]["spec"]["containers"]  # type: ignore[index]
        for container in containers:
            container.pop("args", None)
            container["command"] = ["sh", "-c", "while true; do sleep 3600; done"]


@first.check(points=2, title="Little has changed", hints=_SMALL)
def relay_small_change(trial: Trial) -> Verdict:
    return little_changed(trial, texts.RELAY, most=1, free=_FREE)


# ---- 6. Half of the answers are wrong

half = Task(
    "ps6.half-the-answers",
    points=15,
    about="Every other caller of Service `front` is answered by `admin`.",
    start=texts.FRONT,
    hints=(
        "Which Pods are behind the Service? kubectl get endpointslices -l kubernetes.io/service-name=front",
        "A Service takes every Pod that has all the labels of its selector. Who has the label tier: web?",
        "selector: {app: front}",
    ),
)


@half.check(points=4, title="Both applications run")
def both_run(trial: Trial) -> Verdict:
    return pods_not_ready(trial, "deployment/front", 2) or pods_not_ready(trial, "deployment/admin", 2) or yes("")


@half.check(points=6, title="Service front leads to the Pods of front, all of them, and to no other")
def only_front(trial: Trial) -> Verdict:
    return leads_to(trial, "front", ready_pods_of(trial, "deployment/front"))


_small_change(half, most=2)  # one label taken away, another put in its place


_LEAST_ASKED, _MOST_ASKED = 12, 80


def leads_to(trial: Trial, service: str, wanted: Sequence[str]) -> Verdict:
    """Ask the Service often enough that each of its Pods has had its turn."""
    if trial.get(f"service/{service}") is None:
        return not_there(trial, f"service/{service}")
    asker = next((pod.name for pod in trial.all("pod") if pod.ready), None)
    if asker is None:
        return no("No Pod is Ready, so nobody can ask.", line=trial.line("Deployment", "spec"))
    answered: set[str] = set()
    for asked in range(_MOST_ASKED):
        if asked >= _LEAST_ASKED and answered >= set(wanted):
            break  # chance decides whose turn it is: of four, one in eight tries has one that is not among the first 12
        ran = trial.exec(asker, "curl", "-sS", "--max-time", "5", f"http://{service}/hostname")
        if ran.code:
            return no(
                f"curl http://{service}/ said: {ran.error.strip() or ran.code}", line=trial.line("Service", "spec")
            )
        answered.add(ran.out.strip())
    line = trial.line("Service", "spec", "selector", name=service)
    strangers = sorted(answered - set(wanted))
    if strangers:
        return no(f"{strangers[0]} answered, and is not of Deployment {service}.", line=line)
    if missing := sorted(set(wanted) - answered):
        return partly(0.5, f"{missing[0]} never had its turn.", line=line)
    return yes("")


pending.patient = still_there(pending, keeps_claims("ledger", "/usr/share/nginx/html"))
answers.patient = still_there(answers)
deadlock.patient = still_there(deadlock, is_still_asked("quorum"), needs_its_peer)
forgetful.patient = still_there(forgetful, keeps_claims("notes"))
first.patient = still_there(first, is_still_asked("relay"))
half.patient = still_there(half)
