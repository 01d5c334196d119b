"""The Deployment controller: `controller.reconcile`."""
