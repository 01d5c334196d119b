"""Manifests that tasks give or use, written once."""

from __future__ import annotations

IMAGE = "registry.k8s.io/nginx-slim:0.24"


def headless(name: str, **selector: str) -> str:
    """A headless Service."""
    labels = ", ".join(f"{key}: {value}" for key, value in selector.items())
    return (
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n"
        f"spec: {{clusterIP: None, selector: {{{labels}}}, ports: [{{port: 80, name: web}}]}}\n"
    )


def stateful_set(name: str, *, replicas: int, service: str | None = None, image: str = IMAGE) -> str:
    """A StatefulSet whose Pods have the label app: `name`, governed by Service `service` (its own name by default)."""
    return f"""\
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {name}}}
spec:
  serviceName: {service or name}
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers: [{{name: main, image: "{image}", ports: [{{containerPort: 80}}]}}]
"""
