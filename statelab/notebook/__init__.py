"""What a notebook sees of the cluster: magics, pictures, explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from statelab.cluster import Cluster
from statelab.cluster import connect as connect_cluster
from statelab.cluster.beside import runs_in_a_tab
from statelab.cluster.plainly import plainly
from statelab.kubectl.stand_in import register

if TYPE_CHECKING:
    from statelab.notebook.pictures.cluster_view import show
    from statelab.notebook.pictures.manifest_editor import edit
    from statelab.notebook.pictures.name_explorer import names
    from statelab.notebook.pictures.plotting import plot
    from statelab.notebook.pictures.predicting import predict, predicted, truth
    from statelab.notebook.pictures.report_view import report
    from statelab.notebook.pictures.side_by_side_view import side_by_side
    from statelab.notebook.pictures.stage_view import stage
    from statelab.notebook.pictures.timeline_view import timeline
    from statelab.notebook.telling.explain import started, why
    from statelab.notebook.telling.standing import how_far
    from statelab.notebook.trying.card import try_it
    from statelab.notebook.trying.pods import pods
    from statelab.notebook.trying.reading import read_manifest

# A module is not named as what it gives: importing it would put the module in the function's place.
_HOMES = {
    "edit": "pictures.manifest_editor",
    "names": "pictures.name_explorer",
    "plot": "pictures.plotting",
    "report": "pictures.report_view",
    "side_by_side": "pictures.side_by_side_view",
    "timeline": "pictures.timeline_view",
    "why": "telling.explain",
    "started": "telling.explain",
    "show": "pictures.cluster_view",
    "stage": "pictures.stage_view",
    "predict": "pictures.predicting",
    "predicted": "pictures.predicting",
    "truth": "pictures.predicting",
    "how_far": "telling.standing",
    "pods": "trying.pods",
    "read_manifest": "trying.reading",
    "try_it": "trying.card",
}


class _Current:
    """The cluster the magics work on: the one connected last in this kernel."""

    cluster: Cluster | None = None


@plainly
def connect(place: str | None = None, *, allow_any: bool = False) -> Cluster:
    """Connect to a cluster, and let the magics and pictures of this kernel use it.

    `place`: "embedded" (started if it does not run), "kind", or "context:NAME" of your kubeconfig. Without it the
    environment variable STATELAB_CLUSTER decides; without that, "embedded".
    `allow_any`: also a context that no tool for one's own machine made. The course deletes namespaces of its own there.
    Raises Problem when there is no such cluster, or when it is not allowed.
    """
    if runs_in_a_tab():
        from statelab.tab import connect_in_tab

        _Current.cluster = connect_in_tab(place)
    else:
        register()
        _Current.cluster = connect_cluster(place, allow_any=allow_any)
    return _Current.cluster


@plainly
def current() -> Cluster:
    """The cluster connected last; the default one if none was."""
    return _Current.cluster if _Current.cluster is not None else connect()


def connected() -> Cluster | None:
    """The cluster connected last; None if none was, and none is started for this."""
    return _Current.cluster


@plainly
def load(shell: Any) -> None:
    """Register the magics."""
    from statelab.notebook.magics import shell_lines, slips, typed_cells
    from statelab.notebook.magics.magics import StateLabMagics

    shell.register_magics(StateLabMagics)
    shell_lines.keep_pointed(shell)
    typed_cells.keep_reading(shell)
    slips.keep_plain(shell)


def __getattr__(name: str) -> Any:
    # On demand: a magic needs no widgets.
    if name in _HOMES:
        from importlib import import_module

        found = globals()[name] = plainly(getattr(import_module(f"statelab.notebook.{_HOMES[name]}"), name))
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "connect",
    "current",
    "edit",
    "how_far",
    "load",
    "names",
    "plot",
    "pods",
    "predict",
    "predicted",
    "read_manifest",
    "report",
    "show",
    "side_by_side",
    "stage",
    "started",
    "timeline",
    "truth",
    "try_it",
    "why",
]
