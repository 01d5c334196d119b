"""The manifests of the six patients, as they are given."""

from __future__ import annotations

from grader.given import IMAGE

LEDGER = f"""\
apiVersion: v1
kind: Service
metadata:
  name: ledger
spec:
  clusterIP: None
  selector:
    app: ledger
  ports:
  - port: 80
---
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
      containers:
      - name: ledger
        image: {IMAGE}
        volumeMounts:
        - name: pages
          mountPath: /usr/share/nginx/html
  volumeClaimTemplates:
  - metadata:
      name: pages
    spec:
      accessModes: [ReadWriteOnce]
      storageClassName: fast-ssd
      resources:
        requests:
          storage: 1Gi
"""

SHOP = f"""\
apiVersion: v1
kind: Service
metadata:
  name: shop
spec:
  selector:
    app: shop
  ports:
  - port: 80
    targetPort: 8080
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 2
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels:
        app: shop
    spec:
      containers:
      - name: web
        image: {IMAGE}
        ports:
        - containerPort: 80
"""

QUORUM = """\
apiVersion: v1
kind: Service
metadata:
  name: quorum
spec:
  clusterIP: None
  selector:
    app: quorum
  ports:
  - port: 80
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: quorum
spec:
  serviceName: quorum
  replicas: 2
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      app: quorum
  template:
    metadata:
      labels:
        app: quorum
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: member
        image: nginx:1.27
        command: [sh, -c, "while true; do sleep 3600; done"]
        readinessProbe:
          exec:
            command: [sh, -c, "getent hosts quorum-0.quorum && getent hosts quorum-1.quorum"]
          periodSeconds: 2
"""

NOTES = f"""\
apiVersion: v1
kind: Service
metadata:
  name: notes
spec:
  clusterIP: None
  selector:
    app: notes
  ports:
  - port: 80
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: notes
spec:
  serviceName: notes
  replicas: 2
  selector:
    matchLabels:
      app: notes
  template:
    metadata:
      labels:
        app: notes
    spec:
      containers:
      - name: notes
        image: {IMAGE}
        volumeMounts:
        - name: scratch
          mountPath: /data
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

RELAY = f"""\
apiVersion: v1
kind: Service
metadata:
  name: relay
spec:
  clusterIP: None
  selector:
    app: relay
  ports:
  - port: 80
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: relay
spec:
  serviceName: relay
  replicas: 3
  selector:
    matchLabels:
      app: relay
  template:
    metadata:
      labels:
        app: relay
    spec:
      containers:
      - name: web
        image: {IMAGE}
        ports:
        - name: http
          containerPort: 80
        readinessProbe:
          tcpSocket:
            port: 8080
          periodSeconds: 2
"""

FRONT = """\
apiVersion: v1
kind: Service
metadata:
  name: front
spec:
  selector:
    tier: web
  ports:
  - port: 80
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: front
spec:
  replicas: 2
  selector:
    matchLabels:
      app: front
  template:
    metadata:
      labels:
        app: front
        tier: web
    spec:
      containers:
      - name: web
        image: registry.k8s.io/e2e-test-images/agnhost:2.53
        args: [netexec, --http-port=80]
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: admin
spec:
  replicas: 2
  selector:
    matchLabels:
      app: admin
  template:
    metadata:
      labels:
        app: admin
        tier: web
    spec:
      containers:
      - name: web
        image: registry.k8s.io/e2e-test-images/agnhost:2.53
        args: [netexec, --http-port=80]
"""
