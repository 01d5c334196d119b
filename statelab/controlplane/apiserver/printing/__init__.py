"""The rows that `kubectl get` prints."""
