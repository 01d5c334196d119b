"""RoleBindings and ClusterRoleBindings: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Column, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object


def _binding(obj: Object, since: Since) -> list[Any]:
    reference = part(obj, "roleRef")
    return [name(obj), f"{reference.get('kind', '')}/{reference.get('name', '')}", age(obj, since), *_subjects(obj)]


def _subjects(obj: Object) -> list[str]:
    found: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for each in obj.get("subjects") or ():
        shown = f"{each.get('namespace', '')}/{each['name']}" if each["kind"] == "ServiceAccount" else each["name"]
        found.setdefault(each["kind"], []).append(shown)
    return [", ".join(found[kind]) for kind in ("User", "Group", "ServiceAccount")]


def _columns(kind: str, of_role: str) -> tuple[Column, ...]:
    definition = f"io.k8s.api.rbac.v1.{kind}"
    shown = kind[0].lower() + kind[1:]
    wide: tuple[Column, ...] = tuple(
        (who, "string", 1, f"{who} in the {shown}") for who in ("Users", "Groups", "ServiceAccounts")
    )
    return (NAME, ("Role", "string", 0, f"{definition}#{of_role}"), AGE, *wide)


PRINTERS = {
    "rolebindings": Printer(_columns("RoleBinding", "roleRef"), _binding),
    "clusterrolebindings": Printer(_columns("ClusterRoleBinding", "roleRef"), _binding),
}
