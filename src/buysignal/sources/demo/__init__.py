"""The demo shop: a seeded simulator whose best possible score is known exactly.

Visitors come with a hidden **intent** (browser, researcher, bargain hunter, buyer), drawn anew for
each session. Its chances depend on channel, device, hour, weekday and the visitor's earlier sessions
(`visitors.py`). The intent tilts which step follows which, how long it takes, which items are looked
at, and so whether the session ends with a purchase (`journey.py`, `shop.py`).

What is exactly true after each event (`truth.py`, `ceiling.py`), with ``z`` the intent and ``s`` all that
a log shows:

- ``P(z | prefix) ∝ P(z | entry) · Π P(step | z, s) · P(category | z, s) · P(item | z, s) · f(gap | z, s)``,
  a Bayes filter brought forward with each event (earlier sessions count through ``P(z | entry)``);
- ``P(buy | prefix) = Σ P(z | prefix) · P(buy | z, s)``, where ``P(buy | z, s)`` solves an absorbing
  Markov chain; the expected revenue is found in the same way.

Nothing here stands for a real shop, and every file and table says ``simulated``.
"""

from __future__ import annotations

from buysignal.sources.demo.dirt import DEMO_RATES
from buysignal.sources.demo.shop import PRICE_EFFECT, shop_items
from buysignal.sources.demo.simulate import Demo, simulate
from buysignal.sources.demo.write import DemoFiles, write_demo

__all__ = ["DEMO_RATES", "PRICE_EFFECT", "Demo", "DemoFiles", "shop_items", "simulate", "write_demo"]
