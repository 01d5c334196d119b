"""`%kubectl …`, `%%manifest web.yaml` and `%why pod/web-1`: what a learner types in a cell."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from IPython.core.magic import Magics, cell_magic, line_cell_magic, line_magic, magics_class
from IPython.display import display

from statelab.cluster import Problem
from statelab.manifest import ManifestError, advise, read
from statelab.notebook import current
from statelab.notebook.telling import progress
from statelab.notebook.telling.plain import scrolled

_LONGEST_WAIT_S = 300.0
_WIDEST = 104  # characters in a line of a cell's output, in a window 1280 wide
# The last cell of every lesson: by this line its end is known.
_LAST_LINE = re.compile(r"delete namespaces? lesson-(\d\d) --wait=false$")
# What would never end in a cell, and what to type instead.
_FOLLOWING = {
    "port-forward": "use cluster.exec(pod, 'curl', …), or run it in a terminal (File → New → Terminal)",
    "proxy": "cluster.request('GET', path) asks the API server directly",
    "edit": "write the manifest with %%manifest and apply it",
    "attach": "%kubectl logs shows what a container prints",
}


@magics_class
class StateLabMagics(Magics):
    """The magics; each works on the cluster connected last."""

    @line_cell_magic
    def kubectl(self, line: str, cell: str | None = None) -> None:
        """%kubectl get pods -o wide        run one kubectl line against the course's cluster
        %%kubectl apply -f -             the same, with the cell's text as its input

        The namespace is the lesson's; -n names another. What kubectl writes is shown as it comes out.
        """
        try:
            arguments = shlex.split(line)
        except ValueError as error:
            raise Problem(f"The line cannot be read: {error}.", "Check its quotes.") from None
        _refuse_following(arguments)
        result = current().kubectl(arguments, stdin=cell, timeout_s=_LONGEST_WAIT_S)
        ended = _LAST_LINE.match(" ".join(arguments))
        if ended and result.code == 0:
            progress.lesson_ended(ended[1])
        _say(result.stdout)
        if result.stderr:
            sys.stderr.write(result.stderr)

    @cell_magic
    def manifest(self, line: str, cell: str) -> None:
        """%%manifest web.yaml              write the cell into web.yaml and say what looks wrong
        %%manifest web.yaml --apply      … and apply it
        %%manifest web.yaml --dry-run    … and ask the API server, without changing anything
        """
        words = shlex.split(line)
        options = {word for word in words if word.startswith("-")}
        names = [word for word in words if not word.startswith("-")]
        unknown = options - {"--apply", "--dry-run"}
        if unknown or len(names) != 1:
            raise Problem("Write %%manifest FILE.yaml, then perhaps --apply or --dry-run.")
        name = names[0]
        try:
            findings = advise(read(cell, source=name))
        except ManifestError as error:
            print(error, file=sys.stderr)
            print("Nothing was written.", file=sys.stderr)
            return
        path = _inside(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(cell)
        for finding in findings:
            print(finding.shown(name, cell))
        print(f"{name} written: {len(cell.splitlines())} lines.")
        if "--apply" in options or "--dry-run" in options:
            dry = ["--dry-run=server"] if "--dry-run" in options else []
            result = current().kubectl(["apply", *dry, "-f", "-"], stdin=cell)
            sys.stdout.write(result.stdout)
            if result.code:
                sys.stderr.write(f"The API server says:  {result.stderr}")

    @line_magic
    def why(self, line: str) -> None:
        """%why pod/web-1        the chain of causes behind an object"""
        print(current().why(line))


def _say(text: str) -> None:
    """Show what was printed. A notebook breaks long lines, which spoils a table: a wide one is shown to be scrolled."""
    if max((len(line) for line in text.splitlines()), default=0) > _WIDEST:
        display({"text/plain": text.rstrip("\n"), "text/html": scrolled(text)}, raw=True)
        return
    sys.stdout.write(text)
    if text and not text.endswith("\n"):
        sys.stdout.write("\n")  # -o jsonpath ends no line: the next would stick to it


def _refuse_following(arguments: list[str]) -> None:
    verb = next((word for word in arguments if not word.startswith("-")), "")
    if verb in _FOLLOWING:
        raise Problem(f"kubectl {verb} would never end in a cell.", f"Instead: {_FOLLOWING[verb]}.")
    follows = {"-w", "--watch", "--watch-only"} if verb == "get" else {"-f", "--follow"} if verb == "logs" else set()
    if follows & set(arguments):
        raise Problem(
            "A kubectl that follows never ends in a cell.",
            "Instead: cluster.show(), or cluster.wait(…), or a terminal.",
        )


def _inside(name: str) -> Path:
    """The file below the current folder. Raises Problem for one that would lie elsewhere."""
    path = (Path.cwd() / name).resolve()
    if not path.is_relative_to(Path.cwd().resolve()):
        raise Problem(f"{name} is not in this folder.", "Name a file here, such as web.yaml.")
    return path
