# it deletes the namespace that it lives in
def reconcile(cluster):
    cluster.delete("namespaces", "default")
