"""ps9.permissions: who may what."""

from __future__ import annotations

from grader.rubrics.ps9 import rights
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, partly, yes

permissions = Task(
    "ps9.permissions",
    points=25,
    about="An account for the loop that may do what the loop does, and nothing else.",
    needs="a cluster of its own",
    hints=(
        "kubectl auth can-i delete pods --as=system:serviceaccount:default:catalog-loop asks the API server.",
        "A Role says what, a RoleBinding says who; both belong to a namespace.",
        "Each line of the list is a rule of its own: apiGroups, resources, verbs, and resourceNames where it is one.",
    ),
)


@permissions.check(
    points=1,
    title="The loop has an account, and the account has rights",
    hints=(
        "Who is the loop, for the API server?",
        "A ServiceAccount catalog-loop, and a RoleBinding whose subjects name it.",
        "subjects: [{kind: ServiceAccount, name: catalog-loop, namespace: default}]",
    ),
)
def has_an_account(trial: Trial) -> Verdict:
    return rights.account_is_there(trial)


@permissions.check(
    points=3,
    title="It follows Catalogs, and writes their status",
    hints=(
        "The status is an address of its own.",
        "A rule names a subresource with a slash; its group is that of the definition.",
        "apiGroups: [library.example]; resources: [catalogs] with get, list, watch; catalogs/status with update and "
        "patch.",
    ),
)
def follows_catalogs(trial: Trial) -> Verdict:
    return rights.must(trial, rights.WITH_CATALOGS)


@permissions.check(
    points=4,
    title="It follows Pods, labels them, deletes them, and asks Redis inside of them",
    hints=(
        "kubectl exec is a request of its own: what is created?",
        "pods with get, list, watch, patch, delete; and one more resource with a slash.",
        "resources: [pods/exec], verbs: [create]",
    ),
)
def works_with_pods(trial: Trial) -> Verdict:
    return rights.must(trial, rights.WITH_PODS)


@permissions.check(
    points=2,
    title="It keeps its notes, and tells what it does",
    hints=(
        "One ConfigMap, and no other: a rule can say so.",
        "resourceNames narrows a rule to objects of these names.",
        "configmaps with resourceNames: [catalog-loop] and get, update, patch; events with create.",
    ),
)
def keeps_notes(trial: Trial) -> Verdict:
    notes, of_core, of_events = (rights.must(trial, each) for each in (rights.WITH_NOTES, *rights.EVENTS))
    events = max(of_core, of_events, key=lambda each: each.share)
    if notes.passed and events.passed:
        return yes("")
    said = " ".join(dict.fromkeys(filter(None, (notes.message, events.message))))
    return partly(notes.share * 2 / 3 + events.share / 3, said, line=notes.line or events.line)


@permissions.check(
    points=8,
    title="It may nothing else in its namespace",
    hints=(
        "What could somebody do who has stolen this account?",
        "No stars, no verbs that the list does not name, no rule without resourceNames where one object is meant.",
        "Secrets, creating Pods, the spec of a Catalog, the StatefulSet, Roles: nothing of these.",
    ),
)
def nothing_else(trial: Trial) -> Verdict:
    return rights.must_not_here(trial)


@permissions.check(
    points=4,
    title="It may nothing elsewhere, and nobody else may what it may",
    hints=(
        "How far does a binding reach?",
        "A ClusterRoleBinding reaches into every namespace; a group has many members.",
        "A RoleBinding in the loop's namespace, with the loop as its only subject.",
    ),
)
def nothing_elsewhere(trial: Trial) -> Verdict:
    problem = rights.is_idle(trial)
    if problem is not None:
        return problem
    elsewhere = rights.must_not(trial, rights.loop_account(trial), rights.FURTHER_AWAY)
    others = rights.others_may_nothing(trial)
    if elsewhere.passed and others.passed:
        return yes("")
    first = others if elsewhere.passed else elsewhere
    return partly((elsewhere.share + others.share) / 2, first.message, *first.evidence, line=first.line)
