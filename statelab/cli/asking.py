"""What several commands ask in the same words, and how each of them answers."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
ClusterName = Annotated[
    str, typer.Option("--cluster", envvar="STATELAB_CLUSTER", help='"embedded", "kind", or "context:NAME".')
]
All = Annotated[bool, typer.Option("--all", help="All embedded clusters of yours on this machine, in any folder.")]
KindName = Annotated[str | None, typer.Option("--name", help="kind: the cluster's name, where statelab is taken.")]


def tell(text: str, data: dict[str, Any], as_json: bool) -> None:
    """The answer, for a person or for a program."""
    print(json.dumps(data) if as_json else text)
