"""What the commands `statelab up`, `down`, `status` … say of a real cluster: kind, or a context by name."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from statelab.cluster import kind_record, kind_up
from statelab.cluster.getting import setting
from statelab.cluster.paths import Home
from statelab.cluster.problem import Problem
from statelab.cluster.steps import Silent, on_terminal

Said = tuple[str, dict[str, Any]]  # for a person, for a program


def up(
    home: Home,
    *,
    name: str | None = None,
    node_image: str | None = None,
    with_images: bool = True,
    user_kubeconfig: bool = False,
    is_quiet: bool = False,
) -> Said:
    """Make or wake the kind cluster, telling of it as it goes. Raises Problem."""
    with nullcontext(Silent()) if is_quiet else on_terminal() as steps:
        found = kind_up.up(
            home,
            name=name,
            node_image=node_image,
            steps=steps,
            with_images=with_images,
            user_kubeconfig=user_kubeconfig,
        )
    said = "The kind cluster runs" if found.is_new else "The kind cluster was there already, and runs"
    text = (
        f"{said}: {found.name}, {len(found.nodes)} nodes in {found.engine.capitalize()}.\n"
        "For the course:                 statelab lab --cluster kind\n"
        f"For kubectl in this terminal:   {setting('KUBECONFIG', found.kubeconfig)}"
    )
    return text, found.to_json()


def down(home: Home, *, name: str | None = None, is_quiet: bool = False) -> Said:
    """Delete the kind cluster of this folder. Raises Problem."""
    with nullcontext(Silent()) if is_quiet else on_terminal() as steps:
        deleted = kind_up.down(home, name=name, steps=steps)
    said = "Deleted, with everything in it." if deleted else "This folder has no kind cluster."
    return said, {"cluster": "kind", "deleted": deleted}


def again(home: Home, *, is_quiet: bool = False) -> Said:
    """Delete the kind cluster of this folder and make it anew, of the same name and image. Raises Problem."""
    before = kind_record.read(home)
    down(home, is_quiet=is_quiet)
    name, image = (before.name, before.node_image) if before is not None else (None, None)
    return up(home, name=name, node_image=image, is_quiet=is_quiet)


def for_the_course(home: Home, cluster: str) -> str:
    """Have the cluster ready before the course opens, and say which it is. Raises Problem when that cannot be."""
    if cluster == "kind":
        text, _ = up(home)
        return text.splitlines()[0] + " It goes on when the course is closed: statelab down --cluster kind deletes it."
    text, _, _ = status(home, cluster)
    return text


def status(home: Home, cluster: str) -> tuple[str, dict[str, Any], bool]:
    """How it stands; and whether it can be used. Raises Problem when that cannot be found out."""
    if cluster != "kind":
        return _status_of_context(cluster)
    found = kind_up.status(home)
    if not found.is_running:
        why = f" ({'; '.join(found.lacks)})" if found.lacks else ""
        return f"No kind cluster runs for {home.root}{why}. Make it: statelab up --cluster kind", found.to_json(), False
    states = ", ".join(f"{node.name} {node.state}" for node in found.nodes)
    lacks = f"\nNot usable yet: {'; '.join(found.lacks)}. Wake it: statelab up --cluster kind" if found.lacks else ""
    return (
        f"kind cluster {found.name} in {found.engine.capitalize()}: {states}{lacks}",
        found.to_json(),
        not found.lacks,
    )


def _status_of_context(place: str) -> tuple[str, dict[str, Any], bool]:
    from statelab.cluster import connect
    from statelab.cluster.connection import RequestRefused
    from statelab.cluster.usable import lacks

    cluster = connect(place)
    data: dict[str, Any] = {"cluster": "context", "context": cluster.context, "kubeconfig": str(cluster.kubeconfig)}
    try:
        version = cluster.request("GET", "/version", timeout_s=10.0)["gitVersion"]
        missing = lacks(cluster)
    except (Problem, RequestRefused) as problem:
        return str(problem), {**data, "running": False, "lacks": [str(problem)]}, False
    storage = cluster.default_storage_class()
    data |= {"running": True, "version": version, "default_storage_class": storage, "lacks": missing}
    text = (
        f"{cluster.context} answers at {cluster.connection.url}: Kubernetes {version}, default StorageClass {storage}."
    )
    return text + (f"\nFor the course it lacks: {'; '.join(missing)}." if missing else ""), data, not missing


def check_ours(cluster: str) -> None:
    """Raises Problem for a cluster that others start and stop."""
    if cluster != "kind":
        raise Problem(
            f"{cluster} is no cluster that StateLab starts or stops: whoever made it does that.",
            f"How it stands: statelab status --cluster {cluster}. What is ours: --cluster embedded, --cluster kind",
        )
