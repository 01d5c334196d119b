"""`statelab hub-config`: what a JupyterHub needs for a class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from statelab.cli.asking import AsJson, tell
from statelab.cluster.problem import Problem


def config(
    to: Annotated[Path, typer.Option(help="The folder to write; users' servers read from it.")],
    course_id: Annotated[str, typer.Option(help="nbgrader's name of your course.")] = "statelab",
    folder: Annotated[str, typer.Option(help="The course's folder in each home.")] = "statelab",
    exchange: Annotated[Path, typer.Option(help="nbgrader's exchange.")] = Path("/srv/nbgrader/exchange"),
    course_root: Annotated[
        Path | None, typer.Option(help="Where you grade: the folder with solutions/ and the gradebook.")
    ] = None,
    instructor: Annotated[list[str] | None, typer.Option(help="Who teaches; may be repeated.")] = None,
    spawner: Annotated[str, typer.Option(help="pam (Unix users), simple (for trying), or container.")] = "pam",
    memory: Annotated[str, typer.Option(help="For each user.")] = "1G",
    idle: Annotated[int, typer.Option(min=60, help="Seconds after which what nobody uses ends.")] = 3600,
    as_json: AsJson = False,
) -> None:
    """Write what a JupyterHub needs for a class.

    How to start it is said, too.
    Example: sudo statelab hub-config --to /srv/statelab-hub --course-id k8s101 --instructor teacher
    """
    from statelab.hub import writing

    if spawner not in writing.SPAWNERS:
        raise Problem(f"--spawner is {spawner!r}.", f"One of: {', '.join(writing.SPAWNERS)}.")
    wanted = writing.Hub(
        course_id=course_id,
        folder=folder,
        exchange=exchange.expanduser().absolute(),
        root=course_root.expanduser().absolute() if course_root is not None else None,
        instructors=tuple(instructor or ()),
        spawner=spawner,
        memory=memory,
        idle_s=idle,
    )
    files = writing.write(to, wanted)
    text = f"""{len(files)} files were written to {files[0].parent}. As root, once:

  install -d -m 1777 {wanted.exchange}
  npm install -g configurable-http-proxy

Then start the hub:

  jupyterhub -f {files[0]}"""
    tell(text, {"files": [str(each) for each in files]}, as_json)
