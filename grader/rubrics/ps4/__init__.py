"""ps4, Storage: claims and volumes, and what becomes of the data when something happens (lessons 05 and 06)."""

from __future__ import annotations

from grader import vocabulary
from grader.behaviour import claim_at
from grader.changes import little_changed
from grader.choices import agrees
from grader.diagnosis import names_of_pods, not_there, pods_not_ready, why_not_ready
from grader.given import headless
from grader.rubrics.ps4 import runs, texts
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, partly, parts, yes
from statelab.controlplane.kinds import Object
from statelab.controlplane.quantity import nanos as quantity
from statelab.controlplane.scheduling.nodematch import matches_selector
from statelab.manifest.relations import at

HTML = "/usr/share/nginx/html"

# ---- 1. Repair the notes' claim and Pod

repair = Task(
    "ps4.repair",
    points=18,
    about="Repair the notes' claim and the Pod that uses it, changing no more than is broken.",
    start=texts.NOTES,
    hints=(
        "Apply it, and read what the API server answers. Mend that, and apply it again: one mistake hides the next.",
        "One word is spelt wrong, and one field is called by another field's name. Both are in the Pod.",
        "apiVersion: v1, and name: pv-pod under metadata. The claim is fine as it is.",
    ),
)


@repair.check(points=3, title="The API server accepts the claim and the Pod")
def accepted(trial: Trial) -> Verdict:
    for reference in ("pod/pv-pod", "pvc/pv-claim"):
        if trial.refused or trial.get(reference) is None:
            return not_there(trial, reference)
    return yes("")


@repair.check(points=4, title="The Pod runs, and its pages are on the claim")
def runs_on_the_claim(trial: Trial) -> Verdict:
    pod = trial.get("pod/pv-pod")
    if pod is None:
        return not_there(trial, "pod/pv-pod")
    if not pod.ready:
        if trial.get("pvc/pv-claim") is None:
            return not_there(trial, "pvc/pv-claim")
        why = pod.waiting_for or f"it is {pod.phase}, and not Ready"
        return no(f"pv-pod does not get ready: {why}.", trial.evidence("pod/pv-pod", "pvc/pv-claim"))
    claim = claim_at(trial, "pv-pod", HTML)
    if claim is None or claim.name != "pv-claim":
        line = trial.line("Pod", "spec", "containers", 0, "volumeMounts")
        return no(f"The volume of pv-claim is not at {HTML} in the container.", line=line)
    return yes("")


@repair.check(points=4, title="A page outlives the Pod: it is there when the Pod has been made again")
def page_outlives_the_pod(trial: Trial) -> Verdict:
    pod, item = trial.get("pod/pv-pod"), trial.item("Pod", "pv-pod")
    if pod is None or item is None:
        return not_there(trial, "pod/pv-pod")
    if not trial.write("pv-pod", f"{HTML}/page.html", "written before"):
        return no(f"Nothing can be written to {HTML} in pv-pod.", trial.evidence("pod/pv-pod", most=3))
    trial.delete("pod/pv-pod").settle().apply(runs.as_text(item.object)).settle()
    if trial.read("pv-pod", f"{HTML}/page.html") != "written before":
        seen = trial.evidence("pod/pv-pod", "pvc/pv-claim", most=5)
        return no("A page was written and the Pod made again: the page is not there.", seen)
    return yes("")


@repair.check(
    points=4,
    title="Only what was broken has changed",
    hints=(
        "Begin again with the notes' text, and change one thing at a time.",
        "The claim's name and size, the mount and the port were right.",
        "Two words need a change, both in the Pod; another image is welcome too.",
    ),
)
def only_what_was_broken(trial: Trial) -> Verdict:
    return little_changed(trial, texts.NOTES, broken=texts.BROKEN)


# ---- 2. Two volumes for every Pod

two_volumes = Task(
    "ps4.two-volumes",
    points=17,
    about="A StatefulSet `db` of two, whose Pods each keep their data and their log on claims of their own.",
    may_say_namespace=False,
    given=headless("db", app="db"),
)
DATA, LOG = "/var/lib/db", "/var/log/db"
WANTED = {DATA: "2Gi", LOG: "512Mi"}


@two_volumes.check(
    points=3,
    title="Two Pods run: db-0, db-1",
    hints=(
        "Which workload kind gives its Pods numbers, and claims to go with them?",
        "A StatefulSet db with replicas: 2, serviceName: db, and a selector that matches the template's labels.",
        "If db-0 stays Pending, `kubectl describe pod db-0` says what it waits for. Leave storageClassName away.",
    ),
)
def two_run(trial: Trial) -> Verdict:
    return pods_not_ready(trial, "statefulset/db", 2) or yes("")


@two_volumes.check(
    points=4,
    title="Each has two claims of its own, of the right size, in the right place",
    hints=(
        "How many claims are there in all, when two Pods have two each?",
        "volumeClaimTemplates is a list: one entry for the data, one for the log, each with a name and a size.",
        f"Two templates, data of 2Gi and log of 512Mi; two volumeMounts of the same names, at {DATA} and {LOG}.",
    ),
)
def claims_of_their_own(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/db", 2)
    if problem is not None:
        return problem
    taken: dict[str, str] = {}
    results = []
    for pod in ("db-0", "db-1"):
        for folder, wanted in WANTED.items():
            claim = claim_at(trial, pod, folder)
            if claim is None:
                results.append((False, f"{pod} has no claim at {folder}."))
                continue
            asked = str(claim.at("spec", "resources", "requests", "storage"))
            if claim.name in taken:
                results.append((False, f"{folder} of {pod} is on {claim.name}, and so is {taken[claim.name]}."))
            else:
                right = quantity(asked) == quantity(wanted)
                results.append((right, f"{claim.name}, at {folder} of {pod}, asks for {asked}, not {wanted}."))
            taken[claim.name] = f"{folder} of {pod}"
    return parts(results, "").at(trial.line("StatefulSet", "spec", "volumeClaimTemplates"))


@two_volumes.check(
    points=3,
    title="Data and log of each Pod are there when it has been killed",
    hints=(
        "What stays when a Pod goes: its containers' files, an emptyDir, or a claim?",
        "Both folders need a mount; a template that is not mounted makes a claim that nobody uses.",
        "The name of a volumeMount is the name of the claim template. Neither mount is readOnly.",
    ),
)
def outlive_a_kill(trial: Trial) -> Verdict:
    told = "all Pods were killed"
    return runs.survives(trial, "db", 2, (DATA, LOG), runs.killed, told)


@two_volumes.check(
    points=2,
    title="The Pods are found by name: db-0.db, db-1.db",
    hints=(
        "The headless Service db is there. What tells the set's Pods that it is theirs?",
        "Two things have to agree with the Service: a field of the set's spec, and the Pods' labels.",
        "serviceName: db, and the template's labels are app: db.",
    ),
)
def found_by_name(trial: Trial) -> Verdict:
    return pods_not_ready(trial, "statefulset/db", 2) or names_of_pods(trial, "db", "db") or yes("")


# ---- 3. Keep the data through five disasters

disasters = Task(
    "ps4.disasters",
    points=20,
    about="Change StatefulSet `ledger` until what its two Pods write to /ledger outlives five disasters.",
    may_say_namespace=False,
    start=texts.LEDGER,
    given=headless("ledger", app="ledger"),
    needs="a cluster of its own",  # the answer has a StorageClass
)
_LEDGER = ("/ledger",)


@disasters.check(
    points=2,
    title="1. Every container's process ends, and is started again",
    hints=(
        "Where does a container's own file system go when the container is made anew?",
        "What is written outside of every mount is gone with the container. What is mounted, and where?",
        "The Pods write to /ledger: that has to be the mountPath of the claim.",
    ),
)
def outlives_a_restart(trial: Trial) -> Verdict:
    return runs.survives(trial, "ledger", 2, _LEDGER, runs.restarted, "its process ended and was started again")


@disasters.check(
    points=3,
    title="2. All Pods are deleted",
    hints=(
        "An emptyDir is the Pod's. Whose is a claim?",
        "The claim template `data` is there already. Which volume does the mount name?",
        "Mount the claim template's name at /ledger, and take the emptyDir away.",
    ),
)
def outlives_its_pod(trial: Trial) -> Verdict:
    return runs.survives(trial, "ledger", 2, _LEDGER, runs.killed, "all Pods were deleted")


@disasters.check(
    points=4,
    title="3. The set is scaled to 0 for a night, and back",
    hints=(
        "Who deletes claims when a set gets smaller? Nobody, unless asked to.",
        "Look at persistentVolumeClaimRetentionPolicy. There are two cases in it.",
        "whenScaled: Retain, or no policy at all: Retain is what you get without one.",
    ),
)
def outlives_the_night(trial: Trial) -> Verdict:
    return runs.survives(trial, "ledger", 2, _LEDGER, runs.scaled_to_nothing, "the set was scaled to 0 and back to 2")


@disasters.check(
    points=4,
    title="4. The StatefulSet is deleted, and its manifest is applied again",
    hints=(
        "The claims of a deleted set stay, unless something says otherwise.",
        "persistentVolumeClaimRetentionPolicy has another case beside whenScaled.",
        "whenDeleted: Retain, or no policy at all.",
    ),
)
def outlives_its_set(trial: Trial) -> Verdict:
    return runs.survives(trial, "ledger", 2, _LEDGER, runs.made_again, "the set was deleted and made again")


@disasters.check(
    points=4,
    title="5. Somebody deletes the claims: the volumes stay, and an administrator gives them back",
    hints=(
        "What happens to a volume when its claim is gone is not written in the claim.",
        "It is the StorageClass that says what becomes of its volumes. The manifest has one.",
        "reclaimPolicy: Retain in the StorageClass, and the claim template has to name that class.",
    ),
)
def outlives_its_claim(trial: Trial) -> Verdict:
    told = "its claim was deleted, and the volume that was left, if any, given to the new claim of that name"
    return runs.survives(trial, "ledger", 2, _LEDGER, runs.claims_deleted, told)


# ---- 4. Disks that go, and disks that stay

retention = Task(
    "ps4.retention",
    points=13,
    about="Give back the disks of members that are scaled away, and keep all disks when the set is deleted.",
    start=texts.QUEUE,
    given=headless("queue", app="queue"),
    hints=(
        "One field of a StatefulSet is about this. Which two cases does it tell apart?",
        "persistentVolumeClaimRetentionPolicy: whenScaled is about replicas, whenDeleted about the whole set.",
        "whenScaled: Delete and whenDeleted: Retain, both with a capital letter.",
    ),
)


@retention.check(points=3, title="Scaled from 3 to 1: the claims and volumes of the two that went are gone")
def gives_back(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/queue", 3)
    if problem is not None:
        return problem
    trial.write("queue-0", "/queue/jobs", "jobs of queue-0")
    before = {each.name: each.claims for each in trial.pods_of("statefulset/queue")}
    if not all(before.values()):
        return no("There is a Pod without a claim, so there is nothing to give back.")
    trial.scale("statefulset/queue", 1).settle(quiet_s=40)
    line = trial.line("StatefulSet", "spec", "persistentVolumeClaimRetentionPolicy")
    results = [
        (trial.get(f"pvc/{claim}") is None, f"{pod} is gone, and its claim {claim} is still there.")
        for pod in ("queue-1", "queue-2")
        for claim in before[pod]
    ]
    volumes = [each for each in trial.all("pv") if (each.at("spec", "claimRef", "name") or "").startswith("jobs-")]
    results.append((len(volumes) == 1, f"{len(volumes)} volumes are left, for one member."))
    return parts(results, "").at(line)


@retention.check(points=2, title="The member that stayed keeps its disk, also when it crashes")
def keeps_its_own(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/queue", int(_replicas(trial)))
    if problem is not None:
        return problem
    trial.delete("pod/queue-0").settle()
    if trial.read("queue-0", "/queue/jobs") != "jobs of queue-0":
        return no("queue-0 was killed, and what it had written is gone.", trial.evidence("pod/queue-0", most=5))
    return yes("")


def _replicas(trial: Trial) -> int:
    seen = trial.get("statefulset/queue")
    return int(seen.at("spec", "replicas") or 0) if seen else 1


@retention.check(points=3, title="The set is deleted and made again: every disk is there as it was", fresh=True)
def keeps_for_the_next_release(trial: Trial) -> Verdict:
    return runs.survives(trial, "queue", 3, ("/queue",), runs.made_again, "the set was deleted and made again")


@retention.check(
    points=2,
    title="Nothing else has changed",
    hints=(
        "Begin again with the text as it was given.",
        "Only the retention policy needs a change.",
        "Two words in two lines: whenDeleted and whenScaled.",
    ),
)
def only_the_policy(trial: Trial) -> Verdict:
    free = ("persistentVolumeClaimRetentionPolicy", "labels", "annotations", "namespace")
    return little_changed(trial, texts.QUEUE, free=free)


# ---- 5. A volume made by hand

by_hand = Task(
    "ps4.by-hand",
    points=14,
    about="A volume made by hand over a folder of kind-worker2, for the claim `archive` and for no other.",
    given=runs.SCRIBE,
    pause_s=3.0,  # what is written first is there first
    needs="a cluster of its own",  # the answer is a PersistentVolume, over a folder of a node
)


def own_volume(trial: Trial) -> tuple[Object | None, Verdict | None]:
    """The learner's volume, or why there is none that the claim `archive` is bound to."""
    claim = trial.get("pvc/archive")
    if claim is None:
        return None, not_there(trial, "pvc/archive")
    volumes = {each.name: each.object for each in trial.items if each.kind == "PersistentVolume" and each.name}
    if not volumes:
        return None, not_there(trial, "pv/archive")
    bound = claim.at("spec", "volumeName") if claim.phase == "Bound" else None
    if bound not in volumes:
        text = f"Claim archive is bound to {bound}" if bound else f"Claim archive is {claim.phase}"
        seen = trial.evidence("pvc/archive", *(f"pv/{name}" for name in volumes))
        line = trial.line("PersistentVolumeClaim", "spec", name="archive")
        return None, no(f"{text}, and not bound to the volume you made.", seen, line=line)
    return volumes[bound], None


@by_hand.check(
    points=3,
    title="Claim archive is bound to your volume",
    hints=(
        "A claim gets a volume that is large enough, of its class, and that offers its access mode.",
        "A claim that names no class gets the default one, and a new volume. How do you say that you want no class?",
        'storageClassName: "" in the claim, none in the volume; the same accessModes in both.',
    ),
)
def is_bound(trial: Trial) -> Verdict:
    volume, problem = own_volume(trial)
    if volume is None or problem is not None:
        return problem or yes("")
    size = str(volume["spec"].get("capacity", {}).get("storage"))
    if quantity(size) < quantity("5Gi"):  # a claim that names its volume gets it, however small it is
        line = trial.line("PersistentVolume", "spec", "capacity", "storage")
        return no(f"The volume says that it has {size}, and 5 GiB are wanted.", line=line)
    return yes("")


@by_hand.check(
    points=3,
    title="The reader finds the books of 2025 in /archive",
    hints=(
        "The folder is on one node. Where does the reader run?",
        "A volume can say which nodes reach it; the scheduler then sends its Pods there.",
        "nodeAffinity.required with the label kubernetes.io/hostname In [kind-worker2], path /srv/archive.",
    ),
)
def reader_reads(trial: Trial) -> Verdict:
    volume, problem = own_volume(trial)
    if volume is None or problem is not None:
        return problem or no("There is no volume.")
    reader = trial.get("pod/reader")
    if reader is None or not reader.ready:
        why = f": {why_not_ready(trial, reader)}" if reader is not None else ""
        line = trial.line("PersistentVolume", "spec")
        return no(f"The reader does not get ready{why}.", trial.evidence("pod/reader"), line=line)
    found = trial.read("reader", "/archive/books.txt")
    if (found or "").strip() != runs.BOOKS:
        where = trial.line("PersistentVolume", "spec", "nodeAffinity") or trial.line("PersistentVolume", "spec")
        return no(f"The reader runs on {reader.node}, and in its /archive there is no books.txt.", line=where)
    new = runs.NEW_NODE
    if (nodes := at(volume, "spec", "nodeAffinity", "required")) and matches_selector(nodes, new):
        text = f"The books are on kind-worker2, and {new['metadata']['name']}, a node that may come, would do as well."
        return partly(0.5, text, line=trial.line("PersistentVolume", "spec", "nodeAffinity"))
    return yes("")


@by_hand.check(
    points=4,
    title="Claims of others that came first do not get your volume",
    fresh=True,
    hints=(
        "Another claim of that class and size may be there before yours. What keeps it from your volume?",
        "A claim can name its volume; that does not stop another from taking it first. The volume can name its claim.",
        "claimRef: {namespace: default, name: archive} in the volume's spec.",
    ),
)
def others_do_not_get_it(trial: Trial) -> Verdict:
    problem = own_volume(trial)[1]
    if problem is not None:
        return problem
    volumes = [each.object for each in trial.items if each.kind == "PersistentVolume" and each.name]
    rivals = runs.namespace_called("other")
    for volume in volumes[:2]:
        rivals += runs.rival("hungry", "default", volume["spec"])
        rivals += runs.rival("archive", "other", volume["spec"], with_pod=False)
    other = runs.elsewhere(trial, given=rivals + "---\n" + runs.as_text(*volumes))
    for volume in volumes:
        seen = other.get(f"pv/{volume['metadata']['name']}")
        holder = f"{seen.at('spec', 'claimRef', 'namespace')}/{seen.at('spec', 'claimRef', 'name')}" if seen else ""
        if seen is not None and seen.phase == "Bound" and holder != "default/archive":
            text = f"The claim {holder} was there first, and got {seen.name}."
            line = trial.line("PersistentVolume", "spec")
            return no(text, other.evidence(seen.reference, "pvc/archive"), line=line)
    return own_volume(other)[1] or yes("")


# ---- 6. Predict

lost = Task(
    "ps4.lost",
    points=8,
    about="Predict for ten events whether what db-2 wrote to its claim is kept or lost.",
    answer="prediction",
    start=texts.QUESTIONS,
    questions=dict.fromkeys(texts.QUESTIONS.replace(":", "").split(), vocabulary.KEPT_LOST),
    hints=(
        "Try it: write a file in db-2, let it happen, and look for the file when db-2 is back.",
        "Data go with the volume, the volume with its claim. So ask each time: is the claim really gone?",
        "A claim goes when someone deletes it and no Pod uses it, or when a policy for exactly this event says Delete.",
    ),
)


@lost.check(points=3, title="pod, scale, set, claim, claim-and-pod: without any policy")
def without_a_policy(trial: Trial) -> Verdict:
    return agrees(trial, {each: runs.lost()[each] for each in ("pod", "scale", "set", "claim", "claim-and-pod")})


@lost.check(points=2, title="pod-with-policies, scale-with-when-deleted, scale-with-when-scaled")
def with_a_policy(trial: Trial) -> Verdict:
    questions = ("pod-with-policies", "scale-with-when-deleted", "scale-with-when-scaled")
    return agrees(trial, {each: runs.lost()[each] for each in questions})
