"""Our kubectl says what the real one says: the same output, the same errors, the same exit code, line by line."""

from __future__ import annotations

import kubectl_goldens as goldens
import pytest

from statelab.cluster.kubectl import find_kubectl

# Enough of the real program to notice that the goldens are not what it says any more.
SAMPLE = "04-nodes"


@pytest.mark.parametrize("name", goldens.scenarios())
def test_each_line_says_what_the_real_kubectl_said(name: str) -> None:
    ours, real = goldens.ours(name), goldens.goldens(name)
    assert [each.line for each in ours] == [each.line for each in real], "record the goldens anew"
    different = [f"{a.line}\n--- ours:\n{a}\n--- real:\n{b}" for a, b in zip(ours, real, strict=True) if a.normal != b]
    assert not different, "\n".join(different[:5])


def test_every_scenario_has_been_recorded() -> None:
    assert goldens.scenarios() == sorted(path.stem for path in (goldens.HERE / "lines").glob("*.txt"))


def test_the_goldens_hold_hundreds_of_lines_right_and_wrong() -> None:
    said = [each for name in goldens.scenarios() for each in goldens.goldens(name)]
    assert sum(each.code == 0 for each in said) > 100
    assert sum(each.code != 0 for each in said) > 100


@pytest.mark.kubectl
@pytest.mark.slow
def test_the_goldens_are_what_the_program_says() -> None:
    program = find_kubectl()
    if program is None:
        pytest.skip("there is no kubectl on this machine")
    assert [each.normal for each in goldens.real(SAMPLE, program)] == goldens.goldens(SAMPLE)
