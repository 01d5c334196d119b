# it asks and asks, without a pause
def reconcile(cluster):
    while not [p for p in cluster.list("pods", app="catalog") if "leader" in p["metadata"]["labels"]]:
        pass
