"""The contract's own images are on a kind cluster's nodes before its first Pod asks for one."""

from __future__ import annotations

from contract_images import contract_images, load_contract_images

from statelab.cluster import kind_up
from statelab.cluster.steps import Silent


def test_they_are_those_of_its_manifests_and_those_it_changes_to():
    assert contract_images() == [
        "busybox:1.36", "registry.k8s.io/nginx-slim:0.24", "registry.k8s.io/nginx-slim:0.25",
    ]  # fmt: skip


def test_each_is_loaded_into_the_nodes(machine, home):
    kind_up.up(home, with_images=False)
    assert machine.asked("kind", "load") == []
    assert load_contract_images(home, Silent()) == []
    assert [line[3] for line in machine.asked("kind", "load")] == contract_images()
