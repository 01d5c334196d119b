"""Eight losses: what is left of a quorum, as it was when it was run."""

from __future__ import annotations

from grader.rubrics.ps7 import quorum, texts
from grader.shared import remembered
from grader.tasks import Task
from grader.trial import Trial

_SET = "statefulset/kv"


def formed(members: int) -> Trial:
    """An etcd of so many members, all of them Ready."""
    trial = Trial(Task("ps7.kv", 1, "", given=texts.kv(members)))
    trial.when(lambda: sum(each.ready for each in trial.pods_of(_SET)) == members, timeout_s=60)
    return trial


def is_acknowledged(trial: Trial) -> bool:
    """Whether a write to kv-0 is, by members that have had the time to elect."""
    return not quorum.put(trial, "kv-0", "key", "value")


def lose(trial: Trial, left: int) -> None:
    """So many are left, and have had the time to elect; of those that were away, some may be there again."""
    trial.scale(_SET, left)
    trial.when(lambda: len(trial.pods_of(_SET)) == left, timeout_s=60)
    trial.wait(5)


def most_that_may_go(trial: Trial, members: int) -> int:
    """How many of those that are there may be lost, so that a write is still acknowledged: tried around the half."""
    lost = (members - 1) // 2
    lose(trial, members - lost)
    if is_acknowledged(trial):
        while lost + 1 < members:
            lose(trial, members - lost - 1)
            if not is_acknowledged(trial):
                break
            lost += 1
        return lost
    while lost > 0:
        lost -= 1
        lose(trial, members - lost)
        if is_acknowledged(trial):
            break
    return lost


@remembered
def of_three() -> dict[str, str]:
    """What three members say: of a loss, of old data when two are lost, and of a fourth that was announced."""
    trial = formed(3)
    quorum.put(trial, "kv-0", "first", "old")
    may_go = most_that_may_go(trial, 3)
    lose(trial, 1)
    is_read = quorum.get(trial, "kv-0", "first", own=True) == "old"
    lose(trial, 3)
    _announce_a_fourth(trial)
    announced = most_that_may_go(trial, 3)
    return {"three": str(may_go), "stale": "yes" if is_read else "no", "announced": str(announced)}


def _announce_a_fourth(trial: Trial) -> None:
    """etcd takes no member while it has not heard of the others for a while. Raises RuntimeError if it never does."""
    for _ in range(6):
        if quorum.etcdctl(trial, "kv-0", "member", "add", "kv-3", "--peer-urls=http://kv-3.kv:2380")[0]:
            return
        trial.wait(5)
    raise RuntimeError("no fourth member could be announced")


@remembered
def of_four() -> str:
    return str(most_that_may_go(formed(4), 4))


@remembered
def after_the_leader() -> str:
    trial = formed(5)
    quorum.put(trial, "kv-0", "key", "kept")
    first = next((each.name for each in trial.pods_of(_SET) if _leads(trial, each.name)), "kv-0")
    second = next(each.name for each in trial.pods_of(_SET) if each.name != first)
    for name in (first, second):
        trial.delete(f"pod/{name}", gracePeriodSeconds=0)
    left = next(each.name for each in trial.pods_of(_SET) if each.name not in (first, second))
    found = [quorum.get(trial, left, "key") for _ in range(2)]  # perhaps they have to elect first
    return "yes" if "kept" in found else "no"


def _leads(trial: Trial, member: str) -> bool:
    return ", true, false," in quorum.etcdctl(trial, member, "endpoint", "status")[1]
