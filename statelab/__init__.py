"""StateLab: stateful Kubernetes, taught on a cluster that is always at hand."""

from statelab.version import VERSION as __version__

__all__ = ["__version__"]
