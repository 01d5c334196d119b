"""What the tasks of `final` give: sets that are shown, and in the cluster, before the learner's answer."""

from __future__ import annotations

# One container's start script, of a kind that is met: it loads for a while, and it stays when Redis has ended.
SCRIPT = "sleep 40; redis-server; sleep 1000000"
SESSIONS = f"""\
apiVersion: v1
kind: Service
metadata:
  name: sessions
spec:
  clusterIP: None
  selector:
    app: sessions
  ports:
  - name: redis
    port: 6379
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: sessions
spec:
  serviceName: sessions
  replicas: 2
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      app: sessions
  template:
    metadata:
      labels:
        app: sessions
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: redis
        image: redis:7
        command:
        - sh
        - -c
        - {SCRIPT}
        ports:
        - name: redis
          containerPort: 6379
"""


def orders(replicas: int, *, image: str = "redis:7.2", more: str = "") -> str:
    """A store of the kind the first task asks for, as a Helm chart would name it: the script is in a ConfigMap."""
    return f"""\
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: orders}}
data:
  start.sh: |
    case "$HOSTNAME" in
      *-0) exec redis-server --appendonly yes ;;
      *) exec redis-server --appendonly yes --replicaof orders-0.orders 6379 ;;
    esac
---
apiVersion: v1
kind: Service
metadata: {{name: orders}}
spec: {{clusterIP: None, selector: {{app: orders}}, ports: [{{port: 6379, name: redis}}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: orders}}
spec:
  serviceName: orders
  replicas: {replicas}
  selector: {{matchLabels: {{app: orders}}}}
  template:
    metadata: {{labels: {{app: orders, tier: shop}}}}
    spec:
      terminationGracePeriodSeconds: 2
      tolerations:
      - {{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 5}}
      - {{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 5}}
      topologySpreadConstraints:
      - topologyKey: kubernetes.io/hostname
        maxSkew: 1
        whenUnsatisfiable: ScheduleAnyway
        labelSelector: {{matchLabels: {{app: orders}}}}
      containers:
      - name: redis
        image: {image}
        command: [sh, /etc/orders/start.sh]
        ports: [{{containerPort: 6379, name: redis}}]
        readinessProbe: {{exec: {{command: [redis-cli, ping]}}, periodSeconds: 2}}
        volumeMounts:
        - {{name: data, mountPath: /data}}
        - {{name: script, mountPath: /etc/orders}}
      volumes:
      - {{name: script, configMap: {{name: orders}}}}
  volumeClaimTemplates:
  - metadata: {{name: data}}
    spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
{more}"""


def members(name: str, replicas: int) -> str:
    """So many Pods with the labels of `orders`, which are Ready at once and do nothing."""
    return f"""\
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {name}}}
spec:
  serviceName: {name}
  replicas: {replicas}
  podManagementPolicy: Parallel
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}, tier: shop}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{{name: redis, image: "registry.k8s.io/pause:3.10"}}]
"""


FRONT = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front}
spec:
  replicas: 2
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front, tier: shop}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: web, image: "registry.k8s.io/nginx-slim:0.24"}]
"""
