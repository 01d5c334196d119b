"""ManifestEditor: a manifest with its marks, beside what would come of it; sliders that change it; first the diff."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import traitlets
import yaml

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.cluster.beside import in_background
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND, Object
from statelab.manifest import Finding, Manifest, ManifestError, advise, read
from statelab.notebook.pictures.cluster_view import fitting
from statelab.notebook.pictures.differing import differences
from statelab.notebook.pictures.drawing import shortened, still
from statelab.notebook.pictures.drawing import text as words
from statelab.notebook.pictures.foreseeing import foresee
from statelab.notebook.pictures.manifest_text import Knob, knobs, with_value
from statelab.notebook.pictures.modules import answering, css, lasting, module
from statelab.notebook.pictures.picture import frame_of
from statelab.notebook.pictures.style import STYLE
from statelab.notebook.pictures.widget import Widget
from statelab.notebook.strings import ENGLISH, say

_MOST_TEXT = 200_000
_MOST_ROWS = 200  # of the still
_SIDE_BY_SIDE_PX = 760  # pictures.css: .sl-look-ahead
_NOTHING: dict[str, Any] = {"frame": None, "title": "", "words": "", "line": 0, "number": 0}
_OF_THE_SERVER = ("uid", "creationTimestamp")


class ManifestEditor(Widget):
    """A manifest as text and as knobs, and what would come of it. What is applied is the text: `editor.manifest`."""

    _esm = module("manifest_editor")
    _css = css()
    sheet = traitlets.Unicode(STYLE).tag(sync=True)
    text = traitlets.Dict(ENGLISH).tag(sync=True)
    manifest = traitlets.Unicode("").tag(sync=True)
    groups = traitlets.List().tag(sync=True)
    problems = traitlets.List().tag(sync=True)
    coming = traitlets.Dict(_NOTHING).tag(sync=True)
    difference = traitlets.List().tag(sync=True)
    seen = traitlets.Unicode("").tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)

    def __init__(self, manifest: str, cluster: Cluster, *, path: Path | None = None) -> None:
        super().__init__()
        self._cluster = cluster
        self._path = path
        self._read: Manifest | None = None
        self._width = fitting(None)
        self._looks = 0
        self._is_shown = self._is_looking = self._has_changed = False
        self._flags = threading.Lock()  # between who types and who looks ahead
        self._take(manifest)
        self.on_msg(answering(self._on_message))

    # ---- text and knobs

    def _take(self, text: str) -> None:
        text = text[:_MOST_TEXT]
        groups: list[dict[str, Any]] = []
        try:
            self._read = read(text, source="manifest")
            found = [_shown(finding, text) for finding in advise(self._read)]
            for number, item in enumerate(self._read.items):
                turned = knobs(item)
                if turned:
                    title = f"{item.kind} {item.name}"
                    groups.append({"object": number, "title": title, "knobs": [_knob(each) for each in turned]})
        except ManifestError as error:
            self._read = None
            found = [_shown(error.finding, text)]
            groups = self.groups  # the knobs stay while a line is half typed
        with self.hold_sync():
            self.manifest = text
            self.groups = groups
            self.problems = found
            if self.seen != text:
                self.seen, self.difference = "", []
        self._look_ahead()

    def _turn(self, number: Any, id: str, value: Any) -> None:
        if self._read is None:
            return
        items = self._read.items
        if not isinstance(number, int) or not 0 <= number < len(items):
            return
        knob = next((each for each in knobs(items[number]) if each.id == id), None)
        if knob is None or not isinstance(value, (str, int)) or isinstance(value, bool):
            return
        try:
            wanted: str | int = int(value) if knob.kind == "number" else str(value)
            self._take(with_value(self._read, items[number], knob.path, wanted))
            self.status = ""
        except ValueError as error:
            self.status = f"{knob.label}: {error}"

    # ---- what the browser tells

    def _on_message(self, message: dict[str, Any]) -> None:
        try:
            if "manifest" in message:
                self._take(str(message["manifest"]))
            elif isinstance(message.get("turn"), Mapping):
                turn = message["turn"]
                self._turn(turn.get("object"), str(turn.get("id")), turn.get("value"))
            elif "shown" in message:
                self._is_shown = bool(message["shown"])
                self._look_ahead()
            elif "width" in message:
                self._on_width(message["width"])
            elif "diff" in message:
                self.show_difference()
            elif "apply" in message:
                self.apply()
        except (Problem, RequestRefused) as problem:
            self.status = str(problem)

    def _on_width(self, width: Any) -> None:
        # Beside the text there is half of it; where that is too narrow, they stand below each other.
        wanted = fitting(width / 2 if isinstance(width, int) and width >= _SIDE_BY_SIDE_PX else width)
        if wanted != self._width:
            self._width = wanted
            self._look_ahead()

    # ---- what would come

    def _look_ahead(self) -> None:
        """Once somebody sees it, and once for whatever was typed meanwhile."""
        with self._flags:
            self._has_changed = True
            begins = self._is_shown and not self._is_looking
            self._is_looking |= begins
        if begins:
            in_background(self._look, "what would come")

    def _look(self) -> None:
        try:
            while self._is_to_look():
                coming = self._foreseen(self._read)
                if not self._has_changed:
                    self._looks += 1  # what comes may be the same as before: that it was looked for is told, too
                    self.coming = {**coming, "number": self._looks}
        except BaseException:
            self._is_looking = False
            raise

    def _is_to_look(self) -> bool:
        """Whether something changed since the last look; if not, the looking is over, and the next change begins it."""
        with self._flags:
            self._is_looking, self._has_changed = self._has_changed, False
            return self._is_looking

    def _foreseen(self, manifest: Manifest | None) -> dict[str, Any]:
        if manifest is None or not manifest.objects:
            return _NOTHING
        try:
            found = foresee(self._cluster, manifest, width=self._width)
        except (Problem, RequestRefused) as problem:
            return {**_NOTHING, "title": say("foreseen"), "words": str(problem)}
        if found.picture is None:
            title = say("refused_at", line=str(found.line)) if found.line else say("would_be_refused")
            return {**_NOTHING, "title": title, "words": found.refusal, "line": found.line}
        return {**_NOTHING, "title": say("foreseen"), "words": say("foreseen_how"), "frame": frame_of(found.picture)}

    # ---- the cluster

    def show_difference(self) -> None:
        """Ask the API server what applying would change, without changing anything."""
        text = self.manifest
        self._in_background(lambda: self._diff(text))

    def _diff(self, text: str) -> None:
        result = self._cluster.kubectl(["apply", "--dry-run=server", "-o", "yaml", "-f", "-"], stdin=text)
        if result.code:
            self.status = f"The API server says: {result.stderr.strip()}"
            return
        after = {_name(each): _comparable(each) for each in _objects(result.stdout)}
        before = {}
        for name, obj in after.items():
            found = self._cluster.get(name, namespace=(obj.get("metadata") or {}).get("namespace"))
            if found is not None:
                before[name] = _comparable(found)
        lines = [list(line) for line in differences(before, after)]
        with self.hold_sync():
            self.difference = lines or [["", say("no_change")]]
            self.seen = text
            self.status = ""

    def apply(self) -> None:
        """Apply the text; only one whose difference was looked at."""
        if self.seen != self.manifest or not self.seen:
            self.status = say("apply_after_diff")
            return
        text = self.manifest
        if self._path is not None:
            self._path.write_text(text, encoding="utf-8")

        def run() -> None:
            result = self._cluster.kubectl(["apply", "-f", "-"], stdin=text)
            with self.hold_sync():
                self.status = f"$ kubectl apply -f {self._path.name if self._path else '-'}\n{str(result).strip()}"
                self.difference, self.seen = [], ""

        self._in_background(run)

    def _in_background(self, work: Any) -> None:
        def run() -> None:
            try:
                work()
            except (Problem, RequestRefused) as problem:
                self.status = str(problem)

        in_background(run, "manifest editor")

    def _repr_mimebundle_(self, **more: Any) -> Any:
        """What stays: the text, and below a line what is wrong with it."""
        wrong: dict[int, list[str]] = {}
        for each in self.problems:
            wrong.setdefault(each["line"], []).append(each["problem"])
        rows: list[tuple[str, str, str]] = []
        for number, row in enumerate(self.manifest.split("\n")[:_MOST_ROWS], start=1):
            rows.append((str(number), row.replace("  ", "\u00a0\u00a0"), "mono"))
            rows += [("▲", each, "strong") for each in wrong.get(number, ())]
        body = "".join(
            words(12, 20 + 16 * at, mark, "mono quiet" if looks == "mono" else looks)
            + words(48, 20 + 16 * at, shortened(row, 110), looks)
            for at, (mark, row, looks) in enumerate(rows)
        )
        svg = still(900, 16 * len(rows) + 20, body, say("manifest"))
        told = [self.manifest, *(each["shown"] for each in self.problems)]
        return lasting(super()._repr_mimebundle_(**more), "\n".join(told), svg=svg)


def _knob(knob: Knob) -> dict[str, Any]:
    shown = asdict(knob)
    shown.pop("path")
    return {**shown, "choices": list(knob.choices)}


def _shown(finding: Finding, text: str) -> dict[str, Any]:
    return {
        "line": finding.place.line if finding.place else 0,
        "problem": finding.problem,
        "advice": finding.advice,
        "shown": finding.shown("", text),
    }


def _objects(text: str) -> list[Object]:
    found: list[Object] = []
    for document in yaml.safe_load_all(text):
        if isinstance(document, dict):
            found += document["items"] if document.get("kind") == "List" else [document]
    return found


def _name(obj: Object) -> str:
    kind = BY_GROUP_VERSION_KIND.get((obj.get("apiVersion", ""), obj.get("kind", "")))
    return f"{kind.singular if kind else str(obj.get('kind')).lower()}/{obj['metadata']['name']}"


def _comparable(obj: Object) -> Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _OF_THE_SERVER}
    return {**{name: value for name, value in obj.items() if name != "status"}, "metadata": metadata}


def edit(manifest: str | Path) -> ManifestEditor:
    """Edit a manifest: the path of a file in this folder (Apply also saves it), or the text itself.

    Advice stands beside the line it is about, while you type. Raises Problem for a file that is not in this folder.
    """
    from statelab.notebook import current

    text = str(manifest)
    if "\n" not in text and text.endswith((".yaml", ".yml", ".json")):
        path = (Path.cwd() / text).resolve()
        if not path.is_relative_to(Path.cwd().resolve()):
            raise Problem(f"{text} is not in this folder.", "Name a file here, such as web.yaml.")
        if not path.is_file():
            raise Problem(f"There is no {text} here.", "Write it with %%manifest first.")
        return ManifestEditor(path.read_text(encoding="utf-8"), current(), path=path)
    return ManifestEditor(text, current())
