"""What a rate must hold: as bounds of sluice-load, as text, and for runs outside its search."""

P99_MS = 5
ERROR_SHARE = 0.001

BOUNDS = f"p99<{P99_MS}ms,errors<{ERROR_SHARE:.1%}"
TEXT = f"p99 < {P99_MS} ms, errors < {ERROR_SHARE * 100:g} %"


def missed(p99_ms: float, error_share: float) -> str:
    """What of it a run did not hold, in words; empty if it held all."""
    words = [f"p99 {p99_ms:.3g} ms"] if p99_ms >= P99_MS else []
    return ", ".join(words + ([f"errors {error_share * 100:.2g} %"] if error_share >= ERROR_SHARE else []))
