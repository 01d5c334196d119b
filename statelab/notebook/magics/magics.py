"""`%kubectl …`, `%%manifest web.yaml` and `%why pod/web-1`: what a learner types in a cell."""

from __future__ import annotations

import re
from pathlib import Path

from IPython.core.magic import Magics, cell_magic, line_cell_magic, line_magic, magics_class, no_var_expand

from statelab.cluster import Problem
from statelab.cluster.typed import words
from statelab.manifest import ManifestError, advise, read
from statelab.notebook import current
from statelab.notebook.magics import kubectl_line
from statelab.notebook.telling import progress

# The last cell of every lesson: by this line its end is known.
_LAST_LINE = re.compile(r"delete namespaces? lesson-(\d\d) --wait=false$")


@magics_class
class StateLabMagics(Magics):
    """The magics; each works on the cluster connected last."""

    @no_var_expand
    @line_cell_magic
    def kubectl(self, line: str, cell: str | None = None) -> None:
        """%kubectl get pods -o wide        run one kubectl line against the course's cluster
        %kubectl get pods | grep web     … with pipes and redirections, as in a shell
        %kubectl get pods -w             … and follow: what comes is shown until you press ■
        %%kubectl apply -f -             … with the cell's text as its input

        The namespace is the lesson's; -n names another. {name} stands for a variable; {{…}} is left to a go-template.
        """
        line = kubectl_line.expanded(line, self.shell.user_ns)
        ended = _LAST_LINE.match(" ".join(words(line)))
        if kubectl_line.run(line, cell, current()) and ended:
            progress.lesson_ended(ended[1])

    @cell_magic
    def manifest(self, line: str, cell: str) -> None:
        """%%manifest web.yaml              write the cell into web.yaml and say what looks wrong
        %%manifest web.yaml --apply      … and apply it
        %%manifest web.yaml --dry-run    … and ask the API server, without changing anything
        """
        said = words(line)
        options = {word for word in said if word.startswith("-")}
        names = [word for word in said if not word.startswith("-")]
        unknown = options - {"--apply", "--dry-run"}
        if unknown or len(names) != 1:
            raise Problem("Write %%manifest FILE.yaml, then perhaps --apply or --dry-run.")
        name = names[0]
        try:
            findings = advise(read(cell, source=name))
        except ManifestError as error:
            kubectl_line.tell("stderr", f"{error}\nNothing was written.\n")
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
            kubectl_line.tell("stdout", result.stdout)
            if result.code:
                kubectl_line.tell("stderr", f"The API server says:  {result.stderr}")

    @line_magic
    def why(self, line: str) -> None:
        """%why pod/web-1        the chain of causes behind an object"""
        if not line.strip():
            raise Problem("Write what you want to know about: %why pod/web-1")
        print(current().why(line.strip()))


def _inside(name: str) -> Path:
    """The file below the current folder. Raises Problem for one that would lie elsewhere."""
    path = (Path.cwd() / name).resolve()
    if not path.is_relative_to(Path.cwd().resolve()):
        raise Problem(f"{name} is not in this folder.", "Name a file here, such as web.yaml.")
    return path
