"""kubectl's wide tables as HTML: which text is a table, and what stands in its cells."""

from __future__ import annotations

import re
from html import unescape

from statelab.notebook.telling.tables import shown

PODS = """\
NAME    READY   STATUS             RESTARTS      AGE   IP           NODE           NOMINATED NODE   READINESS GATES
web-0   1/1     Running            1 (12s ago)   22s   10.244.1.2   kind-worker    <none>           <none>
web-1   0/1     ImagePullBackOff   0             3s    <none>       kind-worker2   <none>           <none>
"""
CLAIMS = """\
NAME                              STATUS   VOLUME                                 CAPACITY   ACCESS MODES   CLASS
persistentvolumeclaim/www-web-0   Bound    pvc-0c3f6ac1-9d0e-4fd2-8d53-6d24e4f1   1Gi        RWO            standard
persistentvolumeclaim/www-web-1   Pending                                                                   standard
"""


def cells(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [
        [unescape(each.replace("<wbr>", "")) for each in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows
    ]


def test_each_value_stands_under_its_head():
    head, first, second = cells(shown(PODS))
    assert head[-2:] == ["NOMINATED NODE", "READINESS GATES"]
    assert first == ["web-0", "1/1", "Running", "1 (12s ago)", "22s", "10.244.1.2", "kind-worker", "<none>", "<none>"]
    assert second[2:4] == ["ImagePullBackOff", "0"]


def test_an_empty_cell_stays_empty_and_what_is_long_may_be_broken():
    html = shown(CLAIMS)
    assert cells(html)[2] == ["persistentvolumeclaim/www-web-1", "Pending", "", "", "", "standard"]
    assert html.count('class="sl-long"') == 3
    assert "persistentvolumeclaim/<wbr>www-web-0" in html


def test_the_letters_are_as_large_as_the_narrowest_form_of_a_table_allows():
    def letters(text: str) -> int:
        return int(re.findall(r"--sl-letters:(\d+)", shown(text))[0])

    assert letters(PODS) < max(map(len, PODS.splitlines()))
    assert letters(CLAIMS) < max(map(len, CLAIMS.splitlines())) - 20  # a volume's name is broken at its hyphens


def test_tables_of_several_kinds_are_several_tables():
    html = shown(PODS + "\n" + CLAIMS)
    assert html.count("<table") == 2
    assert len(cells(html)) == 6


def test_what_is_no_table_stays_text():
    said = "Name:             web-0\nNamespace:        lesson-04\n" + "x" * 90
    assert shown(said).startswith("<pre") and "<table" not in shown(said)
    assert "<table" not in shown("ERROR: " + "no such thing " * 9)
    assert "<table" not in shown(PODS + "error: the server doesn't have a resource type and a long line says so\n")
    assert shown('{"whenDeleted":"Retain"}' + " " * 80).startswith("<pre")


def test_nothing_a_name_says_becomes_html():
    html = shown(PODS.replace("web-0", "<b>xx"))
    assert "<b>" not in html
    assert cells(html)[1][0] == "<b>xx"
