"""What ps9 gives and starts from."""

from __future__ import annotations

READERS = "readers"  # where the clients live


def catalog(members: int) -> str:
    """A Redis of so many members that take no writes when they start, and take their time to stop; and a client."""
    return f"""\
apiVersion: v1
kind: Namespace
metadata: {{name: {READERS}}}
---
apiVersion: v1
kind: Service
metadata: {{name: catalog}}
spec: {{clusterIP: None, publishNotReadyAddresses: true, selector: {{app: catalog}}, ports: [{{port: 6379}}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: catalog}}
spec:
  serviceName: catalog
  podManagementPolicy: Parallel
  replicas: {members}
  selector: {{matchLabels: {{app: catalog}}}}
  template:
    metadata: {{labels: {{app: catalog}}}}
    spec:
      terminationGracePeriodSeconds: 40
      containers:
      - name: redis
        image: redis:7.4
        args: [redis-server, --save, "", --replicaof, 127.0.0.1, "1"]
        lifecycle: {{preStop: {{exec: {{command: [sleep, "20"]}}}}}}
        ports: [{{containerPort: 6379}}]
"""


READER = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: reader, namespace: {READERS}}}
spec:
  containers: [{{name: reader, image: "redis:7.4", command: [sleep, infinity]}}]
"""


LOOP = """\
def reconcile(cluster):
    pods = cluster.list("pods", app="catalog")
    for pod in pods:
        name = pod["metadata"]["name"]
        said = cluster.exec(name, "redis-cli", "INFO", "replication")
        # Now it is your turn.
"""
