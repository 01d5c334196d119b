# it starts a process
import subprocess


def reconcile(cluster):
    subprocess.run(["redis-cli", "-h", "catalog-0.catalog", "REPLICAOF", "NO", "ONE"])
