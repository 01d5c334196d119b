"""The stage: one place beside the text where the lesson's namespace is to be seen, with its past, as it happens."""

from __future__ import annotations

import itertools
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import traitlets
from IPython import get_ipython
from IPython.display import display

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.cluster.beside import Later, later
from statelab.notebook.magics import kubectl_line
from statelab.notebook.pictures.cluster_view import news
from statelab.notebook.pictures.drawing import escaped
from statelab.notebook.pictures.history import Moment
from statelab.notebook.pictures.lanes import Lane, Scale, in_sight, scale_of
from statelab.notebook.pictures.live import mirror_of
from statelab.notebook.pictures.modules import lasting, module
from statelab.notebook.pictures.picture import draw, frame_of
from statelab.notebook.pictures.scene import Scene, make_scene
from statelab.notebook.pictures.script import Script, read_script, run_line
from statelab.notebook.pictures.selecting import Selection
from statelab.notebook.pictures.source import Source
from statelab.notebook.pictures.stand_ins import stand_ins_of
from statelab.notebook.pictures.timeline_view import Timeline, told
from statelab.notebook.pictures.widget import Widget
from statelab.notebook.strings import say

_WINDOW_S = 40.0  # seconds of the past that are seen at once
_FEW_LANES, _MOST_LANES = 12, 40
_LANES_AGAIN_S = 0.5  # between two drawings of more than a few
_LINE = re.compile(r"^\s*(?:%+manifest|!kubectl)\s.*$", re.MULTILINE)  # those of %kubectl are heard as they run
# What only counts what else happened tells nothing of its own.
_COUNTING = ("endpointslices", "statefulsets", "deployments", "replicasets", "nodes")


class Stage(Timeline):
    """The namespace now or at a moment of its past, the lanes that lead there, and one line that says what happened.

    It follows the notebook: when a cell has gone to another namespace, so does the stage. `talk`: large, with an
    instructor's buttons and keys.
    """

    _esm = module("stage")
    chosen = traitlets.Dict({}).tag(sync=True)
    line = traitlets.Unicode("").tag(sync=True)
    news = traitlets.Unicode("").tag(sync=True)
    talk = traitlets.Bool(False).tag(sync=True)
    step = traitlets.Dict({}).tag(sync=True)

    def __init__(self, cluster: Cluster, *, talk: bool = False, script: Script | None = None) -> None:
        self._script = script
        self._next = 0
        self._lanes_due_s = 0.0
        self._comes_later = False
        self._later: Later | None = None
        self._seen = Scene(cluster.namespace)
        self._selection = Selection(mirror_of(cluster), has_buttons=talk)
        super().__init__(cluster)
        self.talk = talk
        self._tell_step()

    # ---- a talk

    def advance(self) -> None:
        """Do the next step of the script; at its end nothing. Raises Problem or RequestRefused as the cluster does."""
        if self._script is None or self._next >= len(self._script.steps):
            return
        step = self._script.steps[self._next]
        self._next += 1
        self._at = None
        self._tell_step()
        cluster = _on_stage()
        for line in step.run:
            self.line = line  # the audience reads it while it runs
            self.status = run_line(line, cluster)
        if step.look:
            self._select(step.look)

    def reset(self) -> None:
        """Begin the script again, in a namespace that nobody has used yet; the one before is deleted meanwhile."""
        if self._script is None:
            return
        cluster, before = _on_stage(), self._mirror.namespace
        cluster.use(unused(self._script.namespace, cluster))
        self.follow(cluster)
        if re.fullmatch(re.escape(self._script.namespace) + r"(-\d+)?", before):
            cluster.delete(f"namespace/{before}")
        self._next = 0
        self.line = self.status = ""
        self._tell_step()

    def _tell_step(self) -> None:
        if self._script is None:
            return
        steps = self._script.steps
        done = steps[self._next - 1] if self._next else None
        coming = steps[self._next].run if self._next < len(steps) else ()
        self.step = {
            "title": self._script.title,
            "place": say("step_of", number=str(self._next), count=str(len(steps))),
            "say": done.say if done else self._script.title,
            "next": " ; ".join(coming),
            "is_last": self._next >= len(steps),
        }

    # ---- following the notebook

    def follow(self, cluster: Cluster) -> None:
        """Go where the notebook is now: another namespace, or another cluster."""
        mirror = mirror_of(cluster)
        if mirror is self._mirror:
            return
        self._stop()
        self._mirror, self._source = mirror, Source(mirror)
        self._selection = Selection(mirror, has_buttons=self.talk)
        self._at = self._marked = None
        self._seen = Scene(mirror.namespace)
        self.chosen = {}
        self._stop = mirror.listen(self._on_change)
        self._refresh()

    def on_cell(self, source: str) -> None:
        """A cell is about to run: what it types is shown, so that an audience can read it."""
        found = _LINE.findall(source)
        if found:
            self.on_line(found[-1].strip().lstrip("%!"))

    def on_line(self, line: str) -> None:
        """A line runs, as it is after its variables were replaced."""
        self.line = " ".join(line.split())

    # ---- following the cluster

    def _on_change(self) -> None:
        if not self._views:
            return
        if self._at is None:  # first what everybody looks at; what led there takes longer
            self._paint_scene(self._now())
        if time.monotonic() >= self._lanes_due_s:
            self._follow_lanes()
        elif not self._comes_later:
            self._comes_later = True
            self._later = later(_LANES_AGAIN_S, self._follow_lanes)
        if self._selection.has_changed():
            with suppress(Problem, RequestRefused):
                self.chosen = self._selection.select(self._selection.key)

    def _follow_lanes(self) -> None:
        """What led there: with many lanes not at every change, for their drawing is the dearest of all."""
        self._comes_later = False
        if len(self._lanes) > _FEW_LANES:
            self._lanes_due_s = time.monotonic() + _LANES_AGAIN_S
        super()._on_change()

    def _lanes_now(self) -> list[Lane]:
        return in_sight(self._lanes, self._scale)[:_MOST_LANES]

    def close(self) -> None:
        if self._later is not None:
            self._later.cancel()
        super().close()

    def _now(self) -> Scene:
        return make_scene(self._mirror.objects(), self._mirror.namespace, stand_ins_of(self._mirror.cluster))

    def _paint_scene(self, scene: Scene) -> None:
        said = news(self._seen, scene)
        self._seen = scene
        with self.hold_sync():
            self.scene = frame_of(draw(scene, width=self._width))
            if said:
                self.news = said

    def _scene_now(self) -> Scene:
        return self._now() if self._at is None else self.scene_at(self.index)

    def _cursor_s(self) -> float | None:
        return self._at_s(self._at)  # now is the right edge, and needs no line

    def _scale_now(self) -> Scale:
        return scale_of(self._lanes, self._moments, self._width, _WINDOW_S, self._at_s(self._at))

    def _said(self, index: int) -> str:
        moment = self._telling(index)
        return told(moment) if moment else say("stage_empty", namespace=self.history.namespace)

    def _telling(self, index: int) -> Moment | None:
        """The last moment up to `index` in which something happened that is worth a sentence."""
        for moment in reversed(self._moments[: index + 1]):
            if moment.plural == "controllerrevisions":
                continue
            if moment.plural not in _COUNTING or moment.type != "MODIFIED" or moment.actor == "you":
                return moment
        return None

    # ---- what the browser tells

    def _on_message(self, message: dict[str, Any]) -> None:
        try:
            if "next" in message:
                self.advance()
            elif "reset" in message:
                self.reset()
            elif "select" in message:
                self._select(message["select"])
            elif "act" in message:
                line, said = self._selection.act(str(message["act"]), str(message.get("value", "")))
                if line:
                    self.line, self.status = line, said
            else:
                super()._on_message(message)
        except (Problem, RequestRefused) as problem:
            self.status = str(problem)

    def latest(self) -> int:
        """The number of the last moment there was."""
        with suppress(Problem, RequestRefused):
            self._source.update()
        return self.history.moments[-1].number if self.history.moments else 0

    def look(self, what: str, number: int) -> None:
        """Show "pod/web-1" as it was at the moment of that number."""
        self.latest()
        self._refresh()
        before = [index for index, moment in enumerate(self._moments) if moment.number <= number]
        plural, _, name = what.partition("/")
        about = [i for i in before if (self._moments[i].plural, self._moments[i].name) == (f"{plural}s", name)]
        if before:
            self.go(max(about, default=before[-1]))
        self._select(what)

    def _select(self, key: Any) -> None:
        is_known = isinstance(key, str) and key in self.scene["pieces"]
        self.chosen = self._selection.select(key if is_known else None)

    # ---- where it is shown

    def _repr_mimebundle_(self, **more: Any) -> Any:
        said = say("stage_beside", namespace=self._mirror.namespace)
        title = say("stage", namespace=self._mirror.namespace)
        bundle = Widget._repr_mimebundle_(self, **more)
        area = "main" if self.talk else "right"
        return lasting(bundle, said, html=f"<p>◧ {escaped(said)}</p>", place="stage", title=title, area=area)


class _Following:
    """What this kernel's stage hears of its cells."""

    def __init__(self) -> None:
        self.stage: Stage | None = None
        self._shell: Any = None

    def put(self, stage: Stage) -> None:
        if self.stage is not None:
            self.stage.close()
        self.stage = stage
        shell = get_ipython()
        if shell is not None and shell is not self._shell:
            shell.events.register("pre_run_cell", self._before)
            shell.events.register("post_run_cell", self._after)
            self._shell = shell

    def _before(self, info: Any) -> None:
        if self.stage is not None:
            self.stage.on_cell(str(info.raw_cell or ""))

    def ran(self, line: str) -> None:
        if self.stage is not None:
            self.stage.on_line(line)

    def _after(self, _result: Any) -> None:
        from statelab.notebook import connected

        cluster = connected()
        if self.stage is not None and cluster is not None:
            with suppress(Problem, RequestRefused):  # the cell said it already
                self.stage.follow(cluster)


_following = _Following()
kubectl_line.hear(_following.ran)


def moment_now() -> int:
    """The number of the last moment on this kernel's stage; 0 where there is none."""
    return _following.stage.latest() if _following.stage is not None else 0


def look_back(what: str, number: int) -> None:
    """Show an object as it was at a moment, on this kernel's stage, if it has one."""
    if _following.stage is not None:
        _following.stage.look(what, number)


def unused(name: str, cluster: Cluster) -> str:
    """`name`, or name-2, name-3 …: the first that is no namespace of the cluster."""
    numbers = itertools.count(2)
    found = name
    while cluster.get(f"namespace/{found}") is not None:
        found = f"{name}-{next(numbers)}"
    return found


def _on_stage() -> Cluster:
    from statelab.notebook import current

    return current()


def stage(*, talk: bool = False, script: str | Path | None = None) -> None:
    """Open the stage beside the text; in a place without one, here in the cell. One for each notebook.

    `talk`: for an audience: it takes the window, is large, and has buttons and keys. `script`: a file such as
    demo.yaml; it is a talk, stepped through with one key, in a namespace of its own.
    Raises Problem for a script that cannot be read.
    """
    read = read_script(script) if script is not None else None
    cluster = _on_stage()
    if read is not None:
        cluster.use(unused(read.namespace, cluster))
    opened = Stage(cluster, talk=talk or read is not None, script=read)
    _following.put(opened)
    display(opened)
