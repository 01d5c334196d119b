"""kubectl get -w: what is there, and then each change, for as long as is asked for."""

from __future__ import annotations

import pytest

from statelab.controlplane import ControlPlane
from statelab.kubectl import Kubectl
from statelab.kubectl.in_process import InProcess


@pytest.mark.parametrize("form", [(), ("-o", "wide"), ("-L", "app")])
def test_all_changes_are_printed_though_only_the_first_table_names_its_columns(form: tuple[str, ...]) -> None:
    api = InProcess(ControlPlane())
    kubectl = Kubectl(api, api.wait)
    assert kubectl.run(["create", "deployment", "shop", "--image=nginx:1.27"]).code == 0
    followed = kubectl.run(["get", "pods", "-w", "--request-timeout=60s", *form])
    assert followed.code == 0
    lines = followed.stdout.splitlines()
    assert [line.split()[0] for line in lines].count("NAME") == 1
    assert ["ContainerCreating" in followed.stdout, "Running" in followed.stdout] == [True, True]
    assert len({len(line.split()) for line in lines[-2:]}) == 1
