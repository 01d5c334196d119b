"""What is said of a slip in a cell's own Python: a sentence where it is about ours, else Python's traceback."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from statelab.cluster.embedded import EmbeddedCluster
from statelab.notebook.magics.slips import keep_plain


class Lone(EmbeddedCluster):
    """A cluster of which nothing is asked."""

    __module__ = EmbeddedCluster.__module__  # whose it is is told by that

    def __init__(self) -> None:
        pass

    def get(self, what: str) -> None:
        return None

    def __repr__(self) -> str:
        return "lone"


@pytest.fixture(scope="module")
def shell() -> InteractiveShell:
    made = InteractiveShell()
    made.history_manager.enabled = False
    keep_plain(made)
    keep_plain(made)  # as %load_ext does after a kernel of the lab has begun with it
    return made


def say(shell: InteractiveShell, capsys: pytest.CaptureFixture[str], cell: str) -> str:
    shell.run_cell(cell)
    told = capsys.readouterr()
    return told.out + told.err


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("predict('x')", "predict is not known here: this kernel has not run the lesson's first cell."),
        ("cluster.get('pod/a')", "to go on where you were, write use in it in place of fresh."),
        ("%kubectl get pods", "%kubectl is not known here: this kernel has not run"),
        ("%%manifest a.yaml\na: 1", "%%manifest is not known here: this kernel has not run"),
        ("restore_first()", "perhaps the first of all"),
        ("import statelab\nstatelab.conect()", "Did you mean statelab.connect?"),
        ("from statelab.notebook import predit", "Did you mean statelab.notebook.predict?"),
        ("from statelab.notebok import predict", "Did you mean statelab.notebook?"),
        ("import statelb", "Did you mean statelab?"),
        ("%load_ext statlab", "Did you mean statelab?"),
    ],
)
def test_before_a_lesson_s_first_cell(shell, capsys, cell, said):
    told = say(shell, capsys, cell)
    assert said in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("count = 3\ncuont", "Did you mean count? If not, the cell that makes it is further up.\nIn the line: cuont"),
        ("print(clutser)", "clutser is not known here.\nDid you mean cluster?"),
        ("pirnt(1)", "Did you mean print?"),
        ("asker", "asker is not known here.\nThe cell that makes it is further up"),
        ("before['web-1']", "before is not known here.\nThe cell that makes it is further up"),
        ("cluster.wiat('pod/a')", "cluster has no wiat.\nDid you mean cluster.wait?"),
        ("cluster.aply('x')", "%kubectl apply …"),
        ("cluster.frobnicate()", "Type cluster. and press Tab"),
        ("cluster.get('pod/web-1')['spec']", "cluster.get('pod/web-1') found none."),
        ("def f():\n    n = 1\n    return (\n  cluster.get(\n  f'pod/é-{n}'\n  )['spec']\n    )\nf()",
         "cluster.get(f'pod/é-{n}') found none."),
        ("cluster.get('pod/web-1').spec", "cluster.get('pod/web-1') found none."),
        ("from statelab.notebook.trying.pods import Pods\nPods([])['web-9']", "There is no Pod web-9 among them."),
        ("Pods([])[0]", "There is no Pod 0 among them."),
        ("Pods([]).since()", "pods().since() was called wrongly"),
        ("Pods([]).since(3)", "takes before as Pods; 3 is a whole number."),
        ("Pods([]).sinc(3)", "Pods has no sinc.\nDid you mean Pods.since?"),
    ],
)  # fmt: skip
def test_after_it(shell, capsys, cell, said):
    shell.user_ns["cluster"] = Lone()
    told = say(shell, capsys, cell)
    assert said in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "cell",
    [
        "{}['a']", "'a'.foo()", "3 + 'a'", "def f():\n    x += 1\nf()", "a = None\na['b']", "[][0]",
        "import nowhere_at_all", "import json\njson.lods('x')", "json.loads('x')",
    ],
)  # fmt: skip
def test_what_is_not_about_ours_is_python_s_own(shell, capsys, cell):
    shell.user_ns["cluster"] = Lone()
    assert "Traceback" in say(shell, capsys, cell)
