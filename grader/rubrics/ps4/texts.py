"""The texts that ps4's cells begin with."""

from __future__ import annotations

from grader.given import IMAGE

NOTES = """\
kind: PersistentVolumeClaim
apiVersion: v1
metadata:
  name: pv-claim
spec:
  accessModes:
  - ReadWriteOnce
  resources:
    requests:
      storage: 1Gi
---
apiVerison: v1
kind: Pod
metadata:
  kind: pv-pod
spec:
  containers:
    - name: pv-container
      image: nginx
      ports:
        - containerPort: 80
          name: "http-server"
      volumeMounts:
        - mountPath: "/usr/share/nginx/html"
          name: pv-storage
  volumes:
    - name: pv-storage
      persistentVolumeClaim:
        claimName: pv-claim
"""
BROKEN = ("apiVerison", "apiVersion", "metadata.kind", "metadata.name")

LEDGER = f"""\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: ledger
provisioner: rancher.io/local-path
reclaimPolicy: Delete
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: ledger
spec:
  serviceName: ledger
  replicas: 2
  persistentVolumeClaimRetentionPolicy:
    whenDeleted: Delete
    whenScaled: Delete
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
        - name: scratch
          mountPath: /ledgers
      volumes:
      - name: scratch
        emptyDir: {{}}
  volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      resources:
        requests:
          storage: 1Gi
"""

QUEUE = f"""\
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: queue
spec:
  serviceName: queue
  replicas: 3
  persistentVolumeClaimRetentionPolicy:
    whenDeleted: Delete
    whenScaled: Retain
  selector:
    matchLabels:
      app: queue
  template:
    metadata:
      labels:
        app: queue
    spec:
      containers:
      - name: queue
        image: {IMAGE}
        volumeMounts:
        - name: jobs
          mountPath: /queue
  volumeClaimTemplates:
  - metadata:
      name: jobs
    spec:
      accessModes: [ReadWriteOnce]
      resources:
        requests:
          storage: 1Gi
"""

QUESTIONS = """\
pod:
scale:
set:
claim:
claim-and-pod:
pod-with-policies:
scale-with-when-deleted:
scale-with-when-scaled:
orphan-with-when-deleted:
set-with-when-scaled:
"""
