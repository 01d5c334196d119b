"""A verb waits as long as whoever drives it lets time pass, and no longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from statelab.kubectl.api import drive
from statelab.kubectl.builder import Info
from statelab.kubectl.call import Call
from statelab.kubectl.verbs.common import until_object


class Quiet:
    """A cluster where nothing happens: an Api, a Call, a watch and what is asked for, in one."""

    now_s = 0.0
    is_over = False
    namespace, name = "default", "shop"

    @property
    def api(self) -> Quiet:
        return self

    @property
    def resource(self) -> Quiet:
        return self

    def path(self, namespace: str) -> str:
        return f"/api/v1/namespaces/{namespace}/pods"

    def maybe(self, *what: Any) -> None:
        return None

    def watch(self, path: str, params: dict[str, str]) -> Quiet:
        return self

    def taken(self) -> list[Any]:
        return []

    def close(self) -> None:
        pass


def test_a_wait_that_is_cut_short_is_not_begun_again() -> None:
    """A trial on a real cluster gives a line five minutes; `rollout status` asked for ten, and then for the rest."""
    cluster, waited = Quiet(), []

    def wait(until: Callable[[], bool], timeout_s: float) -> bool:
        waited.append(timeout_s)
        cluster.now_s += min(timeout_s, 300.0)
        return until()

    found = drive(until_object(cast(Call, cluster), cast(Info, cluster), lambda obj: obj is not None, 600.0), wait)
    assert found == (False, None)
    assert waited == [600.0]
