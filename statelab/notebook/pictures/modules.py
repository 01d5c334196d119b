"""What every widget needs: its ES module with the shared drawing code, the style sheet, and a static copy."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

_STATIC = Path(__file__).parent
_SHARED = ("drawing", "selecting", "rewinding")
_IMPORT = re.compile(r'^import [^;]* from "\./(?:drawing|selecting|rewinding)\.js";\n', re.MULTILINE)


@cache
def module(name: str) -> str:
    """The whole ES module of a widget: anywidget loads one file, so what it imports from us is put in front."""
    shared = [_IMPORT.sub("", (_STATIC / f"{each}.js").read_text()) for each in _SHARED]
    own = _IMPORT.sub("", (_STATIC / f"{name}.js").read_text())
    return "\n".join([*(re.sub(r"^export (?=function|const)", "", each, flags=re.MULTILINE) for each in shared), own])


@cache
def css() -> str:
    return (_STATIC / "pictures.css").read_text()


def answering(handle: Callable[[dict[str, Any]], None]) -> Callable[[Any, Any, Any], None]:
    """A handler of messages from the browser, which is told which it was: else it says that no kernel answers."""

    def on_message(widget: Any, message: Any, _buffers: Any) -> None:
        if isinstance(message, dict):
            try:
                handle(message)
            finally:
                number = message.get("number")
                widget.send({"heard": number if isinstance(number, int) else 0})

    return on_message


WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURE = "application/vnd.statelab.picture+json"


def lasting(bundle: Any, sentence: str, *, svg: str = "", html: str = "", **more: str) -> Any:
    """A widget's mime bundle with what is left of it when its kernel is gone: a drawing or words, and a sentence.

    Our JupyterLab extension shows the widget of a PICTURE while it lives, and the rest of the bundle after that; `more`
    is for it. Where it is known to be there, the bundle does not name the widget for anyone else: a saved notebook
    would ask for it, in vain.
    """
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    if data is not None:
        named = data.get(WIDGET) or {}
        data |= {"text/plain": sentence, PICTURE: {"model_id": named.get("model_id", ""), **more}}
        data |= {mime: text for mime, text in (("image/svg+xml", svg), ("text/html", html)) if text}
        if os.environ.get("STATELAB_LAB"):
            data.pop(WIDGET, None)
    return bundle
