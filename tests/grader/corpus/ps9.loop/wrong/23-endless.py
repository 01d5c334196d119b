# a loop that never ends and never asks
def reconcile(cluster):
    leader = None
    while leader is None:
        pass
