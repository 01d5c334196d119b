"""`statelab serve` is read twice, with the whole command line and without: both know the same options."""

from __future__ import annotations

import inspect

from statelab import cli, serve


def test_both_readings_have_the_same_options_and_defaults() -> None:
    told = {name: each.default for name, each in inspect.signature(cli.serve).parameters.items()}
    assert vars(serve.parser().parse_args([])) == told
    assert list(inspect.signature(serve.run).parameters) == list(told)


def test_every_option_is_read_as_its_type() -> None:
    words = [
        "--port",
        "1",
        "--token-file",
        "t",
        "--state",
        "s",
        "--in-memory",
        "--pace",
        "2.5",
        "--kubeconfig",
        "k",
        "--server-file",
        "f",
        "--idle-end",
        "60",
    ]
    found = vars(serve.parser().parse_args(words))
    hints = inspect.get_annotations(serve.run, eval_str=True)
    for name, value in found.items():
        assert isinstance(value, hints[name]), name
