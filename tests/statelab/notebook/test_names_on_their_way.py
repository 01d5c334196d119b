"""The path of a name: from who asks to who answers, or to where it ends, and what was meant where nobody answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dns.message
import pytest

from statelab.controlplane.dns import answer
from statelab.notebook.pictures.name_explorer import explore

Objects = Callable[[Any], dict[str, list[Any]]]


@pytest.fixture
def asked(cluster: Any, objects_of: Objects) -> Callable[[str], dict[str, Any]]:
    def ask(query: dns.message.Message) -> dns.message.Message:
        return answer(query, cluster.store)

    return lambda name: explore(name, "A", "default", lambda _namespace: objects_of(cluster), ask)


def test_a_name_that_is_known_is_followed_to_its_pod(asked: Callable[[str], dict[str, Any]]) -> None:
    found = asked("web-1.nginx")
    assert [what for what, _, _ in found["path"]] == [
        "A Pod asks for",
        "Search path",
        "Service",
        "Endpoints",
        "Pod",
        "Answer",
    ]
    assert all(reached for _, _, reached in found["path"])
    assert found["meant"] == []


def test_a_name_that_is_not_known_is_followed_to_where_it_ends_and_what_was_meant_is_offered(
    asked: Callable[[str], dict[str, Any]],
) -> None:
    found = asked("web-1.ngnix")
    reached = [reached for _, _, reached in found["path"]]
    assert reached == [True, True, False, False]
    assert "web-1.nginx" in found["meant"]
    assert asked("nginx.default.svc.cluster.local")["meant"] == []
