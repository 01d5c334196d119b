"""Plain text as a notebook shows it best: JupyterLab breaks lines of a cell's output wherever they reach the edge."""

from __future__ import annotations

from html import escape

_AS_OUTPUT = "margin: 0; padding: 0 8px; font-size: var(--jp-code-font-size, 13px); line-height: 1.3; "
_AS_OUTPUT += "word-break: normal"


def scrolled(text: str) -> str:
    """Text whose lines stay whole, as those of a table must: HTML that can be scrolled sideways."""
    return f'<pre style="{_AS_OUTPUT}; white-space: pre; overflow-x: auto">{escape(text)}</pre>'


def wrapped(text: str) -> str:
    """Sentences, broken between words: HTML."""
    return f'<pre style="{_AS_OUTPUT}; white-space: pre-wrap; overflow-wrap: anywhere">{escape(text)}</pre>'
