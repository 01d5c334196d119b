# it is no Python
def reconcile(cluster)
    pods = cluster.list("pods")
