"""The one place the version is written."""

VERSION = "0.1.0"
KUBERNETES_VERSION = "1.36.2"
