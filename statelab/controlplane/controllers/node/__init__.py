"""What becomes of Pods when a node is lost, tainted or gone."""
