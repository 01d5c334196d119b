"""Claims and volumes: binding, provisioning, growing, protecting and reclaiming them."""
