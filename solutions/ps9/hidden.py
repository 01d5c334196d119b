"""Variations of ps9 that learners do not see. nbgrader's configuration keeps this file out of every release."""

from __future__ import annotations

from collections.abc import Mapping

from grader.choices import one_of
from grader.program import Runner
from grader.rubrics.ps9 import catalogs, chapters, definition, desks, following, loop, permissions, rights, texts
from grader.rubrics.ps9.catalogs import Rule
from grader.rubrics.ps9.chapters import Chapter, Ending
from grader.rubrics.ps9.defining import drops, grows_only, keeps_apart
from grader.rubrics.ps9.looping import chapter
from grader.rubrics.ps9.rights import Ask, each
from grader.rubrics.ps9.story import Story, a_reader_comes
from grader.shared import remembered
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, partly, parts

OTHER_CATALOGS = (
    "There are Catalogs that are taken and should not be, or the other way round. Read each sentence again."
)
OTHER_RIGHTS = "It may something more than the list says, or may not all of it. Hold each rule against its line."
SEEN_LATER = "This one is looked at when you hand in; it is not what the loop does."
OTHER_CHAPTERS = (
    "It does not hold for every number of members, and whatever happens to them. What does your loop take for granted?"
)

# ---- the definition

_WELL = {"version": "7.4"}
_OTHERS = (
    Rule("", ({"version": "10.12"}, {"version": "0.1"}), ({"version": "7.4.1"}, {"version": "v7.4"}, {"version": 7.4})),
    Rule("", ({**_WELL, "members": 7},), ({**_WELL, "members": 0}, {**_WELL, "members": -1})),
    Rule("", ({**_WELL, "members": 1},), ({**_WELL, "members": "3"}, {**_WELL, "members": 3.5})),
    Rule("", ({**_WELL, "writes": "fast"},), ({**_WELL, "writes": "Safe"}, {**_WELL, "writes": ""})),
    Rule("", (_WELL,), ({}, {"version": "x7.4"}, {"version": "7.4 "}, {"version": "7x4"})),
    Rule("", ({"version": "7.10"},), ({"version": "7."}, {"version": ".4"}, {"version": "."})),
)


@definition.check(points=2, title="It holds for other Catalogs too", hidden=OTHER_CATALOGS)
def other_catalogs(trial: Trial) -> Verdict:
    problem = catalogs.not_served(trial)
    if problem is not None:
        return problem
    results = [(not said, said) for said in (catalogs.broken(trial, rule) for rule in _OTHERS)]
    grown = grows_only(trial, "essays", 1, 9, 7)
    apart = keeps_apart(trial, "letters", "letters-4", 5)
    results += [
        (grown.passed, grown.message),
        (apart.passed, apart.message),
        _shrunk_by_scale(trial),
        drops(trial, "colour"),
    ]
    return parts(results, "")


def _shrunk_by_scale(trial: Trial) -> tuple[bool, str]:
    catalogs.create(trial, "plays", {"version": "7.4", "members": 5, "writes": "safe"})
    for count in (3, 6, 11):
        if catalogs.change(trial, "plays", {"spec": {"replicas": count}}, "scale").taken:
            return False, f"A Catalog of 5 was scaled to {count}."
    return True, ""


# ---- the rights

_MORE_HERE: Mapping[str, tuple[Ask, ...]] = {
    "collections": (*each("deletecollection", "configmaps"), *each("deletecollection", "catalogs", rights.LIBRARY)),
    "claims": (*each("delete get", "persistentvolumeclaims"),),
    "accounts": (*each("get create delete", "serviceaccounts"),),
    "workloads": (
        *each("create patch", "deployments", "apps"),
        Ask("create", "jobs", "batch"),
        Ask("delete", "services"),
    ),
    "the inside of Pods": (
        Ask("create", "pods/portforward"),
        Ask("patch", "pods/ephemeralcontainers"),
        Ask("create", "pods/binding"),
    ),
    "configuration": (*each("create", "configmaps"), Ask("patch", "configmaps", name="kube-root-ca.crt")),
}


@permissions.check(points=3, title="Neither more nor less, asked further", hidden=OTHER_RIGHTS)
def asked_further(trial: Trial) -> Verdict:
    problem = rights.is_idle(trial)
    if problem is not None:
        return problem
    account = rights.loop_account(trial)
    needed = [
        *each("patch update", "catalogs/status", rights.LIBRARY, name="poems"),
        *each("delete patch get", "pods", name="poems-4"),
        Ask("create", "pods/exec", name="poems-1"),
    ]
    lacking = [ask for ask in needed if not rights.may(trial, account, ask)]
    if lacking:
        return partly(0.25, f"It may not {lacking[0]}.")
    more = rights.must_not(trial, account, _MORE_HERE)
    strangers = rights.service_account("elsewhere", rights.LOOP, "the catalog-loop of another namespace")
    if rights.allowed(trial, strangers, (*rights.WITH_PODS, *rights.WITH_CATALOGS)):
        return partly(more.share / 2, f"{strangers.called} may what the loop may.")
    return more


# ---- what the loop does next


@remembered
def _with_fewer() -> str:
    return str(len(desks.next_call(lambda trial: desks.change(trial, {"spec": {"clerks": 1}})).left))


@remembered
def _without_its_desk() -> str:
    def closes(trial: Trial) -> None:
        trial.cluster.delete("desks.library.example", f"{trial.namespace}/front")
        trial.settle()

    return desks.next_call(closes).act


@following.check(points=2.5, title="fewer: clerks is changed from 3 to 1. How many Pods are left?", hidden=SEEN_LATER)
def with_fewer(trial: Trial) -> Verdict:
    return one_of(trial, "fewer", _with_fewer())


@following.check(points=2.5, title="gone: the Desk is deleted, its Pods are there", hidden=SEEN_LATER)
def without_its_desk(trial: Trial) -> Verdict:
    return one_of(trial, "gone", _without_its_desk())


# ---- the loop


def _five(trial: Trial, runner: Runner) -> Ending:
    """Of five, one replica in the middle has all; it is slow to answer just when somebody has to be chosen."""
    story = Story(trial, runner, trial.answer.text)
    primary = chapters.put_right(story)
    story.after(chapters.SHORT_S, lambda: chapters.behind_and_dead(story, primary, 2))
    replicas = [each for each in story.members() if each.name != primary]
    story.after(chapters.SHORT_S, lambda: story.library.silent.add(replicas[2].uid))
    story.after(chapters.SHORT_S + 8, story.library.silent.clear)
    seconds = 50.0
    return chapters.judged(story.run(chapters.SHORT_S + seconds, calm_after_s=chapters.SHORT_S + 8), seconds)


def _cut_off(trial: Trial, runner: Runner) -> Ending:
    """The primary's node is cut off: it hears of no deletion, and its Pods run on."""
    story = Story(trial, runner, trial.answer.text)
    primary = chapters.put_right(story)
    pod = trial.get(f"pod/{primary}")
    if pod is None or pod.node is None:
        return Ending(0.0, "There is no primary.")

    def cut() -> None:
        kubelet = story.cluster.kubelets[pod.node or ""]
        kubelet.is_running, kubelet.last_heard_s = False, story.now_s
        trial.patch(f"node/{pod.node}", {"spec": {"unschedulable": True}})
        story.library.silent |= {each.uid for each in story.members() if each.node == pod.node}
        story.tell(f"{pod.node}, where {primary} runs, is cut off")

    story.after(chapters.SHORT_S, cut)
    story.run(120.0)
    if story.fatal is not None:
        return Ending(0.0, story.fatal.error)
    if story.two:
        return Ending(0.0, f"{' and '.join(story.two)} take writes at the same time.", tuple(story.told))
    return Ending(1.0)


def _hidden(trial: Trial, members: int, namespace: str, chapter_: Chapter) -> Verdict:
    task = Task("ps9.loop-elsewhere", 1, "", answer="program", given=texts.catalog(members), before=a_reader_comes)
    other = trial.beside(task, trial.answer, namespace=namespace)
    return chapters.ending(other, "one", {"one": chapter_})


@loop.check(points=3, title="Five members, elsewhere, and the best of them is slow to answer", hidden=OTHER_CHAPTERS)
def five_members(trial: Trial) -> Verdict:
    if not chapter(trial, "lagging").passed:
        return no(chapter(trial, "lagging").message)
    return _hidden(trial, 5, "reading-room", _five)


@loop.check(points=3, title="A node that is cut off, and a Pod that never ends", hidden=OTHER_CHAPTERS)
def node_cut_off(trial: Trial) -> Verdict:
    if not chapter(trial, "silent").passed:
        return no(chapter(trial, "silent").message)
    return _hidden(trial, 3, trial.namespace, _cut_off)
