"""A widget is changed by the kernel and by what follows the cluster: the page ends with the newest of both."""

from __future__ import annotations

import threading

import pytest
import traitlets

from statelab.controlplane import ControlPlane
from statelab.notebook.pictures import manifest_editor
from statelab.notebook.pictures.widget import Widget
from statelab.tab import TabCluster


class Counter(Widget):
    _esm = "export default {render() {}}"
    number = traitlets.Int(0).tag(sync=True)
    word = traitlets.Unicode("").tag(sync=True)


def test_what_is_sent_last_is_what_there_was_last(monkeypatch):
    counter, sent = Counter(), []
    other = threading.Thread(target=lambda: counter.set_trait("number", 2))

    def send(message, buffers=None):
        if message["state"] == {"number": 1}:
            other.start()
            other.join(0.2)  # it waits for its turn, or it would be first
        sent.append(message["state"])

    monkeypatch.setattr(counter, "_send", send)
    counter.number = 1
    other.join()
    assert sent == [{"number": 1}, {"number": 2}]


def test_what_is_held_back_is_sent_once_and_together(monkeypatch):
    counter, sent = Counter(), []
    monkeypatch.setattr(counter, "_send", lambda message, buffers=None: sent.append(message["state"]))
    with counter.hold_sync(), counter.hold_sync():
        counter.number = 1
        counter.word = "one"
        counter.number = 2
        assert sent == []
    assert sent == [{"number": 2, "word": "one"}]
    counter.word = "two"
    assert sent[1:] == [{"word": "two"}]


class _AtTheEnd:
    """A lock; when it has been let go and nobody looks ahead any more, something is typed."""

    def __init__(self, editor):
        self.editor = editor
        self.inner = threading.Lock()
        self.typed = False

    def __enter__(self):
        self.inner.acquire()

    def __exit__(self, *_):
        self.inner.release()
        if not self.editor._is_looking and not self.typed:
            self.typed = True
            self.editor._take("kind: Second")


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_typed_as_a_look_ahead_ends_is_looked_at_too(monkeypatch, fails):
    monkeypatch.setenv("STATELAB_TAB", "1")
    works = []
    monkeypatch.setattr(manifest_editor, "in_background", lambda work, name: works.append(work))
    cluster = TabCluster(ControlPlane())
    editor = manifest_editor.ManifestEditor("kind: First", cluster)
    seen = []

    def foreseen(manifest):
        seen.append(manifest.text)
        if fails and len(seen) == 1:
            raise RuntimeError
        return manifest_editor._NOTHING

    monkeypatch.setattr(editor, "_foreseen", foreseen)
    editor._on_message({"shown": True})
    (first,) = works
    if fails:
        with pytest.raises(RuntimeError):
            first()
        editor._take("kind: Second")
    else:
        editor._flags = _AtTheEnd(editor)
        first()
    assert len(works) == 2
    works[1]()
    assert seen == ["kind: First", "kind: Second"]
    editor.close()
    cluster.driver.close()
