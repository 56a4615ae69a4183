"""Linear algebra on one thread, where matrices are small and many.

OpenBLAS shares every product out among its threads and lets them spin until it is done. For the few
hundred rows of a batch, or the few hundred columns of an optimiser's step, that takes longer than the
product: a small neural network was fitted 3 to 15 times faster on one thread. Forests, boosted trees and
neighbours have threads of their own and are not touched by this.
"""

from __future__ import annotations

from contextlib import ContextDecorator
from types import TracebackType
from typing import Any


class OneBlasThread(ContextDecorator):
    """A context, or a decorator, within which BLAS uses one thread; what was before comes back after."""

    def __enter__(self) -> OneBlasThread:
        from threadpoolctl import threadpool_limits

        self._limits: Any = threadpool_limits(limits=1, user_api="blas")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limits.restore_original_limits()

    def _recreate_cm(self) -> OneBlasThread:
        """Each call of a decorated function has limits of its own to restore."""
        return OneBlasThread()
