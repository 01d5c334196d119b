"""ps8.grow: the claims of a StatefulSet have to grow, and its template with them, while its Pods serve on."""

from __future__ import annotations

from grader.diagnosis import pods_not_ready
from grader.rubrics.ps8 import texts
from grader.rubrics.ps8.history import untouched
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, parts, yes
from statelab.controlplane.quantity import nanos as quantity

WANTED = "2Gi"
MEMBERS = ["ledger-0", "ledger-1", "ledger-2"]


def keep_books(trial: Trial) -> None:
    """What lies on the disks before the answer."""
    for pod in MEMBERS:
        trial.write(pod, "/books/books.txt", book_of(trial, pod))


def book_of(trial: Trial, pod: str) -> str:
    return f"the books of {pod} in {trial.namespace}"


grow = Task(
    "ps8.grow",
    points=21,
    about="The three disks of StatefulSet `ledger` have to grow from 1Gi to 2Gi, and nobody may notice.",
    answer="commands",
    may_say_namespace=False,
    given=texts.FAST + texts.ledger("1Gi"),
    files={"ledger.yaml": texts.ledger(WANTED)},
    before=keep_books,
    needs="a cluster of its own",  # the answer changes a StorageClass
    start="kubectl get persistentvolumeclaims\n",
)


def _size(trial: Trial, claim: str) -> str:
    """How large a claim's disk is by now, and as what was asked for; "" where there is none."""
    seen = trial.get(f"pvc/{claim}")
    return str(seen.at("status", "capacity", "storage") or "") if seen else ""


def is_large(size: str) -> bool:
    return bool(size) and quantity(size) == quantity(WANTED)


def template_size(trial: Trial) -> str:
    """What the set's template asks for; "" where there is no set."""
    seen = trial.get("statefulset/ledger")
    templates = (seen.at("spec", "volumeClaimTemplates") if seen else None) or ()
    found = [
        each["spec"]["resources"]["requests"]["storage"] for each in templates if each["metadata"]["name"] == "books"
    ]
    return str(found[0]) if found else ""


def begun(trial: Trial) -> Verdict | None:
    """Why nothing has grown at all; None when something has."""
    trial.settle()
    if is_large(template_size(trial)) or any(is_large(_size(trial, f"books-{pod}")) for pod in MEMBERS):
        return None
    return no(f"Nothing has grown: no claim has {WANTED}, and the set asks for {template_size(trial) or 'nothing'}.")


def _why_small(trial: Trial, claim: str) -> str:
    seen = trial.get(f"pvc/{claim}")
    if seen is None:
        return f"There is no claim {claim} any more."
    asked, size = seen.at("spec", "resources", "requests", "storage"), _size(trial, claim)
    if quantity(str(asked)) != quantity(WANTED):
        return f"{claim} asks for {asked}, and not for {WANTED}."
    return f"{claim} asks for {WANTED}, and has {size}: {_last_word(trial, claim)}"


def _last_word(trial: Trial, claim: str) -> str:
    lines = trial.evidence(f"pvc/{claim}", most=1)
    return lines[-1] if lines else "nothing has happened to it."


@grow.check(
    points=6,
    title="Each of the three disks has 2 GiB",
    hints=(
        "A disk is grown by its claim, and not by the set. Who has to allow it?",
        "What a class does not allow, no claim gets: kubectl get storageclass fast shows ALLOWVOLUMEEXPANSION.",
        "kubectl patch storageclass fast -p '{\"allowVolumeExpansion\":true}', then for each claim: kubectl patch pvc "
        'books-ledger-0 -p \'{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}\'',
    ),
)
def disks_are_large(trial: Trial) -> Verdict:
    trial.settle()
    claims = [f"books-{pod}" for pod in MEMBERS]
    large = [is_large(_size(trial, claim)) for claim in claims]
    return parts(
        [(fits, "" if fits else _why_small(trial, claim)) for claim, fits in zip(claims, large, strict=True)], ""
    )


@grow.check(
    points=5,
    title="No Pod was deleted, restarted or not Ready at any moment, and the set has its three Pods",
    hints=(
        "Which of your lines makes Pods go? Deleting a set usually takes its Pods with it.",
        "kubectl delete has an option that leaves behind what an object owns. The new set takes in what it finds.",
        "kubectl delete statefulset ledger --cascade=orphan, and then kubectl apply -f ledger.yaml.",
    ),
)
def nobody_noticed(trial: Trial) -> Verdict:
    problem = begun(trial) or untouched(trial, MEMBERS, len(MEMBERS))
    if problem is None and trial.get("statefulset/ledger") is None:
        problem = no("There is no StatefulSet ledger any more.", trial.evidence("statefulset/ledger", most=4))
    return problem or pods_not_ready(trial, "statefulset/ledger", len(MEMBERS)) or yes("")


@grow.check(
    points=3,
    title="Nothing that lay on the disks is lost",
    hints=(
        "A claim that is made again gets a new volume, and that is empty.",
        "Neither claims nor Pods have to be deleted.",
        "Patch the claims that are there; delete nothing but the set, and that with --cascade=orphan.",
    ),
)
def nothing_is_lost(trial: Trial) -> Verdict:
    return begun(trial) or books_are_there(trial)


def books_are_there(trial: Trial) -> Verdict:
    return parts(
        [
            (
                (trial.read(pod, "/books/books.txt") or "").strip() == book_of(trial, pod),
                f"The books of {pod} are gone.",
            )
            for pod in MEMBERS
        ],
        "",
    )


@grow.check(
    points=4,
    title="A fourth member gets 2 GiB as well",
    hints=(
        "Where does the disk of a new member come from? From the set's template, which still says 1Gi.",
        "That field of a set cannot be changed. So the set has to be made again.",
        "kubectl delete statefulset ledger --cascade=orphan, and then kubectl apply -f ledger.yaml, which says 2Gi.",
    ),
)
def the_fourth_too(trial: Trial) -> Verdict:
    problem = begun(trial)
    if problem is not None:
        return problem
    if trial.get("statefulset/ledger") is None:
        return no("There is no StatefulSet ledger any more.", trial.evidence("statefulset/ledger", most=4))
    trial.scale("statefulset/ledger", 4).settle()
    size = _size(trial, "books-ledger-3")
    why = pods_not_ready(trial, "statefulset/ledger", 4) if not is_large(size) else None
    trial.scale("statefulset/ledger", 3).settle()
    if is_large(size):
        return yes("")
    if size:
        return no(f"The set was scaled to 4: ledger-3 got a disk of {size}, since the set asks for {size}.")
    return why or no("The set was scaled to 4, and ledger-3 has no disk.")
