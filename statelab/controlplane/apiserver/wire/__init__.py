"""Sockets, and nothing else: HTTP, streams, watches and certificates on the wire."""
