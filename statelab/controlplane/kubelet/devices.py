"""The devices of a Pod's ResourceClaims: made ready by their drivers before its containers, or told why they are not.

No driver registers with a kubelet here, as on a node without one: a claim that was given devices waits for its driver.
Source: pkg/kubelet/cm/dra/manager.go, plugin/dra_plugin_manager.go.
"""

from __future__ import annotations

from statelab.controlplane.controllers.common.devices import (
    PLURAL,
    NotForPod,
    check_owner,
    claim_name,
    extended_claim,
    is_reserved_for,
    results_of,
)
from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View


def prepare(pod: Object, view: View) -> bool:
    """Whether the Pod can be started; if not, an event says why."""
    try:
        for pod_claim in pod["spec"].get("resourceClaims") or ():
            _prepare(pod, pod_claim, view)
        if (own := extended_claim(pod)) is not None:
            _prepare(pod, {"resourceClaimName": own}, view)
    except NotForPod as error:
        words = f"Failed to prepare dynamic resources: prepare dynamic resources: {error}"
        view.event(pod, "FailedPrepareDynamicResources", words, type="Warning")
        return False
    return True


def _prepare(pod: Object, pod_claim: Object, view: View) -> None:
    name = claim_name(pod, pod_claim)
    if name is None:
        return
    metadata = pod["metadata"]
    claim = view.get(PLURAL, f"{metadata['namespace']}/{name}")
    if claim is None:
        raise NotForPod(f'fetch ResourceClaim {name}: resourceclaims.resource.k8s.io "{name}" not found')
    check_owner(pod, pod_claim, claim)
    if not is_reserved_for(claim, pod):
        uid = claim["metadata"]["uid"]
        raise NotForPod(
            f"pod {metadata['name']} ({metadata['uid']}) is not allowed to use ResourceClaim {name} ({uid})"
        )
    for result in results_of(claim):
        raise NotForPod(f"DRA driver {result['driver']} is not registered")
