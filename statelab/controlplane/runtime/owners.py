"""Whose the files of a volume are, where anybody but root uses it or the Pod has an fsGroup.

Files in memory know nothing of it, so what is new belongs to the user of the container whose process has just ended, or
who looks first. Nobody is kept from a file by it. Source: pkg/volume/volume_linux.go (SetVolumeOwnership).
"""

from __future__ import annotations

from collections.abc import Iterable

SET_GROUP = 0o2000
_GROUP_WRITES = 0o070


class Owners:
    """Of one tree of files. `group`: the Pod's fsGroup, which its folders hand on to what is made in them; 0: none."""

    def __init__(self, group: int = 0) -> None:
        self.group = group
        self._of: dict[str, tuple[int, int]] = {}

    def claim(self, paths: Iterable[str], user: int, group: int) -> None:
        """Give what nobody has had yet to a user, and forget what is gone."""
        known = self._of
        self._of = {path: known.get(path, (user, self.group or group)) for path in paths if path != "/"}
        if "/" in known:
            self._of["/"] = known["/"]

    def give(self, path: str, user: int | None, group: int | None) -> None:
        """What chown does; None: that stays."""
        before = self.of(path)
        self._of[path] = (before[0] if user is None else user, before[1] if group is None else group)

    def of(self, path: str) -> tuple[int, int]:
        """User and group; the root of the volume, and what was there from the start, is root's."""
        return self._of.get(path, (0, self.group))

    def mode(self, path: str, mode: int, *, is_directory: bool, is_writable: bool) -> int:
        """The mode of a file as the kubelet has set it for the group."""
        if not self.group or not is_directory:
            return mode
        return mode | SET_GROUP | (_GROUP_WRITES if path == "/" and is_writable else 0)
