"""The ReplicaSet controller: `controller.reconcile`."""
