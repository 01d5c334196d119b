"""How pictures look: shapes and lines once, colours from two palettes, light and dark.

Colours have a contrast of 4.5 to 1 or more for text and 3 to 1 for outlines (WCAG 2.2, AA) on what they lie on. They
are written out, not as CSS variables, so that a program that turns SVG into PNG understands the same sheet.
"""

from __future__ import annotations

from typing import Literal

Theme = Literal["light", "dark"]

PALETTES: dict[Theme, dict[str, str]] = {
    "light": {
        "ink": "#1f2328", "paper": "#ffffff", "quiet": "#57606a", "room": "#f6f8fa", "line": "#7d8590",
        "ready": "#1a7f37", "starting": "#8a5a00", "failing": "#cf222e", "claim": "#0969da",
        "ready_fill": "#dafbe1", "starting_fill": "#fff8c5", "failing_fill": "#ffebe9", "claim_fill": "#ddf4ff",
        "ending_fill": "#eaeef2",
    },
    "dark": {
        "ink": "#e6edf3", "paper": "#0d1117", "quiet": "#9da7b3", "room": "#151b23", "line": "#768390",
        "ready": "#3fb950", "starting": "#d29922", "failing": "#ff7b72", "claim": "#58a6ff",
        "ready_fill": "#12351f", "starting_fill": "#3a2d05", "failing_fill": "#4c1517", "claim_fill": "#0c2d4d",
        "ending_fill": "#262c34",
    },
}  # fmt: skip

_SHAPES = """
.sl{font-family:system-ui,"DejaVu Sans",sans-serif;font-size:13px}
.sl text{fill:currentColor}
.sl .small{font-size:11px}
.sl .tiny{font-size:10px}
.sl .mono{font-family:ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;font-size:11px}
.sl .strong{font-weight:600}
.sl .name{font-weight:600;font-size:12px}
.sl .end{text-anchor:end}
.sl .middle{text-anchor:middle}
.sl .box{stroke-width:1.5}
.sl .ready .box{stroke-width:2}
.sl .starting .box,.sl .pending .box{stroke-dasharray:5 3}
.sl .terminating .box{stroke-dasharray:2 3}
.sl .failing .box{stroke-width:3}
.sl .claim.waits .box{stroke-dasharray:5 3}
.sl .stand-in .box{stroke-dasharray:9 3 2 3}
.sl .ghost .box{fill:none;stroke-dasharray:1 4}
.sl .away .room{stroke-dasharray:6 4}
.sl .owns{stroke-width:1.5;fill:none}
.sl .slot .box{stroke-width:1.5}
.sl .slot.ready .box{stroke-dasharray:none;stroke-width:1.5}
.sl .slot.empty .box{fill:none;stroke-dasharray:2 3}
.sl .claim.shared .box{stroke-dasharray:1 3}
.sl .version{stroke-width:1}
.sl .cursor{stroke-width:2}
.sl .curve{fill:none;stroke-width:2}
""".strip()

_COLOURS = (
    ("", "color:{ink};background:{paper}"),
    (" .paper", "fill:{paper}"),
    (" .quiet", "fill:{quiet}"),
    (" .room", "fill:{room};stroke:{line}"),
    (" .box", "fill:{paper};stroke:{quiet}"),
    (" .rule", "stroke:{line};stroke-width:1"),
    (" .ready .box", "stroke:{ready}"),
    (" .ready .mark", "fill:{ready}"),
    (" .starting .box", "stroke:{starting}"),
    (" .starting .mark", "fill:{starting}"),
    (" .pending .box", "stroke:{starting}"),
    (" .pending .mark", "fill:{starting}"),
    (" .terminating .box", "stroke:{quiet};fill:{ending_fill}"),
    (" .failing .box", "stroke:{failing}"),
    (" .failing .mark", "fill:{failing}"),
    (" .claim .box", "fill:{claim_fill};stroke:{claim}"),
    (" .custom .box", "fill:{room};stroke:{ink}"),
    (" .ghost .box", "stroke:{quiet}"),
    (" .owns", "stroke:{line}"),
    (" .slot.empty .box", "stroke:{line}"),
    (" .slot.ready .box", "fill:{ready_fill};stroke:{ready}"),
    (" .slot.finished .box", "fill:{ready_fill};stroke:{ready}"),
    (" .slot.starting .box", "fill:{starting_fill};stroke:{starting}"),
    (" .slot.pending .box", "fill:{starting_fill};stroke:{starting}"),
    (" .slot.failing .box", "fill:{failing_fill};stroke:{failing}"),
    (" .slot.ready .mark", "fill:{ready}"),
    (" .slot.finished .mark", "fill:{ready}"),
    (" .slot.starting .mark", "fill:{starting}"),
    (" .slot.pending .mark", "fill:{starting}"),
    (" .slot.failing .mark", "fill:{failing}"),
    (" .slot.terminating .mark", "fill:{ink}"),
    (" .slot.terminating .box", "fill:{ending_fill};stroke:{quiet}"),
    (" .name-of", "fill:{claim}"),
    (" .v0", "fill:{paper};stroke:{ink}"),
    (" .v1", "fill:{claim};stroke:{claim}"),
    (" .v2", "fill:{starting};stroke:{starting}"),
    (" .v3", "fill:{ink};stroke:{ink}"),
    (" .span.ready", "fill:{ready_fill};stroke:{ready}"),
    (" .span.finished", "fill:{ready_fill};stroke:{ready}"),
    (" .span.bound", "fill:{claim_fill};stroke:{claim}"),
    (" .span.running", "fill:{starting_fill};stroke:{starting}"),
    (" .span.scheduled", "fill:{starting_fill};stroke:{starting};stroke-dasharray:5 3"),
    (" .span.pending", "fill:{paper};stroke:{starting};stroke-dasharray:2 3"),
    (" .span.terminating", "fill:{ending_fill};stroke:{quiet};stroke-dasharray:2 3"),
    (" .span.failing", "fill:{failing_fill};stroke:{failing}"),
    (" .cursor", "stroke:{claim}"),
    (" .knob", "fill:{claim}"),
    (" .curve", "stroke:{quiet}"),
    (" .curve.ready", "stroke:{ready}"),
    (" .curve.updated", "stroke:{claim};stroke-dasharray:6 3"),
    (" .dot", "fill:{claim}"),
)


def _coloured(theme: Theme) -> str:
    scope = ".sl.dark" if theme == "dark" else ".sl"
    return "\n".join(f"{scope}{where}{{{rule.format(**PALETTES[theme])}}}" for where, rule in _COLOURS)


MOTION = """
.sl g[data-key]{transition:transform .5s ease}
@keyframes sl-born{from{opacity:0}to{opacity:1}}
@keyframes sl-dying{from{opacity:1}to{opacity:0}}
@keyframes sl-struck{30%{opacity:.25}60%{opacity:1}80%{opacity:.5}}
.sl g.sl-born{animation:sl-born .7s ease-out}
.sl g.sl-dying{animation:sl-dying .7s ease-in forwards;pointer-events:none}
.sl g.sl-struck{animation:sl-struck .9s ease}
.sl.sl-many g[data-key]{transition:none}
.sl g[role=button]{cursor:pointer}
.sl g[role=button]:focus{outline:3px solid #0969da;outline-offset:2px}
.sl g[aria-pressed=true]{outline:3px solid #0969da;outline-offset:2px}
.sl.dark g[role=button]:focus,.sl.dark g[aria-pressed=true]{outline-color:#58a6ff}
@media (prefers-reduced-motion:reduce){.sl g[data-key]{transition:none;animation:none}}
""".strip()

# For a live picture, which follows the notebook's theme.
STYLE = "\n".join((_SHAPES, _coloured("light"), _coloured("dark"), MOTION))


def sheet(theme: Theme = "light") -> str:
    """For a static picture: one theme, no motion."""
    return "\n".join((_SHAPES, _coloured("light"), *([_coloured("dark")] if theme == "dark" else [])))


def dark() -> str:
    """The dark colours alone, for a picture that is light until it is said to be dark."""
    return _coloured("dark")
