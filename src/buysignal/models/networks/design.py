"""How a network is built and how it is trained: plain settings that JSON can hold."""

from __future__ import annotations

from dataclasses import dataclass

from buysignal.errors import SamplesError

BODIES = ("gru", "transformer")


@dataclass(frozen=True)
class Design:
    """How a network is built.

    Attributes:
        body: "gru" or "transformer".
        width: numbers of a step's and an item's vector.
        state: numbers a GRU remembers; a transformer's state has ``width``.
        blocks: layers one above the other.
        heads: of a transformer's attention; ``width`` is a multiple of it.
        length: steps a transformer can look back; a GRU takes any number.
        dropout: share of a vector's numbers left out while training.
    """

    body: str = "gru"
    width: int = 64
    state: int = 128
    blocks: int = 1
    heads: int = 2
    length: int = 64
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.body not in BODIES:
            raise SamplesError(f"a network of the kind '{self.body}'", allowed=", ".join(BODIES))
        if self.body == "transformer" and self.width % self.heads:
            raise SamplesError(f"{self.width} numbers cannot be shared by {self.heads} heads")

    @property
    def state_width(self) -> int:
        return self.state if self.body == "gru" else self.width


@dataclass(frozen=True)
class Plan:
    """How a network is trained.

    Attributes:
        epochs: passes over the rows at most; the learning rate falls to 0 over them by a cosine.
        patience: passes without a better validation loss after which training ends.
        batch_steps: steps a batch, padding included; rows of like length share one.
        learning_rate: at the start, after a short warm-up.
        weight_decay: of AdamW.
        smoothing: share of the next item's label that is given to all items alike.
        goal_weight: of the goal's loss beside that of the next item.
        seed: of weights, dropout and order.
        threads: of TensorFlow; it keeps to the number it was first given in a process.
    """

    epochs: int = 10
    patience: int = 2
    batch_steps: int = 2_048
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    smoothing: float = 0.0
    goal_weight: float = 0.3
    seed: int = 0
    threads: int = 2
