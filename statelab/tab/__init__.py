"""A cluster without a server, a thread or a socket: for a kernel that runs in a browser tab.

`driver` lets the cluster's time pass while the kernel's own loop turns; `cluster` is the Cluster that a notebook gets;
`lines` runs `%kubectl` lines, with the shell in Python for their pipes.
"""

from statelab.tab.cluster import TabCluster, connect_in_tab

__all__ = ["TabCluster", "connect_in_tab"]
