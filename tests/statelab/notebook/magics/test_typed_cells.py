"""A cell as it is typed in a terminal or copied from a page is read as it is meant, and Python stays as it is."""

from __future__ import annotations

import pytest

from statelab.notebook.magics.typed_cells import as_meant, near_magic


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("kubectl get pods\nkubectl get svc\n", "%kubectl get pods\n%kubectl get svc\n"),
        ("$ kubectl get pods\n", "%kubectl get pods\n"),
        ("%kubectl get pods\nkubectl get svc\n", "%kubectl get pods\n%kubectl get svc\n"),
        ("x = 1\nsudo kubectl get svc\n", "x = 1\n%kubectl get svc\n"),
        ("if True:\n    kubectl get pods\n", "if True:\n    %kubectl get pods\n"),
        ("kubectl apply -f \\\n    web.yaml\nk get pods\n", "%kubectl apply -f \\\n    web.yaml\n%kubectl get pods\n"),
        (
            "kubectl get pods  # all of them\n\n# and\nkubectl\n",
            "%kubectl get pods  # all of them\n\n# and\n%kubectl\n",
        ),
        ("kubectl apply -f - <<EOF\na: 1\nEOF\n", "%%kubectl apply -f -\na: 1\n"),
        ("\n%kubectl apply -f - <<'EOF'\na: 1\nEOF\n\n", "%%kubectl apply -f -\na: 1\n"),
        ("$ cat <<EOF | kubectl apply -f -\na: 1\nEOF", "%%kubectl apply -f -\na: 1\n"),
    ],
)
def test_lines_of_a_terminal_are_ours(cell: str, meant: str) -> None:
    assert "".join(as_meant(cell.splitlines(keepends=True))) == meant


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "kubectl = 3\nkubectl\n",
        "k = 3\nk * 2\nk - 2\n",
        'x = """\nkubectl get pods\n"""\n',
        "%%bash\nkubectl get pods\n",
        "%%answer ps1.scale\nkubectl scale deploy shop --replicas=3\n",
        "(3\n% kubectl)\n",
        "kubectl get pods\nNAME   READY\nweb-0  1/1\n",  # not even so is it Python
        "kubectl apply -f - <<EOF\na: 1\n",  # it does not end
        "kubectl apply -f - <<EOF\na: 1\nEOF\nprint(1)\n",
    ],
)
def test_what_is_python_or_nothing_we_know_stays_as_it_is(cell: str) -> None:
    lines = cell.splitlines(keepends=True)
    assert as_meant(lines) is lines


@pytest.mark.parametrize(
    ("complaint", "meant"),
    [
        ("Line magic function `%kubctl` not found.", "%kubectl"),
        ("Line magic function `%Kubectl` not found.", "%kubectl"),
        ("Line magic function `%k` not found.", "%kubectl"),
        ("Line magic function `%` not found.", "%kubectl"),
        ("Cell magic `%%mainfest` not found.", "%%manifest"),
        ("Line magic function `%wy` not found.", "%why"),
        ("Line magic function `%mat` not found.", ""),
        ("unrecognized arguments", ""),
    ],
)
def test_a_misspelt_magic_is_told_which_was_meant(complaint: str, meant: str) -> None:
    assert near_magic(complaint) == meant
