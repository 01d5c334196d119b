"""Notebooks as they come back: whatever was done to their cells, what is there is graded, and nothing can be forged."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest

from grader.nbgrader.cells import MAX_CELLS, SourceCell, answers, clean, restore

STUB = "%%answer ps3.identity\n# Write your answer below this line."
ANSWER = SourceCell("ps3-identity-answer", "code", STUB, "c0ffee", is_locked=False, is_solution=True)
GRADED = SourceCell("ps3-identity", "code", 'check("ps3.identity")', "beef", is_locked=True, points=30.0)
ESSAY = SourceCell("why", "markdown", "YOUR ANSWER HERE", "f00d", is_locked=False, is_solution=True, points=5.0)
RELEASED = [ANSWER, GRADED, ESSAY]


def cell(source: str, grade_id: str | None = None, type: str = "code", **nbgrader: Any) -> dict[str, Any]:
    metadata = {"nbgrader": {"grade_id": grade_id, **nbgrader}} if grade_id or nbgrader else {}
    return {"cell_type": type, "source": source, "metadata": metadata, "outputs": [{"output_type": "error"}]}


def restored(*cells: Any) -> Any:
    notebook = restore(clean({"cells": list(cells), "metadata": {"x": 1}}), RELEASED)
    nbformat.validate(nbformat.from_dict(notebook))
    return nbformat.from_dict(notebook)


def own(notebook: Any) -> list[str]:
    return [each.metadata["nbgrader"]["grade_id"] for each in notebook.cells if "nbgrader" in each.metadata]


def test_an_untouched_notebook_comes_back_as_it_was_released() -> None:
    notebook = restored(cell(STUB, ANSWER.id), cell(GRADED.source, GRADED.id), cell("mine", ESSAY.id, "markdown"))
    assert own(notebook) == ["ps3-identity-answer", "ps3-identity", "why"]
    assert notebook.cells[1].metadata["nbgrader"]["points"] == 30.0
    assert notebook.cells[2].source == "mine"


def test_deleted_cells_are_put_back_where_they_were() -> None:
    assert own(restored(cell("hello"))) == ["ps3-identity-answer", "ps3-identity", "why"]
    assert own(restored(cell("a", ANSWER.id), cell("b", ESSAY.id))) == ["ps3-identity-answer", "ps3-identity", "why"]


def test_points_checksums_and_flags_in_the_metadata_count_for_nothing() -> None:
    forged = cell(GRADED.source, GRADED.id, points=1e9, grade=False, solution=True, locked=False, checksum="x")
    notebook = restored(cell("a", ANSWER.id, grade=True, points=1000), forged)
    metadata = notebook.cells[1].metadata["nbgrader"]
    assert (metadata["points"], metadata["grade"], metadata["solution"], metadata["locked"]) == (
        30.0,
        True,
        False,
        True,
    )
    assert "points" not in notebook.cells[0].metadata["nbgrader"]


def test_a_changed_check_cell_gets_its_released_text_again() -> None:
    assert restored(cell("30.0", GRADED.id)).cells[1].source == 'check("ps3.identity")'


def test_outputs_and_attachments_do_not_come_through() -> None:
    notebook = restored(cell(GRADED.source, GRADED.id))
    assert all(not each.get("outputs") for each in notebook.cells)


def test_a_retyped_answer_is_read_as_what_it_was() -> None:
    for type in ("markdown", "raw", "nonsense"):
        notebook = restored(cell("%%answer ps3.identity\nkind: A", ANSWER.id, type))
        assert answers(notebook, RELEASED)["ps3.identity"].endswith("kind: A")


def test_of_copies_the_last_one_that_was_worked_on_counts() -> None:
    one, two = "%%answer ps3.identity\nkind: A", "%%answer ps3.identity\nkind: B"
    for order, wanted in (((one, two), two), ((two, one), one), ((one, STUB), one), ((STUB, one), one)):
        notebook = restored(*[cell(each, ANSWER.id) for each in order])
        assert answers(notebook, RELEASED) == {"ps3.identity": wanted}
        assert own(notebook).count(ANSWER.id) == 1


def test_an_answer_in_a_cell_of_ones_own_counts_when_it_says_so() -> None:
    notebook = restored(cell("%%answer ps3.identity\nkind: A"), cell(STUB, ANSWER.id), cell(GRADED.source, GRADED.id))
    assert answers(notebook, RELEASED) == {"ps3.identity": "%%answer ps3.identity\nkind: A"}


def test_an_answer_without_its_magic_line_still_counts_in_its_own_cell() -> None:
    assert answers(restored(cell("kind: A", ANSWER.id)), RELEASED) == {"ps3.identity": "kind: A"}


def test_an_answer_that_is_not_there_is_the_untouched_one() -> None:
    assert answers(restored(), RELEASED) == {"ps3.identity": STUB}


@pytest.mark.parametrize(
    "raw",
    [None, [], "text", 5, {}, {"cells": None}, {"cells": 5}, {"cells": {}}, {"worksheets": 3}],
)
def test_what_is_no_notebook_is_refused(raw: Any) -> None:
    with pytest.raises(ValueError, match="not a notebook"):
        clean(raw)


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        5,
        [],
        {},
        {"cell_type": ["code"], "source": {"a": 1}},
        {"cell_type": "code", "source": [1, None, "x"], "metadata": [1]},
        {"cell_type": "code", "source": "\ud800", "metadata": {"nbgrader": [1]}},
        {"cell_type": "code", "source": "a", "metadata": {"nbgrader": {"grade_id": {"x": 1}}}},
        {"cell_type": "code", "source": "a", "id": '"><script>', "metadata": {"nbgrader": {"grade_id": "x" * 10_000}}},
        {"cell_type": "raw", "source": "<script>", "metadata": {"raw_mimetype": "text/html"}},
    ],
)
def test_cells_of_any_shape_become_cells_or_nothing(hostile: Any) -> None:
    notebook = restored(hostile, cell("a", ANSWER.id))
    assert all(each.cell_type != "raw" for each in notebook.cells)
    assert own(notebook) == ["ps3-identity-answer", "ps3-identity", "why"]


def test_cells_with_one_id_get_different_ones() -> None:
    notebook = restored({**cell("a"), "id": "same"}, {**cell("b"), "id": "same"}, {**cell("c"), "id": "same"})
    ids = [each.id for each in notebook.cells]
    assert len(ids) == len(set(ids))


def test_there_is_an_end_to_how_many_cells_are_read() -> None:
    assert len(restored(*[cell("x")] * (MAX_CELLS + 100)).cells) <= MAX_CELLS + len(RELEASED)
