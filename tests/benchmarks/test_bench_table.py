"""`python -m benchmarks`: one table, and the same figures for programs."""

from __future__ import annotations

import json

import pytest

from benchmarks import __main__ as bench
from benchmarks.figure import Figure, Missing


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run with these benchmarks: the exit code, what was printed, and the file."""

    def run(benchmarks, *arguments):
        file = tmp_path / "figures.json"
        monkeypatch.setattr(bench, "BENCHMARKS", benchmarks)
        monkeypatch.setattr("sys.argv", ["benchmarks", "--json", str(file), *arguments])
        code = bench.main()
        return code, capsys.readouterr().out, json.loads(file.read_text())

    return run


def fast():
    """Fast things."""
    yield Figure("a thing", 0.25, "s", "lower", beside=3.0, aim=0.5)
    yield Figure("many things", 1200, "/s", beside=700, aim=1500, beside_what="another tool")


def absent():
    """Needs what is not there."""
    raise Missing("browser")
    yield


def test_each_figure_stands_beside_what_one_would_use_instead_and_its_aim(run):
    code, said, file = run({"fast": fast})
    assert code == 0
    rows = [" ".join(line.split()) for line in said.splitlines()]
    assert "a thing 0.25 s 3 ≤ 0.5 ✓ Kubernetes 1.36.2" in rows
    assert "many things 1,200 /s 700 ≥ 1,500 ✗ another tool" in rows
    assert "1 short of its aim" in said
    assert [each["meets_aim"] for each in file["figures"]] == [True, False]
    assert file["figures"][1]["benchmark"] == "fast"
    assert file["machine"]["cores"] >= 1


def test_what_cannot_be_measured_is_said_and_the_rest_goes_on(run):
    code, said, file = run({"absent": absent, "fast": fast})
    assert code == 0
    assert "not measured: there is no browser" in said
    assert len(file["figures"]) == 2


def test_only_the_named_ones_are_measured(run, capsys):
    _, said, _ = run({"absent": absent, "fast": fast}, "--only", "fast")
    assert "absent" not in said
    with pytest.raises(SystemExit):
        run({"fast": fast}, "--only", "slow")
    assert "choose from" in capsys.readouterr().err


def test_ctrl_c_ends_what_was_started_and_keeps_what_was_measured(run):
    ended = []

    def long():
        """Takes long."""
        try:
            yield Figure("the first", 1, "s")
            raise KeyboardInterrupt
        finally:
            ended.append("server")

    code, said, file = run({"long": long, "fast": fast})
    assert (code, ended) == (130, ["server"])
    assert "Stopped" in said
    assert [each["name"] for each in file["figures"]] == ["the first"]


def test_every_benchmark_says_what_it_measures_in_one_line_and_in_the_readme():
    readme = (bench.Path(bench.__file__).parent / "README.md").read_text()
    for name in bench.BENCHMARKS:
        assert bench._about(name).endswith(".")
        assert f"| `{name}` |" in readme
