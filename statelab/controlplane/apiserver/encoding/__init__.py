"""Bytes to objects and back, in the words of the real server where they are wrong."""
