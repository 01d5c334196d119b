# it does nothing
def reconcile(cluster):
    pass
