"""The StatefulSet controller: `controller.reconcile`."""
