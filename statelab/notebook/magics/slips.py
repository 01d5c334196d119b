"""A slip in a cell's own Python, said in a sentence: a name that no cell has made, a word that is nearly one of ours,
an object that is not there.

A wrong call of ours is `cluster.plainly`'s. What is neither stays Python's, traceback and all: a learner who programs
needs it.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import re
import sys
from types import ModuleType, TracebackType
from typing import Any

from statelab.cluster import Cluster
from statelab.reader.spelling import nearest, slips

TOLD = (NameError, AttributeError, ImportError, TypeError, IndexError)
_SAID = {
    "begin": "{name} is not known here: this kernel has not run the lesson's first cell.\n"
    "Run that one. It empties the lesson's namespace; to go on where you were, write use in it in place of fresh.",
    "name": "{name} is not known here.",
    "above": "The cell that makes it is further up: run that one first.",
    "first": "The cell that makes it is further up, perhaps the first of all: run that one first.",
    "or_above": "Did you mean {meant}? If not, the cell that makes it is further up.",
    "member": "{owner} has no {name}.",
    "module": "There is no {name} to import.",
    "meant": "Did you mean {meant}?",
    "has": "It has {names}.",
    "verb": "kubectl's verbs are typed so: %kubectl {verb} …",
    "tab": "Type {owner}. and press Tab: that lists what it has.",
    "nothing": "There is no such object now: {asked} found none.",
    "look": "%kubectl get shows what is there. Perhaps a cell further up has not been run, or not again.",
    "where": "In the line: {line}",
}
_NO_IMPORT = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_NO_MAGIC = re.compile(r"magic (?:function )?`(%%?(?:kubectl|manifest|why))` not found")
_OURS = ("statelab", "statelab.notebook", "statelab.cluster")
_NOTHING = re.compile(r"NoneType|list index out of range")
_VERBS = ("apply", "create", "describe", "edit", "logs", "scale", "rollout", "drain", "cordon", "uncordon", "label",
         "annotate", "expose", "run", "set", "taint", "top", "explain")  # fmt: skip
_MOST_NAMED = 16
_MOST_LINES = 1_000  # of a cell in which a statement is looked for


def keep_plain(shell: Any) -> None:
    """Let this shell say such a slip in a sentence from now on. A second time changes nothing."""
    if shell.custom_exceptions == TOLD:
        return
    shell.set_custom_exc(TOLD, _show)
    show = shell.show_usage_error

    def show_or_say(error: Exception) -> None:
        missing = _NO_MAGIC.search(str(error))  # of ours: what brings it is a lesson's first cell
        print(_SAID["begin"].format(name=missing[1]), file=sys.stderr) if missing else show(error)

    shell.show_usage_error = show_or_say


def _show(
    shell: Any, kind: type[BaseException], error: Any, trace: TracebackType, tb_offset: int | None = None
) -> None:
    said = told(error, trace, shell.user_ns)
    if said:
        error._render_traceback_ = lambda: [said]  # IPython shows this instead of a traceback
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def told(error: BaseException, trace: TracebackType, names: dict[str, Any]) -> str:
    """What to say of an error that a cell's own line raised; "" where Python says it best.

    `names`: what the notebook has made so far.
    """
    while trace.tb_next is not None and not _is_of(error, trace.tb_next):
        trace = trace.tb_next
    if trace.tb_frame.f_globals is not names and not isinstance(error, ImportError):
        return ""
    said = _said(error, trace, names)
    line = linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno).strip()
    has_more = not trace.tb_frame.f_code.co_name.startswith("<module") or trace.tb_lineno > 1
    is_telling = has_more and line and not line.endswith("(")  # a call's first line says nothing
    return "\n".join([*said, *([_SAID["where"].format(line=line)] if is_telling else [])]) if said else ""


def _is_of(error: BaseException, trace: TracebackType) -> bool:
    """Whether what comes here only tells of the line before it: a module of ours says what it does not have."""
    return isinstance(error, AttributeError) and trace.tb_frame.f_code.co_name == "__getattr__"


def _said(error: BaseException, trace: TracebackType, names: dict[str, Any]) -> list[str]:
    if isinstance(error, UnboundLocalError):
        return []
    if isinstance(error, NameError):
        return _no_name(error.name or "", trace, names)
    if isinstance(error, AttributeError) and error.obj is not None:
        return _no_member(error.obj, error.name or "", names)
    if isinstance(error, ImportError):
        return _no_import(str(error))
    asked = _asked(trace)
    return [_SAID["nothing"].format(asked=asked), _SAID["look"]] if asked and _NOTHING.search(str(error)) else []


def _no_name(name: str, trace: TracebackType, names: dict[str, Any]) -> list[str]:
    from statelab.notebook import __all__ as ours

    has_begun = isinstance(names.get("cluster"), Cluster)
    if not has_begun and (name in ours or name in ("cluster", "statelab")):
        return [_SAID["begin"].format(name=name)]
    known = {*trace.tb_frame.f_locals, *names, *ours}
    meant = nearest(name, sorted(each for each in known if not each.startswith("_")))
    meant = meant or next((each for each in sorted(vars(builtins)) if slips(name, each, 1) == 1), None)
    return [
        _SAID["name"].format(name=name),
        _SAID["or_above" if meant else "above" if has_begun else "first"].format(meant=meant),
    ]


def _no_member(owner: Any, name: str, names: dict[str, Any]) -> list[str]:
    home = owner.__name__ if isinstance(owner, ModuleType) else type(owner).__module__
    if home.partition(".")[0] not in ("statelab", "grader"):
        return []
    public = [each for each in getattr(owner, "__all__", None) or dir(owner) if not each.startswith("_")]
    is_called = next((each for each, value in names.items() if value is owner and not each.startswith("_")), "")
    called = is_called or (home if isinstance(owner, ModuleType) else type(owner).__name__)
    meant = nearest(name, public)
    said = [_SAID["member"].format(owner=called, name=name)]
    if meant:
        return [*said, _SAID["meant"].format(meant=f"{called}.{meant}")]
    verb = nearest(name, _VERBS) or (name if name in _VERBS else "") if isinstance(owner, Cluster) else ""
    if verb:
        return [*said, _SAID["verb"].format(verb=verb)]
    few = _SAID["has"].format(names=", ".join(public)) if len(public) <= _MOST_NAMED else ""
    return [*said, few or _SAID["tab"].format(owner=called)]


def _no_import(complaint: str) -> list[str]:
    found = _NO_IMPORT.search(complaint)
    if found and found[2] in _OURS:
        from importlib import import_module

        home = import_module(found[2])
        return _no_member(home, found[1], {})
    missing = _NO_MODULE.search(complaint)
    meant = nearest(missing[1], _OURS) if missing else None
    return [_SAID["module"].format(name=missing[1]), _SAID["meant"].format(meant=meant)] if missing and meant else []


def _asked(trace: TracebackType) -> str:
    """`cluster.get("pod/web-1")`, where that gave nothing to what failed; "" where it was something else."""
    place = list(trace.tb_frame.f_code.co_positions())[trace.tb_lasti // 2]
    first, last, begins, ends = place
    if first is None or last is None or begins is None or ends is None or last - first > _MOST_LINES:
        return ""
    file = trace.tb_frame.f_code.co_filename
    lines = [linecache.getline(file, number).encode() for number in range(first, last + 1)]
    lines[-1] = lines[-1][:ends]
    lines[0] = lines[0][begins:]
    try:
        failed = ast.parse(f"({b''.join(lines).decode()})", mode="eval").body
    except (SyntaxError, ValueError):
        return ""
    inner = failed.value if isinstance(failed, ast.Subscript | ast.Attribute) else None
    is_get = (
        isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr in ("get", "list")
    )
    return ast.unparse(inner) if inner is not None and is_get and "cluster" in ast.unparse(inner) else ""
