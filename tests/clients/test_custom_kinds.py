"""Kinds of one's own with the real kubectl: defined, explained, listed with their columns, scaled, and gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_kubectl import Kubectl

pytestmark = pytest.mark.kubectl

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: caches.course.example.com}
spec:
  group: course.example.com
  scope: Namespaced
  names: {plural: caches, singular: cache, kind: Cache, shortNames: [ca], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties: {size: {type: integer, minimum: 1, description: How many.}}
          status: {type: object, properties: {ready: {type: integer}}}
    subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.ready}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
"""
CACHE = """
apiVersion: course.example.com/v1
kind: Cache
metadata: {name: one}
spec: {size: %s}
"""


def test_from_its_definition_to_its_end(kubectl_path: str, server: Any, namespace: str, tmp_path: Path) -> None:
    kubectl = Kubectl(kubectl_path, server.kubeconfig, namespace, tmp_path)
    said = kubectl("apply", "-f", "-", stdin=DEFINITION)
    assert said == "customresourcedefinition.apiextensions.k8s.io/caches.course.example.com created\n"
    kubectl("wait", "--for=condition=Established", "crd/caches.course.example.com", "--timeout=180s")
    try:
        assert kubectl("apply", "-f", "-", stdin=CACHE % 3) == "cache.course.example.com/one created\n"
        refused = kubectl.run("apply", "-f", "-", stdin=CACHE % 0)
        assert "spec.size in body should be greater than or equal to 1" in refused.stderr
        assert kubectl("get", "ca").splitlines()[0].split() == ["NAME", "SIZE"]
        assert kubectl("get", "all").split()[-2:] == ["cache.course.example.com/one", "3"]
        assert "How many." in kubectl("explain", "cache.spec.size")
        assert "caches.course.example.com" in kubectl("api-resources", "--api-group=course.example.com", "-o", "name")
        kubectl("scale", "cache/one", "--replicas=5")
        assert kubectl("get", "cache", "one", "-o", "jsonpath={.spec.size}") == "5"
        kubectl("patch", "cache", "one", "--type=merge", "--subresource=status", "-p", '{"status": {"ready": 2}}')
        assert kubectl("get", "cache", "one", "-o", "jsonpath={.spec.size} {.status.ready}") == "5 2"
        assert "Size:  5" in kubectl("describe", "cache", "one")
    finally:
        kubectl("delete", "crd", "caches.course.example.com")
    assert kubectl.run("get", "caches").returncode == 1
