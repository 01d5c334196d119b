"""Catalogs as the API server takes and refuses them: what a definition does, asked by creating objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.diagnosis import not_there
from grader.seen import Seen
from grader.trial import Trial
from grader.verdict import Verdict, no, partly, yes
from statelab.controlplane.kinds import Object

GROUP, VERSION, PLURAL, KIND = "library.example", "v1", "catalogs", "Catalog"
DEFINITION = "CustomResourceDefinition"
_TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
_MERGE = "application/merge-patch+json"
NOT_SERVED = "The API server does not know {plural}, the kind {kind}, of {group}/{version}."


@dataclass(frozen=True, slots=True)
class Told:
    """What the API server answered: whether it took it, the object, or why not."""

    taken: bool
    body: Any

    @property
    def why(self) -> str:
        """The server's words, without the name of the object."""
        said = str(self.body.get("message", "")) if isinstance(self.body, Mapping) else ""
        return said.partition(" is invalid: ")[2] or said

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.body.get("spec") or {} if self.taken else {}


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence of the task: specs that keep it, and specs that break it. `where`: the field it is about."""

    says: str
    good: Sequence[Any]
    bad: Sequence[Any]
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """The kind as the API server has it, which need not be as the task calls it: one wrong word is one mistake."""

    group: str = GROUP
    version: str = VERSION
    plural: str = PLURAL
    kind: str = KIND
    namespaced: bool = True


def served(trial: Trial) -> Served | None:
    """What the answer's definition makes; None where it makes nothing."""
    definition = next(iter(_definitions(trial)), None)
    if definition is None:
        return None
    versions = [each["name"] for each in definition.at("spec", "versions") or () if each.get("served")]
    if not versions:
        return None
    version = VERSION if VERSION in versions else versions[0]
    group, names_ = definition.at("spec", "group"), definition.at("spec", "names") or {}
    namespaced = definition.at("spec", "scope") == "Namespaced"
    return Served(group, version, names_.get("plural", ""), names_.get("kind", ""), namespaced)


def _definitions(trial: Trial) -> list[Seen]:
    """What the answer has defined, the kind that is asked for first."""
    names = [each.name for each in trial.items if each.kind == DEFINITION and isinstance(each.name, str) and each.name]
    asked = [trial.get(f"customresourcedefinition/{name}") for name in (f"{PLURAL}.{GROUP}", *names)]
    return [each for each in asked if each is not None]


def catalog(trial: Trial, name: str, spec: Any, **more: Any) -> Object:
    """A Catalog. `spec`: None leaves it away."""
    as_ = served(trial) or Served()
    body: Object = {"apiVersion": f"{as_.group}/{as_.version}", "kind": as_.kind, "metadata": {"name": name}, **more}
    return body if spec is None else {**body, "spec": spec}


def path_of(trial: Trial, name: str = "", subresource: str = "") -> str:
    as_ = served(trial) or Served()
    where = ("namespaces", trial.namespace) if as_.namespaced else ()
    return "/".join(filter(None, ("/apis", as_.group, as_.version, *where, as_.plural, name, subresource)))


def create(trial: Trial, name: str, spec: Any, *, only_try: bool = False, **more: Any) -> Told:
    """POST one. `only_try`: a dry run, after which nothing is there."""
    reply = trial.place.api(trial).request(
        "POST", path_of(trial), {"dryRun": "All"} if only_try else None, catalog(trial, name, spec, **more)
    )
    return Told(reply.code < 400, reply.body)


def change(trial: Trial, name: str, patch: Any, subresource: str = "") -> Told:
    """A merge patch of it, or of its status or scale."""
    reply = trial.place.api(trial).request("PATCH", path_of(trial, name, subresource), None, patch, content_type=_MERGE)
    return Told(reply.code < 400, reply.body)


def read(trial: Trial, name: str, subresource: str = "") -> Told:
    reply = trial.place.api(trial).request("GET", path_of(trial, name, subresource))
    return Told(reply.code < 400, reply.body)


def columns(trial: Trial, name: str) -> dict[str, Any]:
    """What `kubectl get catalogs` prints of it: heading, as kubectl writes it, to cell."""
    reply = trial.place.api(trial).request("GET", path_of(trial), accept=_TABLE)
    body = reply.body if isinstance(reply.body, Mapping) else {}
    names = [str(each.get("name", "")).upper() for each in body.get("columnDefinitions") or ()]
    rows = [each["cells"] for each in body.get("rows") or () if each["cells"][:1] == [name]]
    return dict(zip(names, rows[0], strict=False)) if rows else {}


def is_as_called(trial: Trial) -> Verdict:
    """Whether the API server has Catalogs, called as the task calls them."""
    problem = not_served(trial)
    if problem is not None:
        return problem
    as_ = served(trial) or Served()
    for found, wanted, where in (
        (as_.group, GROUP, ("group",)),
        (as_.plural, PLURAL, ("names", "plural")),
        (as_.kind, KIND, ("names", "kind")),
        (as_.version, VERSION, ("versions", 0, "name")),
    ):
        if found != wanted:
            said = NOT_SERVED.format(kind=KIND, group=GROUP, version=VERSION, plural=PLURAL)
            return no(f"{said} It says {found}, and not {wanted}.", line=line(trial, *where))
    if not as_.namespaced:
        return partly(0.5, "A Catalog would belong to no namespace.", line=line(trial, "scope"))
    return yes("")


def not_served(trial: Trial) -> Verdict | None:
    """Why no Catalog can be made at all; None where one can."""
    if served(trial) is None:
        problem = not_there(trial, f"customresourcedefinition/{PLURAL}.{GROUP}")
        return no("No version of it is served.", line=line(trial, "versions")) if _definitions(trial) else problem
    examples = ({"version": "7.4", "members": 3, "writes": "fast"}, {"version": "7.4"})
    told = [create(trial, "first", each, only_try=True) for each in examples]
    if not any(each.taken for each in told):
        text = f"A Catalog with version “7.4”, members 3 and writes “fast” is refused: {told[0].why}"
        return no(text, line=schema_line(trial, "spec"))
    return None


def broken(trial: Trial, rule: Rule) -> str:
    """What the definition does against a rule; "" where it keeps it."""
    for spec in rule.good:
        told = create(trial, "good", spec, only_try=True)
        if not told.taken:
            return f"{rule.says} A Catalog with {_shown(spec)} is refused: {told.why[:200]}"
    for spec in rule.bad:
        if create(trial, "bad", spec, only_try=True).taken:
            return f"{rule.says} A Catalog with {_shown(spec)} is accepted."
    return ""


def _shown(spec: Any) -> str:
    if spec is None:
        return "no spec"
    said = [f"{key}: {_value(value)}" for key, value in spec.items()]
    return ", ".join(said) if said else "an empty spec"


def _value(value: Any) -> str:
    if value is None:
        return "null"
    return f"“{value}”" if isinstance(value, str) else str(value)


def line(trial: Trial, *path: str | int) -> int | None:
    """The line of something in the definition's spec, or of the definition."""
    return trial.line(DEFINITION, "spec", *path) or trial.line(DEFINITION, "spec")


def schema_line(trial: Trial, *path: str) -> int | None:
    """Where the schema says something of a field, `schema_line(trial, "spec", "members")`."""
    where: list[str | int] = ["spec", "versions", 0, "schema", "openAPIV3Schema"]
    found = trial.line(DEFINITION, *where)
    for each in path:
        where += ["properties", each]
        found = trial.line(DEFINITION, *where) or found
    return found or line(trial, "versions")
