"""kubectl kustomize: not here."""

from __future__ import annotations

from statelab.kubectl.builder import KUSTOMIZE
from statelab.kubectl.call import Call
from statelab.kubectl.problems import Fail


def kustomize(call: Call) -> None:
    raise Fail(KUSTOMIZE)
