"""Helm 4 (its Go library, as helm-python-sdk carries it), against a server of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

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


DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: backups.charts.example.com}
spec:
  group: charts.example.com
  scope: Namespaced
  names: {plural: backups, singular: backup, kind: Backup}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {keep: {type: integer, minimum: 1}}}}
"""
WITH_ALL = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: {{ .Release.Name }}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: {{ .Release.Name }}}
rules: [{apiGroups: [charts.example.com], resources: [backups], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: {{ .Release.Name }}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ .Release.Name }}}
subjects: [{kind: ServiceAccount, name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}]
---
apiVersion: charts.example.com/v1
kind: Backup
metadata: {name: {{ .Release.Name }}}
spec: {keep: {{ .Values.keep }}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: {{ .Release.Name }}}
spec:
  schedule: "@daily"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          serviceAccountName: {{ .Release.Name }}
          containers: [{name: main, image: "busybox:1.36", command: ["true"]}]
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-before
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "busybox:1.36", command: [sh, -c, "{{ .Values.before }}"]}]
"""


def test_a_chart_with_a_definition_roles_and_a_hook(server: Any, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "crds").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: backup\nversion: 0.1.0\n")
    (tmp_path / "values.yaml").write_text("keep: 3\nbefore: echo ready\n")
    (tmp_path / "crds" / "backups.yaml").write_text(DEFINITION)
    (tmp_path / "templates" / "all.yaml").write_text(WITH_ALL)
    kept = client.CustomObjectsApi(config.new_client_from_config(config_file=str(server.kubeconfig)))
    jobs = client.BatchV1Api(kept.api_client)

    def keep() -> int:
        found = kept.get_namespaced_custom_object("charts.example.com", "v1", namespace, "backups", "nightly")
        return int(found["spec"]["keep"])

    cluster = helm.Config(kubeconfig_path=server.kubeconfig, namespace=namespace)
    assert cluster.install(tmp_path, "nightly", namespace=namespace, timeout=60)["status"] == "deployed"
    hook = jobs.read_namespaced_job("nightly-before", namespace)
    assert (keep(), hook.status.succeeded) == (3, 1)
    cluster.upgrade(tmp_path, "nightly", {"keep": 5}, namespace=namespace, timeout=60)
    assert keep() == 5
    assert jobs.read_namespaced_job("nightly-before", namespace).metadata.uid != hook.metadata.uid
    with pytest.raises(Exception, match="greater than or equal"):
        cluster.upgrade(tmp_path, "nightly", {"keep": 0}, namespace=namespace, timeout=60)
    with pytest.raises(Exception, match="hook"):
        cluster.upgrade(tmp_path, "nightly", {"keep": 7, "before": "exit 1"}, namespace=namespace, timeout=60)
    assert keep() == 5
    cluster.rollback("nightly", version=1, timeout=60)
    assert keep() == 3
    cluster.uninstall("nightly")
    assert cluster.list() == []
    rights = client.RbacAuthorizationV1Api(kept.api_client)
    assert rights.list_namespaced_role(namespace).items == []
    client.ApiextensionsV1Api(kept.api_client).delete_custom_resource_definition("backups.charts.example.com")
