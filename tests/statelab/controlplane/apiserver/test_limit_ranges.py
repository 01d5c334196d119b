"""LimitRanges: what is filled in and what is refused, beyond what the recordings show."""

from __future__ import annotations

from typing import Any

import pytest
from planes import cluster_with

from statelab.controlplane import ControlPlane
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object


def limited(*limits: Object) -> ControlPlane:
    return cluster_with(
        {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": list(limits)}}
    )


def pod(*containers: Object, **spec: Any) -> Object:
    named = [{"name": f"c{index}", "image": "busybox:1.36", **each} for index, each in enumerate(containers)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": named, **spec}}


def asks(limits: Object, requests: Object | None = None) -> Object:
    return {"resources": {"limits": limits, **({"requests": requests} if requests else {})}}


def test_init_containers_are_filled_in_too_and_what_is_said_stays() -> None:
    cluster = limited({"type": "Container", "default": {"cpu": "200m"}, "defaultRequest": {"cpu": "50m"}})
    init = [{"name": "first", "image": "busybox:1.36"}]
    made = cluster.create(pod(asks({"cpu": "100m"}), {}, initContainers=init))
    resources = [each["resources"] for each in (*made["spec"]["containers"], *made["spec"]["initContainers"])]
    usual = {"limits": {"cpu": "200m"}, "requests": {"cpu": "50m"}}
    assert resources == [{"limits": {"cpu": "100m"}, "requests": {"cpu": "100m"}}, usual, usual]
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu request for container c1; cpu limit for container c1; "
        "cpu request for init container first; cpu limit for init container first"
    )


def test_what_a_controller_makes_is_filled_in_too() -> None:
    cluster = limited({"type": "Container", "defaultRequest": {"memory": "32Mi"}})
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod({})["spec"]}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template, "serviceName": "x"}
    cluster.create({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, "spec": spec})
    cluster.settle()
    (made,) = cluster.list("pods", "default")
    assert made["spec"]["containers"][0]["resources"] == {"requests": {"memory": "32Mi"}}


@pytest.mark.parametrize(
    ("limit", "containers", "why"),
    [
        ({"type": "Pod", "max": {"cpu": "1"}}, [asks({"cpu": "600m"}), asks({"cpu": "600m"})],
         "maximum cpu usage per Pod is 1, but limit is 1200m"),
        ({"type": "Pod", "max": {"cpu": "1"}}, [asks({"cpu": "600m"}), {}],
         "maximum cpu usage per Pod is 1.  No limit is specified"),
        ({"type": "Container", "min": {"memory": "64Mi"}}, [asks({"memory": "32Mi"})],
         "minimum memory usage per Container is 64Mi, but request is 32Mi"),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}, [asks({"cpu": "1"}, {"cpu": "250m"})],
         "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000"),
    ],
)  # fmt: skip
def test_a_pod_out_of_bounds_is_refused(limit: Object, containers: list[Object], why: str) -> None:
    with pytest.raises(ApiError) as refused:
        limited(limit).create(pod(*containers))
    assert (refused.value.code, refused.value.message) == (403, f'pods "p" is forbidden: {why}')
