"""What DNS said of one name, as a notebook shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DnsAnswer:
    """What DNS said of one name. `records` as text ("10.244.1.5"), `tried` the names of the search path, in order."""

    name: str
    type: str
    rcode: str
    records: tuple[str, ...]
    ttl_s: int | None = None
    tried: tuple[tuple[str, str], ...] = ()  # (name, rcode) for each step

    def __bool__(self) -> bool:
        return bool(self.records)

    def __str__(self) -> str:
        if self.records:
            return f"{self.name} {self.type}: {', '.join(self.records)}"
        return f"{self.name} {self.type}: {self.rcode if self.rcode != 'NOERROR' else 'no data'}"

    __repr__ = __str__
