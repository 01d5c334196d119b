"""What ps8's clusters hold before the answer, and the files that its kubectl lines may name."""

from __future__ import annotations

from grader.given import IMAGE

ETCD = "quay.io/coreos/etcd:v3.5.21"

# ---- the shop: an etcd of one member, as in lesson 12


def etcd(name: str, replicas: int) -> str:
    """An etcd whose members find each other by the names of StatefulSet `name`; each has its own from its Pod."""
    members = ",".join(f"{name}-{each}=http://{name}-{each}.{name}:2380" for each in range(replicas))
    return f"""\
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    app: {name}
  ports:
  - name: client
    port: 2379
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {name}
spec:
  serviceName: {name}
  replicas: {replicas}
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: etcd
        image: {ETCD}
        env:
        - name: POD_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        command:
        - etcd
        - --name=$(POD_NAME)
        - --data-dir=/data/etcd
        - --listen-peer-urls=http://0.0.0.0:2380
        - --listen-client-urls=http://0.0.0.0:2379
        - --initial-advertise-peer-urls=http://$(POD_NAME).{name}:2380
        - --advertise-client-urls=http://$(POD_NAME).{name}:2379
        - --initial-cluster={members}
        readinessProbe:
          httpGet:
            path: /health
            port: 2379
          periodSeconds: 20
        volumeMounts:
        - name: data
          mountPath: /data
  volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      resources:
        requests:
          storage: 1Gi
"""


SHOP = etcd("shop", 1)
AGAIN = etcd("again", 3)
BACKUPS = """\
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: backups}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""

# ---- the ledger: three members, whose disks are too small


def ledger(size: str) -> str:
    return f"""\
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: ledger
spec:
  serviceName: ledger
  replicas: 3
  selector:
    matchLabels:
      app: ledger
  template:
    metadata:
      labels:
        app: ledger
    spec:
      containers:
      - name: ledger
        image: {IMAGE}
        volumeMounts:
        - name: books
          mountPath: /books
  volumeClaimTemplates:
  - metadata:
      name: books
    spec:
      storageClassName: fast
      accessModes: [ReadWriteOnce]
      resources:
        requests:
          storage: {size}
"""


FAST = """\
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: hostpath.csi.k8s.io
reclaimPolicy: Delete
volumeBindingMode: Immediate
---
apiVersion: v1
kind: Service
metadata: {name: ledger}
spec: {clusterIP: None, selector: {app: ledger}, ports: [{port: 80, name: web}]}
---
"""

# ---- db: a Redis that is a Deployment, and the till that writes to it all the time

DEPLOYMENT = """\
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {selector: {app: db}, ports: [{port: 6379, name: redis}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: db}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db}
spec:
  replicas: 1
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - name: redis
        image: redis:7
        ports: [{containerPort: 6379, name: redis}]
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: db}}]
---
apiVersion: v1
kind: Pod
metadata: {name: till}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: till, image: "redis:7", command: [sleep, "1000000"]}]
"""
DB = """\
apiVersion: v1
kind: Service
metadata:
  name: db-members
spec:
  clusterIP: None
  selector:
    app: db
  ports:
  - name: redis
    port: 6379
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
spec:
  serviceName: db-members
  replicas: 1
  selector:
    matchLabels:
      app: db
  template:
    metadata:
      labels:
        app: db
    spec:
      containers:
      - name: redis
        image: redis:7
        ports:
        - name: redis
          containerPort: 6379
        volumeMounts:
        - name: data
          mountPath: /data
  volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      resources:
        requests:
          storage: 1Gi
"""
