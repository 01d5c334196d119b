"""ps3, Identity: names, claims and order that stay with a Pod's ordinal (lesson 04)."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

from grader import vocabulary
from grader.behaviour import claim_at, comes_back, data_outlive, serves_pages, starts_in_order
from grader.changes import little_changed
from grader.choices import in_order
from grader.diagnosis import all_addresses, names_of_pods, not_there, pods_not_ready
from grader.given import headless, stateful_set
from grader.rubrics.ps3 import texts
from grader.shared import remembered
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, partly, parts, yes
from statelab.controlplane.kinds import Object
from statelab.controlplane.quantity import nanos as quantity
from statelab.manifest.relations import at
from statelab.reader import Path_

# ---- 1. Repair the notes' first StatefulSet

repair = Task(
    "ps3.repair",
    points=20,
    about="Repair the notes' first StatefulSet, changing no more than is broken.",
    start=texts.NOTES,
    given=headless("nginx", app="nginx"),
    may_change_given=True,
    hints=(
        "Read the first line of what the API server answers: it names what it does not know.",
        "Two words are wrong: a group that is spelt app, and a field of spec that has one letter too many.",
        "apiVersion: apps/v1, and selector: instead of selectors:",
    ),
)


@repair.check(points=4, title="The API server accepts it")
def accepted(trial: Trial) -> Verdict:
    if trial.refused or trial.get("statefulset/web") is None:
        return not_there(trial, "statefulset/web")
    return yes("")


@repair.check(points=4, title="Two Pods run, web-0 first")
def two_run(trial: Trial) -> Verdict:
    return pods_not_ready(trial, "statefulset/web", 2) or starts_in_order(trial, "statefulset/web")


@repair.check(points=4, title="A Pod that is killed comes back under its name")
def web_1_comes_back(trial: Trial) -> Verdict:
    return comes_back(trial, "statefulset/web", "web-1")


@repair.check(points=3, title="Each Pod is found by name")
def found_by_name(trial: Trial) -> Verdict:
    return names_of_pods(trial, "web", "nginx") or yes("")


@repair.check(
    points=3,
    title="Only what was broken has changed",
    hints=(
        "Begin again with the notes' text, and change one thing at a time.",
        "Names, labels, ports and the number of Pods were right.",
        "Two lines need a change; a newer image is welcome too.",
    ),
)
def only_what_was_broken(trial: Trial) -> Verdict:
    image = (item := trial.item("StatefulSet")) and at(
        item.object, "spec", "template", "spec", "containers", 0, "image"
    )
    if isinstance(image, str) and "nginx" not in image:
        line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0, "image")
        return partly(0.5, f"A newer nginx is welcome, and {image} is none.").at(line)
    return little_changed(trial, texts.NOTES, broken=texts.BROKEN)


# ---- 2. Write one from a description

identity = Task(
    "ps3.identity",
    points=30,
    about="A StatefulSet `web` of three, each with its own 1 GiB, found by name under Service `nginx`.",
)
HTML = "/usr/share/nginx/html"
_STORAGE: Path_ = ("spec", "volumeClaimTemplates", 0, "spec", "resources", "requests", "storage")


@identity.check(
    points=5,
    title="Three Pods run: web-0, web-1, web-2",
    hints=(
        "Which workload kind gives its Pods numbers?",
        "A StatefulSet called web, with replicas: 3 and a selector that matches the template's labels.",
        "If web-0 stays Pending, read `kubectl describe pod web-0`: its claim may wait for a class that is not there.",
    ),
)
def three_run(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/web", 3)
    if problem is not None:
        return problem
    names = [each.name for each in trial.pods_of("statefulset/web")]
    if names != ["web-0", "web-1", "web-2"]:
        return no(f"The Pods are called {', '.join(names)}.", line=trial.line("StatefulSet", "spec"))
    return serves_pages(trial, "web-0", "web-1", HTML) or yes("")


@identity.check(
    points=3,
    title="Pods start in order",
    hints=(
        "A field of the StatefulSet's spec says how its Pods are managed.",
        "podManagementPolicy has two values; one of them waits.",
        "Leave podManagementPolicy away, or say OrderedReady.",
    ),
)
def start_in_order(trial: Trial) -> Verdict:
    other = _but_for_its_claims(trial)
    return pods_not_ready(other, "statefulset/web", 3) or starts_in_order(other, "statefulset/web")


@identity.check(
    points=5,
    title="A Pod that is killed comes back as itself",
    hints=(
        "What decides a Pod's name?",
        "Only one workload kind gives names that stay.",
        "kind: StatefulSet, with volumeClaimTemplates, so that name and claim stay together.",
    ),
)
def comes_back_as_itself(trial: Trial) -> Verdict:
    other = _but_for_its_claims(trial)
    verdict = comes_back(other, "statefulset/web", "web-1")
    pod = other.get("pod/web-1")
    if verdict.passed and pod is not None and not pod.claims:
        line = trial.line("StatefulSet", "spec", "template", "spec")
        return no("web-1 came back with its name, and has no claim to come back to.", line=line)
    return verdict


@identity.check(
    points=6,
    title="Peers find each other by name",
    hints=(
        "A name like web-0.nginx has two parts. What is the second?",
        "A headless Service called nginx, and the StatefulSet has to name it.",
        "clusterIP: None and a selector equal to the Pods' labels in the Service; serviceName: nginx in the set.",
    ),
)
def peers_by_name(trial: Trial) -> Verdict:
    # web-1 has been killed by the check before: its name leads to another address now.
    other = _but_for_its_claims(trial)
    return names_of_pods(other, "web", "nginx") or all_addresses(other, "web", "nginx") or yes("")


@identity.check(
    points=4,
    title="Each Pod has its own gibibyte",
    hints=(
        "One claim for all, or one claim each?",
        "volumeClaimTemplates makes a claim for each Pod; a volumeMount of the same name puts it into the container.",
        f"volumeClaimTemplates with resources.requests.storage: 1Gi, and volumeMounts with mountPath: {HTML}",
    ),
)
def own_gibibyte(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/web", 3)
    if problem is not None:
        is_asked_for = pods_not_ready(_but_for_its_claims(trial), "statefulset/web", 3) is None
        return replace(problem, share=0.5) if is_asked_for else problem
    taken: dict[str, str] = {}
    for pod in trial.pods_of("statefulset/web"):
        if not pod.claims:
            line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0, "volumeMounts")
            return no(f"{pod.name} mounts no claim.", line=line or trial.line("StatefulSet", "spec", "template"))
        for claim in pod.claims:
            if claim in taken:
                return no(f"{pod.name} and {taken[claim]} share the claim {claim}.", trial.evidence(f"pvc/{claim}"))
            taken[claim] = pod.name
    mounted = claim_at(trial, "web-0", HTML)
    if mounted is None:
        line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0, "volumeMounts")
        return partly(0.5, f"web-0 has a claim, but not at {HTML}.", line=line)
    asked = str(mounted.at("spec", "resources", "requests", "storage"))
    if quantity(asked) != quantity("1Gi"):
        line = trial.line("StatefulSet", *_STORAGE)
        return partly(0.5, f"The claim asks for {asked}, not for 1Gi.", line=line)
    written = _storage_as_written(trial)
    return yes(f"you asked for {written}: that is 1Gi" if written not in ("1Gi", None) else "")


@identity.check(
    points=4,
    title="What a Pod has written is there when it comes back",
    hints=(
        "Where does nginx keep its pages, and where is your volume?",
        "Data outlive a Pod only in a volume that outlives it.",
        f"Mount the claim at {HTML}: mountPath is the folder inside the container.",
    ),
)
def data_stay(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/web", 3)
    if problem is not None:
        return problem
    return data_outlive(trial, ["web-0", "web-1"], HTML)


def _but_for_its_claims(trial: Trial) -> Trial:
    """The trial; or where claims that are asked for keep the Pods from running, the same answer with claims that bind.

    One wrong word in a claim is one mistake: what else was right is seen so.
    """
    item = trial.item("StatefulSet", "web")
    templates = at(item.object, "spec", "volumeClaimTemplates") if item else None
    if not isinstance(templates, list) or not templates or pods_not_ready(trial, "statefulset/web", 3) is None:
        return trial
    if trial not in _bound:  # one for all checks, which take their turns with it as they do with the trial
        _bound[trial] = trial.again(change=_with_claims_that_bind).settle()
    return _bound[trial]


_bound: WeakKeyDictionary[Trial, Trial] = WeakKeyDictionary()


def _with_claims_that_bind(obj: Object) -> None:
    templates = at(obj, "spec", "volumeClaimTemplates")
    for each in templates if isinstance(templates, list) else ():
        if isinstance(each, dict):
            each["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def _storage_as_written(trial: Trial) -> str | None:
    item = trial.item("StatefulSet")
    return str(at(item.object, *_STORAGE)) if item else None


# ---- 3. Predict the order of start, stop and replacement

order = Task(
    "ps3.order",
    points=20,
    about="Predict in which order the Pods of StatefulSet `db` start, stop and are replaced.",
    answer="prediction",
    start=texts.QUESTIONS,
    questions=dict.fromkeys(("start", "scale-down", "update", "kill", "bad-image"), vocabulary.pods("db")),
    given=headless("db", app="db") + stateful_set("db", replicas=3),
    hints=(
        "Try it: apply a StatefulSet of three, watch `kubectl get pods -w`, and do what the question says.",
        "OrderedReady goes up one by one from 0, and down one by one from the highest.",
        "A rolling update replaces from the highest ordinal down, and waits for each to be Ready.",
    ),
)


@remembered
def _started() -> tuple[str, ...]:
    return tuple(scenario().order("pod"))


@remembered
def _stopped() -> tuple[str, ...]:
    return tuple(scenario().scale("statefulset/db", 1).settle().order("pod", "DELETED"))


@remembered
def _replaced() -> tuple[str, ...]:
    container = {"name": "main", "image": "registry.k8s.io/nginx-slim:0.25"}
    change = {"spec": {"template": {"spec": {"containers": [container]}}}}
    return tuple(scenario().patch("statefulset/db", change).settle().order("pod", "DELETED"))


def scenario() -> Trial:
    """What the questions are about: three Pods of db, Ready."""
    return Trial(order).settle()


@order.check(points=4, title="start: in which order do the three Pods start?")
def starts(trial: Trial) -> Verdict:
    return predicted(trial, "start", _started())


@order.check(points=4, title="scale-down: scaled from 3 to 1, which Pods go, in which order?")
def stops(trial: Trial) -> Verdict:
    return predicted(trial, "scale-down", _stopped())


@order.check(points=4, title="update: the image changes. In which order are the Pods replaced?")
def is_replaced(trial: Trial) -> Verdict:
    return predicted(trial, "update", _replaced())


def predicted(trial: Trial, question: str, happened: tuple[str, ...]) -> Verdict:
    """Hold the Pods named in the answer to a question against those that it happened to, in order."""
    return in_order(trial, question, happened, share=0.25)


# ---- 4. A peer list built from names only

peers = Task(
    "ps3.peers",
    points=15,
    start=texts.LAST_MONDAY,
    about="A ConfigMap `peers` with the three members of StatefulSet `db`, by names that stay true in any namespace.",
    given=(
        headless("db-peers", app="db")
        + "---\napiVersion: v1\nkind: Service\nmetadata: {name: db}\n"
        + "spec: {selector: {app: db}, ports: [{port: 80}]}\n"
        + stateful_set("db", replicas=3, service="db-peers")
    ),
    hints=(
        "Ask for a name as a member would: kubectl exec db-0 -- getent hosts db-1.<which Service?>",
        "The name exists only under the governing Service, the one that serviceName names.",
        "db-0.db-peers, db-1.db-peers, db-2.db-peers: without a namespace, so that the search list completes them.",
    ),
)


@peers.check(points=2, title="ConfigMap peers has a list of three under the key peers")
def has_a_list(trial: Trial) -> Verdict:
    found, problem = _peer_names(trial)
    if problem is not None:
        return problem
    if len(found) != 3:
        line = trial.line("ConfigMap", "data", "peers")
        return no(f"The list has {len(found)} {'entry' if len(found) == 1 else 'entries'}.", line=line)
    return yes("")


@peers.check(points=6, title="Each entry leads to one member, and all three are there")
def each_leads_to_one(trial: Trial) -> Verdict:
    return _lead_to_members(trial)


@peers.check(points=3, title="The list is still true when every member has been replaced")
def still_true(trial: Trial) -> Verdict:
    found, problem = _peer_names(trial)
    if problem is not None:
        return problem
    for each in trial.pods_of("statefulset/db"):
        trial.delete(each.reference)
    trial.settle()
    verdict = _lead_to_members(trial)
    if verdict.passed or any(not trial.dns(each).records for each in found):
        return verdict
    return no("Every member has been replaced, and now: " + verdict.message, *verdict.evidence, line=verdict.line)


@peers.check(points=2, title="The first entry is the first member, and so on")
def in_ordinal_order(trial: Trial) -> Verdict:
    found, problem = _peer_names(trial)
    if problem is not None:
        return problem
    addresses = [trial.dns(each).records for each in found]
    members = [(each.ip,) for each in trial.pods_of("statefulset/db")]
    if addresses != members:
        return no("The entries are not in the order of the ordinals.", line=trial.line("ConfigMap", "data", "peers"))
    return yes("")


def _peer_names(trial: Trial) -> tuple[list[str], Verdict | None]:
    config = trial.get("configmap/peers")
    if config is None:
        return [], not_there(trial, "configmap/peers")
    text = config.at("data", "peers")
    if not isinstance(text, str):
        keys = ", ".join(config.at("data") or ()) or "none"
        return [], no(f"ConfigMap peers has no key peers; its keys: {keys}.", line=trial.line("ConfigMap", "data"))
    names = [each for line in text.split("\n") if (each := line.strip(" ,\t")) and not each.startswith("#")]
    return [each.rpartition(":")[0] or each for each in names], None


def _lead_to_members(trial: Trial) -> Verdict:
    found, problem = _peer_names(trial)
    if problem is not None:
        return problem
    members = {each.ip: each.name for each in trial.pods_of("statefulset/db")}
    reached: list[str] = []
    results: list[tuple[bool, str]] = []
    for each in found[:10]:
        if "," in each or " " in each:
            results.append((False, f"“{each[:60]}” stands on one line, and each entry has a line of its own."))
            continue
        if each.replace(".", "").isdigit():
            results.append((False, f"{each} is an address, not a name."))
            continue
        answer = trial.dns(each)
        names = [members.get(record, "a stranger") for record in answer.records]
        if len(names) == 1 and names[0] in members.values():
            again = names[0] in reached
            results.append((not again, f"{each} leads to {names[0]}, as another entry does."))
            reached.append(names[0])
        elif names:
            results.append((False, f"{each} leads to {'all members at once' if len(names) > 1 else names[0]}."))
        else:
            results.append((False, f"{answer}."))
    missing = [name for name in members.values() if name not in reached]
    if len(found) < 3:
        results += [(False, f"No entry leads to {name}.") for name in missing[: 3 - len(found)]]
    return parts(results, "").at(trial.line("ConfigMap", "data", "peers"))


# ---- 5. A set whose Pods have no names

lookup = Task(
    "ps3.lookup",
    points=15,
    start=texts.NAMELESS,
    about="The Pods of `cache` run, and `cache-0.cache` is NXDOMAIN: find the three reasons.",
    hints=(
        "serviceName and the Service's name have to agree, its selector and the labels; and one field has to be None.",
        "kubectl get endpointslices shows what a Service found; kubectl get service whether it has an address.",
        "serviceName: cache, selector app: cache, clusterIP: None.",
    ),
)


@lookup.check(points=2, title="The API server accepts it, and two Pods run")
def cache_runs(trial: Trial) -> Verdict:
    if trial.refused:
        return not_there(trial, "statefulset/cache")
    return pods_not_ready(trial, "statefulset/cache", 2) or yes("")


@lookup.check(points=4, title="The Service's own name leads to every Pod")
def service_is_headless(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/cache", 2)
    if problem is not None:
        return problem
    return all_addresses(trial, "cache", "cache") or yes("")


@lookup.check(points=5, title="cache-0.cache and cache-1.cache lead to one Pod each")
def each_has_a_name(trial: Trial) -> Verdict:
    return pods_not_ready(trial, "statefulset/cache", 2) or names_of_pods(trial, "cache", "cache") or yes("")


@lookup.check(points=2, title="The name leads to the new Pod when one is killed")
def name_follows(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/cache", 2)
    if problem is not None:
        return problem
    trial.delete("pod/cache-1").settle()
    return names_of_pods(trial, "cache", "cache") or yes("")
