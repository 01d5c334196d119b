"""ps8, Day two: backups that can be restored, a restore beside the old set, a disk that grows, and a Deployment that
becomes a StatefulSet (lesson 12, and parts of 05, 06 and 11)."""

from __future__ import annotations

from grader.rubrics.ps8.backups import backup
from grader.rubrics.ps8.besides import beside
from grader.rubrics.ps8.disks import grow
from grader.rubrics.ps8.moves import move

__all__ = ["backup", "beside", "grow", "move"]
