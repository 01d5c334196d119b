"""The classic moves of Kubernetes' own tutorials, on the whole control plane: what the containers are for."""

from __future__ import annotations

import re

import pytest
import yaml

from statelab.controlplane.controlplane import ControlPlane

WEB = """
apiVersion: v1
kind: Service
metadata: {name: nginx}
spec: {ports: [{port: 80, name: web}], clusterIP: None, selector: {app: nginx}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: nginx
  replicas: 2
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec:
      containers:
      - name: nginx
        image: registry.k8s.io/nginx-slim:0.24
        ports: [{containerPort: 80, name: web}]
        volumeMounts: [{name: www, mountPath: /usr/share/nginx/html}]
  volumeClaimTemplates:
  - metadata: {name: www}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
REDIS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: redis}
data:
  primary.conf: "appendonly yes\\n"
  replica.conf: "appendonly yes\\nreplicaof redis-0.redis 6379\\n"
---
apiVersion: v1
kind: Service
metadata: {name: redis}
spec: {ports: [{port: 6379}], clusterIP: None, selector: {app: redis}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: redis}
spec:
  serviceName: redis
  replicas: 3
  selector: {matchLabels: {app: redis}}
  template:
    metadata: {labels: {app: redis}}
    spec:
      initContainers:
      - name: role
        image: redis:7.4
        command:
        - bash
        - -c
        - |
          set -ex
          [[ $HOSTNAME =~ -([0-9]+)$ ]] || exit 1
          ordinal=${BASH_REMATCH[1]}
          if [[ $ordinal -eq 0 ]]; then
            cp /config/primary.conf /etc/redis/redis.conf
          else
            cp /config/replica.conf /etc/redis/redis.conf
          fi
        volumeMounts: [{name: conf, mountPath: /etc/redis}, {name: config, mountPath: /config}]
      containers:
      - name: redis
        image: redis:7.4
        command: [redis-server, /etc/redis/redis.conf]
        ports: [{containerPort: 6379}]
        readinessProbe: {exec: {command: [sh, -c, "redis-cli ping | grep PONG"]}, periodSeconds: 5}
        livenessProbe: {tcpSocket: {port: 6379}}
        volumeMounts: [{name: data, mountPath: /data}, {name: conf, mountPath: /etc/redis}]
      volumes:
      - {name: conf, emptyDir: {}}
      - {name: config, configMap: {name: redis}}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


@pytest.fixture
def cluster() -> ControlPlane:
    return ControlPlane()


def execute(cluster: ControlPlane, pod: str, *argv: str) -> str:
    obj = cluster.get("pods", f"default/{pod}")
    container = cluster.kubelets[obj["spec"]["nodeName"]].container(
        f"default/{pod}", obj["spec"]["containers"][0]["name"]
    )
    said, codes = bytearray(), []
    container.exec(list(argv), on_output=lambda stream, data: said.extend(data), on_exit=codes.append)
    assert cluster.loop.run_until(lambda: bool(codes), timeout_s=60)
    return said.decode()


def test_pages_written_in_each_pod_are_found_by_name_after_all_pods_were_deleted(cluster):
    cluster.apply(*yaml.safe_load_all(WEB))
    assert cluster.settle()
    for number in range(2):
        execute(cluster, f"web-{number}", "sh", "-c", 'echo "$(hostname)" > /usr/share/nginx/html/index.html')
        assert execute(cluster, f"web-{number}", "curl", "http://localhost/") == f"web-{number}\n"
    before = {name: cluster.get("pods", f"default/{name}")["metadata"]["uid"] for name in ("web-0", "web-1")}
    for name in before:
        cluster.delete("pods", f"default/{name}")
    assert cluster.settle()
    for number in range(2):
        assert cluster.get("pods", f"default/web-{number}")["metadata"]["uid"] != before[f"web-{number}"]
        assert execute(cluster, f"web-{1 - number}", "curl", f"http://web-{number}.nginx") == f"web-{number}\n"


def test_a_redis_of_three_whose_roles_come_from_ordinals_survives_the_loss_of_each_pod(cluster):
    cluster.apply(*yaml.safe_load_all(REDIS))
    assert cluster.settle()
    for lost in range(3):
        assert execute(cluster, "redis-0", "redis-cli", "set", "key", f"before-{lost}") == "OK\n"
        cluster.delete("pods", f"default/redis-{lost}")
        assert cluster.settle()
        cluster.loop.run_for(3)
        for number in range(3):
            assert execute(cluster, f"redis-{number}", "redis-cli", "get", "key") == f"before-{lost}\n"
            state = execute(cluster, f"redis-{number}", "redis-cli", "info", "replication")
            found = re.findall(r"role:(\w+)|master_link_status:(\w+)", state)
            assert found == ([("master", "")] if number == 0 else [("slave", ""), ("", "up")])
    assert "connected_slaves:2" in execute(cluster, "redis-0", "redis-cli", "info", "replication")


def test_a_container_that_ends_at_once_is_in_crash_loop_back_off_with_its_exit_code(cluster):
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "crash"},
        "spec": {
            "containers": [{"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", "echo dying; exit 3"]}]
        },
    }
    cluster.apply(pod)
    for _ in range(120):  # between two runs it has ended first, then waits
        cluster.loop.run_for(1)
        status = cluster.get("pods", "default/crash")["status"]["containerStatuses"][0]
        if status["restartCount"] == 3 and "waiting" in status["state"]:
            break
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert status["restartCount"] == 3
