"""Whoever a credential stands for, whichever kind it is."""

from dataclasses import dataclass

from jobs.state.keys import Holder, Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in.

    Attributes:
        tenant: whose jobs they see.
        name: what the credential is called in logs: no secret.
        scopes: what they may do.
    """

    tenant: str
    name: str
    scopes: frozenset[Scope]

    def ids(self) -> dict[str, str]:
        """Return what log lines say of who calls."""
        return {"tenant": self.tenant, "caller": self.name}

    @classmethod
    def of(cls, holder: Holder) -> "Caller":
        """Return the caller who holds a key."""
        return cls(holder.tenant, f"key:{holder.key_id}", holder.scopes)
