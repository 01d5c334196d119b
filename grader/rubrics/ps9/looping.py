"""ps9.loop: a loop that keeps one primary."""

from __future__ import annotations

from grader.rubrics.ps9 import chapters, texts
from grader.rubrics.ps9.story import a_reader_comes
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no

loop = Task(
    "ps9.loop",
    points=30,
    about="A function `reconcile(cluster)` that keeps a Redis with one primary, whatever happens to its members.",
    answer="program",
    start=texts.LOOP,
    given=texts.catalog(3),
    before=a_reader_comes,
    needs="a cluster of its own",
    hints=(
        "Ask every member first. Then decide: is there a primary that answers, is somebody silent, do all answer?",
        "A primary that answers: the others follow it. Somebody silent and no primary: wait, then delete that Pod, and "
        "wait until it is gone. All answer and none is a primary: the highest offset.",
        "REPLICAOF NO ONE makes a primary, REPLICAOF catalog-1.catalog 6379 a replica. A Pod that is deleted is in the "
        "list until it has ended; a new one of that name has another uid.",
    ),
)


def chapter(trial: Trial, name: str) -> Verdict:
    return chapters.ending(trial, name, chapters.CHAPTERS)


@loop.check(
    points=4,
    title="An empty catalog gets one primary, and the others follow it",
    hints=(
        "What does Redis say of itself? INFO replication has lines of key:value; one of them is role.",
        "Nobody is a primary when all have just started. Choose one, and tell the others its name.",
        "REPLICAOF NO ONE to one of them, REPLICAOF catalog-0.catalog 6379 to the others.",
    ),
)
def from_nothing(trial: Trial) -> Verdict:
    return chapter(trial, "empty")


@loop.check(
    points=4,
    title="While nothing is wrong it changes nothing: six seconds of silence are no death",
    hints=(
        "How long has it been silent? Who remembers that from one call to the next?",
        "A dictionary outside of the function: when each Pod last answered, by cluster.now().",
        "if cluster.now() - heard[uid] < 15: return",
    ),
)
def no_haste(trial: Trial) -> Verdict:
    if not chapter(trial, "empty").passed:
        return no(chapters.FIRST)
    return chapter(trial, "quiet")


@loop.check(
    points=6,
    title="A primary that is lost is replaced by the replica that has copied the most",
    hints=(
        "Which of the members that answer knows the most?",
        "INFO replication of a replica has slave_repl_offset. It is text: compare numbers.",
        'max(names, key=lambda name: int(info[name]["slave_repl_offset"]))',
    ),
)
def takes_the_best(trial: Trial) -> Verdict:
    return chapter(trial, "lagging")


@loop.check(
    points=6,
    title="A primary that is silent for long is fenced first, and replaced then",
    hints=(
        "It may be silent to you, and take writes from others. When do you know that it does not?",
        "A Pod that was deleted still runs until it is gone: these members take twenty seconds to stop.",
        "Delete it, return, and promote somebody only when no Pod with that uid is in the list any more.",
    ),
)
def fences_first(trial: Trial) -> Verdict:
    return chapter(trial, "silent")


@loop.check(
    points=4,
    title="It may be ended at any moment, and goes on where it was",
    hints=(
        "A loop's process ends as others do. What does the next one know?",
        "Nothing that was in a variable. What you see of the cluster has to be enough to go on.",
        "Look at everything anew in each call, do the next thing, and do nothing twice that cannot be done twice.",
    ),
)
def goes_on(trial: Trial) -> Verdict:
    return chapter(trial, "dying")
