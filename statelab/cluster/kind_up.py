"""This folder's kind cluster: made, used again, looked at, deleted. Clusters that others made are not touched."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from statelab.cluster import kind_record
from statelab.cluster.course_images import course_images
from statelab.cluster.engine import Engine, Node, find_engine
from statelab.cluster.engine_errors import TAKEN
from statelab.cluster.kind import connect_kind
from statelab.cluster.kind_program import Kind, check_for_pinned_image, find_kind
from statelab.cluster.kind_record import DEFAULT_NAME, Record, kubeconfig_of
from statelab.cluster.kubeconfig import find_context, users_kubeconfigs
from statelab.cluster.kubelet_log import why_not_up
from statelab.cluster.paths import Home
from statelab.cluster.preload import preload
from statelab.cluster.problem import Problem
from statelab.cluster.steps import Silent, Steps
from statelab.cluster.usable import lacks, wait_until_usable

_USABLE_WITHIN_S = 300.0
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,48}[a-z0-9])?")


@dataclass(frozen=True)
class Standing:
    """How this folder's kind cluster stands. `lacks`: what keeps it from being usable, each in a few words."""

    name: str
    is_running: bool
    is_new: bool = False
    node_image: str = ""
    engine: str = ""
    nodes: tuple[Node, ...] = ()
    lacks: tuple[str, ...] = ()
    kubeconfig: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "cluster": "kind",
            "running": self.is_running,
            "started": self.is_new,
            "name": self.name,
            "context": f"kind-{self.name}",
            "kubeconfig": self.kubeconfig,
            "engine": self.engine,
            "node_image": self.node_image,
            "nodes": {node.name: node.state for node in self.nodes},
            "lacks": list(self.lacks),
        }


def up(
    home: Home,
    *,
    name: str | None = None,
    node_image: str | None = None,
    steps: Steps | None = None,
    with_images: bool = True,
    user_kubeconfig: bool = False,
) -> Standing:
    """Make this folder's kind cluster, or wake the one it made, and wait until it is usable.

    Interrupted while it makes one, it removes what it has made. `user_kubeconfig`: also tell the user's own kubeconfig
    of it. Raises Problem.
    """
    steps = steps or Silent()
    record = kind_record.read(home)
    name = _name(name, record)
    engine = find_engine(record.engine if record else "")
    for warning in engine.warnings:
        steps.warn(warning)
    steps.done(f"{engine.title} {engine.version} answers")
    kind = find_kind()
    steps.done(f"kind {kind.text}")
    nodes = engine.nodes(name)
    _check_ours(name, record, nodes)
    if nodes and record is not None and not record.is_whole:
        steps.now("Removing half a cluster, whose making was broken off")
        kind.delete(engine, name, kubeconfig_of(home))
        nodes = []
    is_new = not nodes
    if nodes and record is not None:
        if node_image and node_image != record.node_image:
            raise Problem(
                f"Cluster {name} runs with {record.node_image}.",
                "To have another image, delete it first: statelab down --cluster kind",
            )
        _wake(engine, nodes, steps)
        kind.write_kubeconfig(engine, name, kubeconfig_of(home))
    with _that_can_be_interrupted():
        try:
            if is_new:
                record = _create(home, engine, kind, name, node_image, steps)
            assert record is not None
            nodes = engine.nodes(name)
            cluster = connect_kind(home)
            wait_until_usable(
                cluster,
                steps,
                nodes=len(nodes),
                timeout_s=_USABLE_WITHIN_S,
                why_not=lambda: why_not_up(engine, nodes),
            )
        except KeyboardInterrupt:
            if is_new:
                steps.now("Interrupted: removing what was made")
                _remove(home, engine, kind, name)
                raise Problem("Interrupted: nothing of the cluster is left.", "") from None
            raise Problem("Interrupted: the cluster is as it was.", "") from None
    steps.done(f"{len(nodes)} nodes, DNS and storage are ready")
    if user_kubeconfig:
        kind.write_kubeconfig(engine, name, None)
        files = {*record.users_kubeconfigs, *(str(path.absolute()) for path in users_kubeconfigs())}
        record = replace(record, users_kubeconfigs=sorted(files))
        kind_record.write(home, record)
    if with_images:
        _give_images(home, engine, kind, record, nodes, steps)
    kubeconfig = str(kubeconfig_of(home))
    return Standing(name, True, is_new, record.node_image, engine.name, tuple(nodes), (), kubeconfig)


def down(home: Home, *, name: str | None = None, steps: Steps | None = None) -> bool:
    """Delete this folder's kind cluster, and everything in it; whether there was one. Raises Problem."""
    steps = steps or Silent()
    record = kind_record.read(home)
    if record is None and name is None:
        return False
    name = _name(name, record)
    engine = find_engine(record.engine if record else "")
    nodes = engine.nodes(name)
    _check_ours(name, record, nodes)
    if nodes:
        steps.now(f"Deleting {name}: {len(nodes)} nodes")
        with suppress(Problem):  # a paused container is not stopped, by some engines
            _wake(engine, nodes, steps)
        try:
            find_kind().delete(engine, name, kubeconfig_of(home))
        except Problem:
            engine.run("rm", "--force", "--volumes", *(node.id for node in nodes), timeout_s=180.0)
    for path in record.users_kubeconfigs if record else ():
        _forget_context(Path(path), engine, name)
    kind_record.forget(home)
    return bool(nodes)


def _forget_context(kubeconfig: Path, engine: Engine, name: str) -> None:
    """Take the context away that `--user-kubeconfig` added. The nodes are gone: kind has nothing else to delete."""
    with suppress(Problem):  # a file that is gone, or says nothing of it
        find_context(f"kind-{name}", [kubeconfig])
        if not engine.nodes(name):
            find_kind().delete(engine, name, kubeconfig)


def status(home: Home) -> Standing:
    """How this folder's kind cluster stands. Raises Problem when that cannot be found out."""
    record = kind_record.read(home)
    if record is None:
        return Standing(DEFAULT_NAME, False)
    engine = find_engine(record.engine)
    nodes = engine.nodes(record.name)
    about = (record.node_image, engine.name, tuple(nodes))
    if not nodes:
        return Standing(record.name, False, False, *about, lacks=("it was deleted",))
    if not record.owns(nodes):
        return Standing(record.name, False, False, *about, lacks=("another cluster has its name",))
    if not record.is_whole:
        return Standing(record.name, False, False, *about, lacks=("its making was broken off",))
    missing = tuple(f"{node.name} is {node.state}" for node in nodes if node.state != "running")
    if not missing:
        missing = tuple(lacks(connect_kind(home), len(nodes)))
    return Standing(record.name, True, False, *about, lacks=missing, kubeconfig=str(kubeconfig_of(home)))


def config_of(home: Home) -> Path:
    """The kind-config.yaml of this folder, else the one StateLab came with. Raises Problem when there is none."""
    package = Path(__file__).resolve().parents[1]
    for folder in (home.root, package.parent, package / "files"):
        if (folder / "kind-config.yaml").is_file():
            return folder / "kind-config.yaml"
    raise Problem(f"There is no kind-config.yaml in {home.root}.", "Run this in the folder of StateLab.")


def pinned_image(config: Path) -> str:
    """The node image a kind-config.yaml names. Raises Problem when it cannot be read."""
    try:
        said = yaml.safe_load(config.read_text(encoding="utf-8"))
        return str(said["nodes"][0].get("image", ""))
    except (yaml.YAMLError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise Problem(
            f"{config} cannot be read: {str(error).splitlines()[0]}", "Mend it, or get it back: git checkout"
        ) from None


def _name(asked: str | None, record: Record | None) -> str:
    if asked is not None and not _NAME.fullmatch(asked):
        raise Problem(f'"{asked}" is no name for a cluster.', "Use small letters, digits and -, 50 at most.")
    if asked is not None and record is not None and asked != record.name:
        raise Problem(
            f"This folder's kind cluster is called {record.name}.",
            "One folder has one. Delete it first: statelab down --cluster kind",
        )
    return asked or (record.name if record else DEFAULT_NAME)


def _check_ours(name: str, record: Record | None, nodes: Sequence[Node]) -> None:
    """Raises Problem when there is a cluster of that name which this folder did not make."""
    if nodes and (record is None or record.name != name or not record.owns(nodes)):
        raise Problem(
            f"There is a kind cluster called {name} already, and this folder did not make it: it is left as it is.",
            f"Make yours under another name: statelab up --cluster kind --name {name}-2. "
            f"Or use that one: STATELAB_CLUSTER=context:kind-{name}. "
            f"If nobody needs it: kind delete cluster --name {name}",
        )


def _create(home: Home, engine: Engine, kind: Kind, name: str, node_image: str | None, steps: Steps) -> Record:
    config = config_of(home)
    image = node_image or pinned_image(config)
    if node_image is None:
        check_for_pinned_image(kind, image)
    began_at = datetime.now(UTC).isoformat(timespec="seconds")
    record = Record(name, engine.name, image, began_at)
    kind_record.write(home, record)  # first: what is broken off by a kill is known by it
    steps.now(f"Creating {name}; the first time, its node image is downloaded (some 400 MB)")
    kubeconfig = kubeconfig_of(home)
    try:
        kind.create(engine, name, config=config, node_image=node_image, kubeconfig=kubeconfig, on_step=steps.now)
    except Problem as problem:
        if problem.what == TAKEN:  # somebody was quicker with the name: what is there is theirs
            kind_record.forget(home)
        else:
            _remove(home, engine, kind, name)  # kind has removed what it made, unless it was ended
        raise
    record = record.with_nodes(engine.nodes(name))
    if not record.is_whole:
        raise Problem(
            f"kind made {name}, and {engine.title} knows no nodes of it.", "Is KIND_EXPERIMENTAL_PROVIDER set?"
        )
    kind_record.write(home, record)
    steps.done(f"Cluster {name} is made")
    return record


def _remove(home: Home, engine: Engine, kind: Kind, name: str) -> None:
    """Remove a cluster that we were making."""
    record = kind_record.read(home)
    nodes = engine.nodes(name)
    if nodes and record is not None and record.owns(nodes):
        kind.delete(engine, name, kubeconfig_of(home))
    kind_record.forget(home)


def _wake(engine: Engine, nodes: Sequence[Node], steps: Steps) -> None:
    """Start nodes that were paused or stopped: a lesson was left in the middle, or the machine was started again."""
    for node in nodes:
        if node.state == "paused":
            steps.now(f"{node.name} was paused: it goes on")
            engine.run("unpause", node.name)
        elif node.state in ("exited", "created", "stopped"):
            steps.now(f"{node.name} was stopped: it starts")
            engine.run("start", node.name)


def _give_images(home: Home, engine: Engine, kind: Kind, record: Record, nodes: Sequence[Node], steps: Steps) -> None:
    missing = [image for image in course_images(home) if image not in record.images]
    if not missing:
        return
    try:
        there, failed = preload(engine, kind, record.name, nodes, missing, steps)
    except KeyboardInterrupt:
        raise Problem(
            "Interrupted while images came; the cluster runs and is usable.", "Pods pull what they need."
        ) from None
    kind_record.write(home, replace(record, images=sorted({*record.images, *there})))
    if there:
        steps.done(f"{len(there)} of the course's images are on its nodes")
    for why in failed:
        steps.warn(f"Not brought beforehand: {why}")
    if failed:
        steps.warn("Pods that need these pull them when they start.")


@contextmanager
def _that_can_be_interrupted() -> Iterator[None]:
    """SIGTERM and a closed terminal interrupt as Ctrl-C does; and a second one does not interrupt the tidying up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        if not heard:
            heard = True
            raise KeyboardInterrupt

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), interrupt) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
