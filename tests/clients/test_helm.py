"""Helm 4 (its Go library, as helm-python-sdk carries it), against a server of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

helm = pytest.importorskip("helm_python", reason="helm-python-sdk is not installed")

TEMPLATE = """
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec: {clusterIP: None, selector: {app: {{ .Release.Name }}}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: {{ .Release.Name }}}
spec:
  serviceName: {{ .Release.Name }}
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec: {containers: [{name: nginx, image: "nginx:1.27"}]}
"""


def test_a_release_is_installed_upgraded_rolled_back_and_removed(server: Any, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 0.1.0\n")
    (tmp_path / "values.yaml").write_text("replicas: 2\n")
    (tmp_path / "templates" / "all.yaml").write_text(TEMPLATE)
    cluster = helm.Config(kubeconfig_path=server.kubeconfig, namespace=namespace)
    installed = cluster.install(tmp_path, "shop", namespace=namespace, wait="watcher", timeout=60)
    assert installed["status"] == "deployed"
    cluster.upgrade(tmp_path, "shop", {"replicas": 1}, namespace=namespace, wait="watcher", timeout=60)
    assert [each["status"] for each in cluster.history("shop")] == ["superseded", "deployed"]
    cluster.rollback("shop", version=1, wait="watcher", timeout=60)
    assert [each["revision"] for each in cluster.history("shop")] == [1, 2, 3]
    cluster.uninstall("shop")
    assert cluster.list() == []
