"""The scheduler's plugins: each says of a Pod and a node whether they fit, in upstream's words."""
