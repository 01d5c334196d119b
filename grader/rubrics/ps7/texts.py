"""What the tasks of ps7 give, and what the cells hold at first."""

from __future__ import annotations

# ---- the ledger, which is to lose nothing when it is stopped

LEDGER = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ledger}
data:
  ledger.sh: |
    #!/bin/sh
    # Keeps entries in memory. When it is told to stop it closes, and writes them to its disk, one in three seconds.
    save() {
      touch /memory/closed
      echo "told to stop, saving"
      while read entry; do sleep 3; echo "$entry" >> /data/ledger; done < /memory/ledger
      echo "all is saved"
      exit 0
    }
    mkdir -p /memory
    touch /memory/ledger /data/ledger
    trap save TERM
    echo "ready"
    while true; do sleep 3600 & wait $!; done
  note.sh: |
    #!/bin/sh
    # What a writer does: each word is an entry. It is acknowledged by the exit code 0.
    if [ -e /memory/closed ]; then echo "closed: not taken"; exit 1; fi
    for entry in "$@"; do echo "$entry" >> /memory/ledger; done
    echo "taken: $*"
---
apiVersion: v1
kind: Service
metadata: {name: ledger}
spec: {clusterIP: None, selector: {app: ledger}, ports: [{port: 80, name: ledger}]}
"""

LEDGER_SET = """\
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: ledger
spec:
  serviceName: ledger
  replicas: 2
  selector:
    matchLabels:
      app: ledger
  template:
    metadata:
      labels:
        app: ledger
    spec:
      terminationGracePeriodSeconds: 15
      containers:
      - name: ledger
        image: busybox:1.36
        command: ["sh", "-c", "sh /ledger/ledger.sh; echo ended"]
        volumeMounts:
        - name: data
          mountPath: /data
        - name: scripts
          mountPath: /ledger
      volumes:
      - name: scripts
        configMap:
          name: ledger
  volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      resources:
        requests:
          storage: 64Mi
"""

# ---- the archive, which replays its log when it starts

TODAY_S, LONG_S, ENDLESS_S = 45, 280, 1_000_000


def archive(replay_s: int) -> str:
    """Its script, which takes so many seconds before it serves, and its Service."""
    return f"""\
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: archive}}
data:
  replay-seconds: "{replay_s}"
  archive.sh: |
    #!/bin/sh
    # Replays its log, which takes as long as the log is, and serves then.
    echo "replaying the log"
    sleep "$(cat /archive/replay-seconds)"
    mkdir -p /www
    echo "all is replayed" > /www/index.html
    httpd -p 80 -h /www
    echo "replayed, serving"
    while true; do sleep 3600; done
---
apiVersion: v1
kind: Service
metadata: {{name: archive}}
spec: {{clusterIP: None, selector: {{app: archive}}, ports: [{{port: 80, name: http}}]}}
"""


ARCHIVE_SET = """\
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: archive
spec:
  serviceName: archive
  replicas: 1
  selector:
    matchLabels:
      app: archive
  template:
    metadata:
      labels:
        app: archive
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: archive
        image: busybox:1.36
        command: ["sh", "/archive/archive.sh"]
        ports:
        - name: http
          containerPort: 80
        readinessProbe:
          tcpSocket:
            port: http
          periodSeconds: 2
        livenessProbe:
          tcpSocket:
            port: http
          periodSeconds: 5
          failureThreshold: 3
        volumeMounts:
        - name: script
          mountPath: /archive
      volumes:
      - name: script
        configMap:
          name: archive
"""

# ---- what is left of a quorum

QUESTIONS = """\
three:
four:
stale:
leader:
announced:
seven:
scaled:
wiped:
"""


def kv(members: int) -> str:
    """An etcd of so many members, from names."""
    names = (f"kv-{each}=http://kv-{each}.kv:2380" for each in range(members))
    return f"""\
---
apiVersion: v1
kind: Service
metadata: {{name: kv}}
spec: {{clusterIP: None, publishNotReadyAddresses: true, selector: {{app: kv}}, ports: [{{port: 2379, name: client}}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: kv}}
spec:
  serviceName: kv
  replicas: {members}
  podManagementPolicy: Parallel
  selector: {{matchLabels: {{app: kv}}}}
  template:
    metadata: {{labels: {{app: kv}}}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: etcd
        image: quay.io/coreos/etcd:v3.5.21
        command:
        - etcd
        - --name=$(NAME)
        - --data-dir=/data/etcd
        - --listen-peer-urls=http://0.0.0.0:2380
        - --listen-client-urls=http://0.0.0.0:2379
        - --initial-advertise-peer-urls=http://$(NAME).kv:2380
        - --advertise-client-urls=http://$(NAME).kv:2379
        - --initial-cluster={",".join(names)}
        env:
        - {{name: NAME, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}
        readinessProbe: {{httpGet: {{path: /health, port: 2379}}, periodSeconds: 5, timeoutSeconds: 2}}
        volumeMounts: [{{name: data, mountPath: /data}}]
  volumeClaimTemplates:
  - metadata: {{name: data}}
    spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
"""


# ---- a budget for any number of members


_LISTENS = """\
        image: busybox:1.36
        command: [sh, -c, "httpd -p 80 -h /tmp; while true; do sleep 3600; done"]
        readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 2, failureThreshold: 1}
"""
_DOES_NOTHING = """\
        image: registry.k8s.io/pause:3.10
"""


def voters(members: int, *, can_break: bool = True) -> str:
    """So many members, and another application beside them. `can_break`: they are Ready while somebody listens in
    them; a budget does not look at that.
    """
    return f"""\
---
apiVersion: v1
kind: Service
metadata: {{name: vote}}
spec: {{clusterIP: None, selector: {{app: vote}}, ports: [{{port: 80, name: http}}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: vote}}
spec:
  serviceName: vote
  replicas: {members}
  podManagementPolicy: Parallel
  selector: {{matchLabels: {{app: vote}}}}
  template:
    metadata: {{labels: {{app: vote, tier: data}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: member
{_LISTENS if can_break else _DOES_NOTHING}---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: front}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: front}}}}
  template:
    metadata: {{labels: {{app: front, tier: data}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{{name: web, image: "registry.k8s.io/nginx-slim:0.24"}}]
"""
