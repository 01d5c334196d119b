"""ps9, An operator: a kind of one's own, who may what, what a loop does next, and a loop that keeps one primary."""

from __future__ import annotations

from grader.choices import in_order, one_of
from grader.rubrics.ps9 import catalogs, chapters, desks, rights, texts
from grader.rubrics.ps9.catalogs import Rule
from grader.rubrics.ps9.story import a_reader_comes
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, partly, parts, yes

# ---- 1. A kind of one's own

definition = Task(
    "ps9.definition",
    points=25,
    about="A CustomResourceDefinition for `Catalog` whose schema takes what is right and refuses what is wrong.",
    needs="a cluster of its own",
    hints=(
        "Create a good Catalog and a bad one, and read what the API server says: kubectl explain catalog.spec helps.",
        "Everything stands under versions[0]: schema.openAPIV3Schema, subresources, additionalPrinterColumns.",
        "properties.spec has required, and properties with type, pattern, enum, minimum, maximum, default and "
        "x-kubernetes-validations.",
    ),
)

RULES = (
    Rule("spec has to be there.", ({"version": "7.4"},), (None,), ("spec",)),
    Rule("version has to be there.", ({"version": "7.4"},), ({"members": 3},), ("spec", "version")),
    Rule(
        "version is two numbers with a dot between.",
        ({"version": "7.4"}, {"version": "8.0"}),
        ({"version": "latest"}, {"version": "7"}),
        ("spec", "version"),
    ),
    Rule(
        "members is a whole number.",
        ({"version": "7.4", "members": 3},),
        ({"version": "7.4", "members": "three"},),
        ("spec", "members"),
    ),
    Rule(
        "members is odd.",
        tuple({"version": "7.4", "members": count} for count in (1, 3, 5)),
        tuple({"version": "7.4", "members": count} for count in (2, 4)),
        ("spec", "members"),
    ),
    Rule(
        "members is 9 at the most.",
        ({"version": "7.4", "members": 9},),
        ({"version": "7.4", "members": 11},),
        ("spec", "members"),
    ),
    Rule(
        "writes is safe or fast.",
        ({"version": "7.4", "writes": "safe"}, {"version": "7.4", "writes": "fast"}),
        ({"version": "7.4", "writes": "slow"},),
        ("spec", "writes"),
    ),
)


@definition.check(
    points=3,
    title="The API server knows the kind Catalog",
    hints=(
        "What is the name of a CustomResourceDefinition made of?",
        "metadata.name is the plural, a dot, the group; spec has group, names, scope and versions.",
        "catalogs.library.example, scope: Namespaced, one version v1 with served: true and storage: true.",
    ),
)
def is_known(trial: Trial) -> Verdict:
    return catalogs.is_as_called(trial)


@definition.check(
    points=8,
    title="It takes what is right, and refuses what is wrong",
    hints=(
        "Each sentence of the task that says what a field may be is a line of the schema.",
        "required, type, pattern, enum, minimum and maximum; what they cannot say, a CEL rule says.",
        "x-kubernetes-validations under members, with the rule self % 2 == 1; a pattern needs ^ and $.",
    ),
)
def takes_and_refuses(trial: Trial) -> Verdict:
    return keeps(trial, RULES)


def keeps(trial: Trial, rules: tuple[Rule, ...]) -> Verdict:
    """Each rule for an equal part; what takes nothing keeps none."""
    problem = catalogs.not_served(trial)
    if problem is not None:
        return problem
    found = [(catalogs.broken(trial, each), each) for each in rules]
    line = next((catalogs.schema_line(trial, *each.where) for said, each in found if said), None)
    return parts([(not said, said) for said, _ in found], "").at(line)


@definition.check(
    points=3,
    title="What is left out is filled in",
    hints=(
        "A schema can say what a field is when nobody says it.",
        "default, beside type.",
        "default: 3 under members, default: safe under writes.",
    ),
)
def fills_in(trial: Trial) -> Verdict:
    problem = catalogs.not_served(trial)
    if problem is not None:
        return problem
    told = catalogs.create(trial, "plain", {"version": "7.4"}, only_try=True)
    if not told.taken:
        return no(f"A Catalog with a version alone is refused: {told.why}", line=catalogs.schema_line(trial, "spec"))
    results = []
    for field, wanted in (("members", 3), ("writes", "safe")):
        found = told.spec.get(field)
        has = "has none" if found is None else f"has {found}"
        results.append((found == wanted, f"A Catalog that says nothing of {field} {has}, and not {wanted}."))
    wrong = "members" if told.spec.get("members") != 3 else "writes"
    return parts(results, "").at(catalogs.schema_line(trial, "spec", wrong))


@definition.check(
    points=4,
    title="members may grow, and never shrinks",
    hints=(
        "A rule that compares needs to see what was there before.",
        "In a CEL rule, oldSelf is the value before the change. Such a rule is looked at when something is changed.",
        "rule: self >= oldSelf, in x-kubernetes-validations under members.",
    ),
)
def never_shrinks(trial: Trial) -> Verdict:
    problem = catalogs.not_served(trial)
    if problem is not None:
        return problem
    return grows_only(trial, "novels", 3, 5, 1)


def grows_only(trial: Trial, name: str, first: int, more: int, fewer: int) -> Verdict:
    """A Catalog is changed: up, sideways, down."""
    line = catalogs.schema_line(trial, "spec", "members")
    told = catalogs.create(trial, name, {"version": "7.4", "members": first, "writes": "safe"})
    if not told.taken:
        return no(f"A Catalog with {first} members is refused: {told.why}", line=line)
    for patch, said in (({"members": more}, f"from {first} to {more} members"), ({"version": "8.0"}, "to version 8.0")):
        told = catalogs.change(trial, name, {"spec": patch})
        if not told.taken:
            return no(f"A Catalog cannot be changed {said}: {told.why}", line=line)
    if catalogs.change(trial, name, {"spec": {"members": fewer}}).taken:
        return no(f"A Catalog with {more} members was changed to {fewer}, and the server accepted it.", line=line)
    return yes("")


@definition.check(
    points=3,
    title="The status is the loop's, and the spec is not",
    hints=(
        "Who writes spec, and who writes status? They ought not to be able to overwrite each other.",
        "A version can have subresources. With status among them, there is a second address to write to.",
        "subresources: {status: {}}, and in the schema properties.status with primary and members.",
    ),
)
def status_apart(trial: Trial) -> Verdict:
    problem = catalogs.not_served(trial)
    return problem or keeps_apart(trial, "poems", "poems-0", 3)


def keeps_apart(trial: Trial, name: str, primary: str, count: int) -> Verdict:
    """What is written to a Catalog and what is written to its status, each for itself."""
    spec = {"version": "7.4", "members": 3, "writes": "safe"}
    told = catalogs.create(trial, name, spec, status={"primary": "nobody-0", "members": 1})
    line = catalogs.line(trial, "versions", 0, "subresources")
    if not told.taken:
        return no(f"A Catalog is refused: {told.why}", line=catalogs.schema_line(trial, "spec"))
    wrote = catalogs.change(
        trial, name, {"spec": {"members": 5}, "status": {"primary": primary, "members": count}}, "status"
    )
    if not wrote.taken:
        said = "there is no status to write to" if wrote.body.get("code") == 404 else f"it is refused: {wrote.why}"
        return no(f"The loop writes the status of a Catalog, and {said}.", line=line)
    kept = wrote.body.get("status") or {}
    results = [
        (told.body.get("status", {}).get("primary") is None, "Who creates a Catalog writes its status as well."),
        (wrote.spec.get("members") == 3, "Who writes the status changes the spec as well."),
        (kept.get("primary") == primary, f"The loop wrote status.primary: {primary}, and it was not kept."),
        (kept.get("members") == count, f"The loop wrote status.members: {count}, and it was not kept."),
    ]
    is_lost = not (results[2][0] and results[3][0])
    return parts(results, "").at(catalogs.schema_line(trial, "status") if is_lost else line)


@definition.check(
    points=2,
    title="kubectl scale and kubectl get know it",
    hints=(
        "kubectl scale has to be told which field counts, and kubectl get which fields to show.",
        "A version has subresources.scale and additionalPrinterColumns; both name fields by their paths.",
        "specReplicasPath: .spec.members, statusReplicasPath: .status.members; columns Members and Primary with "
        "jsonPath .spec.members and .status.primary.",
    ),
)
def is_scaled_and_shown(trial: Trial) -> Verdict:
    problem = catalogs.not_served(trial)
    if problem is not None:
        return problem
    return parts([(not said, said) for said in (_scaled(trial), _shown(trial))], "").at(
        catalogs.line(trial, "versions", 0, "subresources")
    )


def _scaled(trial: Trial) -> str:
    catalogs.create(trial, "maps", {"version": "7.4", "members": 3, "writes": "safe"})
    told = catalogs.change(trial, "maps", {"spec": {"replicas": 5}}, "scale")
    if not told.taken:
        return "kubectl scale catalog maps --replicas=5 says that there is nothing to scale."
    members = catalogs.read(trial, "maps").spec.get("members")
    if members != 5:
        return f"kubectl scale catalog maps --replicas=5, and it has {members} members."
    catalogs.change(trial, "maps", {"status": {"members": 2}}, "status")
    counted = (catalogs.read(trial, "maps", "scale").body.get("status") or {}).get("replicas")
    return "" if counted == 2 else f"status.members says 2, and to kubectl scale it is {counted}."


def _shown(trial: Trial) -> str:
    catalogs.create(trial, "atlas", {"version": "7.4", "members": 3, "writes": "safe"})
    catalogs.change(trial, "atlas", {"status": {"primary": "atlas-2"}}, "status")
    seen = catalogs.columns(trial, "atlas")
    headings = ", ".join(seen) or "nothing"
    for heading, wanted in (("MEMBERS", "3"), ("PRIMARY", "atlas-2")):
        if heading not in seen:
            return f"kubectl get catalogs shows {headings}, and no {heading}."
        if str(seen[heading]) != wanted:
            return f"kubectl get catalogs shows {seen[heading] or 'nothing'} under {heading}, and not {wanted}."
    return ""


# ---- 2. Who may what

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


# ---- 3. What the loop does next

following = Task(
    "ps9.next",
    points=20,
    about="Predict what a loop does when it is called next, whatever happened before.",
    answer="prediction",
    start=desks.START,
    questions=desks.QUESTIONS,
    hints=(
        "The loop knows nothing of what happened. What does it see when it is called?",
        "Go through it line by line with the number of Pods that are there, and the number that is wanted.",
        "A Pod that is stopping counts among names, and not among ready. One call does one thing.",
    ),
)


@following.check(points=2.5, title="asleep: front-1 was deleted while the loop was not running")
def after_its_sleep(trial: Trial) -> Verdict:
    return _foretold(trial, "asleep")


@following.check(points=2.5, title="again: everything is as it should be, and the loop is called again")
def called_again(trial: Trial) -> Verdict:
    return _foretold(trial, "again")


@following.check(points=2.5, title="stopping: front-1 has been asked to stop, and has not stopped yet")
def while_one_stops(trial: Trial) -> Verdict:
    return _foretold(trial, "stopping")


@following.check(points=2.5, title="stranger: somebody has made a Pod annex-0 with the label desk: front")
def with_a_stranger(trial: Trial) -> Verdict:
    return _foretold(trial, "stranger")


@following.check(points=2.5, title="who-goes: with annex-0 there, which Pod is deleted?")
def who_has_to_go(trial: Trial) -> Verdict:
    return in_order(trial, "who-goes", desks.who_goes(), share=0.25)


@following.check(points=2.5, title="by-hand: somebody has written 7 into status.ready")
def written_by_hand(trial: Trial) -> Verdict:
    return _foretold(trial, "by-hand")


def _foretold(trial: Trial, question: str) -> Verdict:
    return one_of(trial, question, desks.situations()[question])


# ---- 4. The loop itself

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


__all__ = [
    "catalogs",
    "chapter",
    "chapters",
    "definition",
    "desks",
    "following",
    "grows_only",
    "keeps",
    "keeps_apart",
    "loop",
    "permissions",
    "rights",
    "texts",
]
