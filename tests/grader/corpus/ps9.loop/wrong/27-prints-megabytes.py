# it prints more than anybody reads
def reconcile(cluster):
    for n in range(10**6):
        print(n, cluster)
