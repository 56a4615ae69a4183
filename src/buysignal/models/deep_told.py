"""What stands around the fitting of networks: whether it can begin, and who is told how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec

from buysignal.errors import DependencyError

Listener = Callable[[str], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def require_deep() -> None:
    """Refuse to begin without the libraries that networks are trained with.

    Raises:
        DependencyError: Keras or TensorFlow is not installed.
    """
    for package in ("tensorflow", "keras"):
        try:
            found = find_spec(package)
        except ValueError:  # switched off
            found = None
        if found is None:
            raise DependencyError(package, "deep")


@contextmanager
def heard(listener: Listener | None) -> Iterator[None]:
    """Let ``listener`` be told of every pass over the rows within; what it raises ends the fit.

    A listener is no setting of an estimator: copies of the estimator would have copies of it.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def told(model: str) -> Callable[[float, str], None]:
    """Return a progress function (share done, text) that tells the listener of each new text once."""
    listener = _listener.get()
    last = ""

    def tell(_share: float, text: str) -> None:
        nonlocal last
        if listener is not None and text != last:
            last = text
            listener(f"fitting {model}: {text}")

    return tell
