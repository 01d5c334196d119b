"""The texts that ps3's cells begin with."""

from __future__ import annotations

NOTES = """\
apiVersion: app/v1
kind: StatefulSet
metadata:
  name: web
spec:
  serviceName: "nginx"
  replicas: 2
  selectors:
    matchLabels:
      app: nginx
  template:
    metadata:
      labels:
        app: nginx
    spec:
      containers:
      - name: nginx
        image: nginx:1.9.1
        ports:
        - containerPort: 80
          name: web
"""
BROKEN = ("apiVersion", "spec.selectors", "spec.selector")

QUESTIONS = """\
start: [db-?, db-?, db-?]
scale-down: []
update: []
kill: []
bad-image: []
"""

LAST_MONDAY = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: peers
data:
  peers: |
    10.244.1.5
    10.244.2.3
    10.244.1.6
"""

NAMELESS = """\
apiVersion: v1
kind: Service
metadata:
  name: cache
spec:
  selector:
    app: cahce
  ports:
  - port: 80
    name: http
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: cache
spec:
  serviceName: caches
  replicas: 2
  selector:
    matchLabels:
      app: cache
  template:
    metadata:
      labels:
        app: cache
    spec:
      containers:
      - name: cache
        image: registry.k8s.io/nginx-slim:0.24
        ports:
        - containerPort: 80
          name: http
"""
