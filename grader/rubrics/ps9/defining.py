"""ps9.definition: the CustomResourceDefinition of a kind of one's own."""

from __future__ import annotations

from grader.rubrics.ps9 import catalogs
from grader.rubrics.ps9.catalogs import Rule
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, parts, yes

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
        "version is two numbers with a dot between, and nothing before or after.",
        ({"version": "7.4"}, {"version": "8.0"}, {"version": "10.12"}),
        ({"version": "latest"}, {"version": "7"}, {"version": "7.4.1"}, {"version": "v7.4"}),
        ("spec", "version"),
    ),
    Rule(
        "members is a whole number.",
        ({"version": "7.4", "members": 3},),
        ({"version": "7.4", "members": "three"}, {"version": "7.4", "members": 3.5}),
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
        "catalogs.library.example is the plural catalogs and the group library.example; scope: Namespaced, one version "
        "v1 with served: true and storage: true.",
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
    return keeps(trial, RULES, also=(drops(trial, "shelf"),))


def drops(trial: Trial, field: str) -> tuple[bool, str]:
    """Whether a field that nobody has named is not kept; and what to say if it is."""
    told = catalogs.create(trial, "drafts", {"version": "7.4", field: "red"}, only_try=True, **{field: "red"})
    kept = "" if not told.taken else f"spec.{field}" if field in told.spec else field if field in told.body else ""
    return not kept, f"A Catalog was written with {kept}: red, and it was kept."


def keeps(trial: Trial, rules: tuple[Rule, ...], also: tuple[tuple[bool, str], ...] = ()) -> Verdict:
    """Each rule, and what else is asked, for an equal part; what takes nothing keeps none."""
    problem = catalogs.not_served(trial)
    if problem is not None:
        return problem
    found = [(catalogs.broken(trial, each), each) for each in rules]
    line = next((catalogs.schema_line(trial, *each.where) for said, each in found if said), None)
    if line is None and not all(is_so for is_so, _ in also):
        line = catalogs.schema_line(trial, "spec")
    return parts([*((not said, said) for said, _ in found), *also], "").at(line)


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
    status = {"primary": primary, "members": count, "shelf": "red"}
    wrote = catalogs.change(trial, name, {"spec": {"members": 5}, "status": status}, "status")
    if not wrote.taken:
        said = "there is no status to write to" if wrote.body.get("code") == 404 else f"it is refused: {wrote.why}"
        return no(f"The loop writes the status of a Catalog, and {said}.", line=line)
    kept = wrote.body.get("status") or {}
    results = [
        (told.body.get("status", {}).get("primary") is None, "Who creates a Catalog writes its status as well."),
        (wrote.spec.get("members") == 3, "Who writes the status changes the spec as well."),
        (kept.get("primary") == primary, f"The loop wrote status.primary: {primary}, and it was not kept."),
        (kept.get("members") == count, f"The loop wrote status.members: {count}, and it was not kept."),
        ("shelf" not in kept, "Somebody wrote status.shelf: red, which nobody has named, and it was kept."),
    ]
    is_lost = not all(is_so for is_so, _ in results[2:])
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
