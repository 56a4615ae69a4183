"""Who comes, when, from where, and with which intent: everything decided before the first event.

The intent is drawn anew for every session. Its chances depend only on what a log shows: channel,
device, hour, weekday, and what the visitor did in earlier sessions. So does coming back.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

INTENTS: tuple[str, ...] = ("browser", "researcher", "bargain_hunter", "buyer")
CHANNELS: tuple[str, ...] = ("organic", "paid_search", "email", "social", "direct", "referral")
DEVICES: tuple[str, ...] = ("mobile", "desktop", "tablet")
COUNTRIES: tuple[str, ...] = ("DE", "AT", "FR", "NL", "IT", "US")

Floats = npt.NDArray[np.float64]

FIRST_DAY = np.datetime64("2025-03-03")
"""A Monday; the first day of every simulation, UTC."""

MAX_SESSIONS = 40
"""Sessions a visitor can have; a return chance below 0.6 makes more practically impossible."""

CHANNEL_SHARES = np.array(
    [
        [0.33, 0.22, 0.06, 0.17, 0.15, 0.07],  # first session
        [0.22, 0.12, 0.20, 0.08, 0.33, 0.05],  # later sessions
    ]
)
DEVICE_SHARES = np.array([0.58, 0.36, 0.06])
COUNTRY_SHARES = np.array([0.52, 0.11, 0.12, 0.10, 0.09, 0.06])

WEEKDAY_WEIGHTS = np.array([1.05, 1.0, 0.98, 0.98, 0.92, 0.95, 1.15])
HOUR_WEIGHTS = np.array(
    [1.2, 0.7, 0.4, 0.3, 0.3, 0.5, 1.1, 2.0, 2.9, 3.5, 3.9, 4.1,
     4.3, 4.1, 3.9, 3.9, 4.1, 4.5, 5.2, 6.0, 6.4, 5.8, 4.2, 2.4]
)  # fmt: skip
EVENING = (18, 22)
"""Hours (UTC, both included) that count as evening."""

# Log-weights of the intents (columns as INTENTS); each row is added where it applies.
BASE = np.log(np.array([0.62, 0.21, 0.12, 0.055]))
BY_CHANNEL = np.array(
    [
        [0.0, 0.1, 0.0, 0.0],  # organic
        [-0.2, 0.0, 0.2, 0.5],  # paid_search
        [-0.4, 0.0, 0.5, 0.6],  # email
        [0.6, -0.2, 0.0, -1.0],  # social
        [-0.2, 0.0, -0.2, 0.5],  # direct
        [0.0, 0.2, 0.1, 0.1],  # referral
    ]
)
BY_DEVICE = np.array(
    [
        [0.2, -0.1, 0.0, -0.35],  # mobile
        [-0.2, 0.15, 0.0, 0.4],  # desktop
        [0.0, 0.1, 0.0, 0.0],  # tablet
    ]
)
PER_EARLIER_SESSION = np.array([-0.1, 0.1, 0.05, 0.2])
"""Times the number of earlier sessions, at most three."""
HAS_BOUGHT = np.array([-0.1, -0.1, 0.2, 0.7])
LEFT_CART = np.array([-0.5, 0.1, 0.5, 0.9])
"""Applies when the last session ended with items in the cart."""
RECENCY = np.array([-0.3, 0.3, 0.0, 0.4])
"""Times ``exp(-days since the last session / 5)``."""
IN_EVENING = np.array([0.0, 0.05, 0.05, 0.15])
AT_WEEKEND = np.array([0.1, 0.0, 0.05, -0.1])

RETURN_CHANCE = np.array([0.29, 0.50, 0.45])
"""Chance of coming back after a session that ended: without cart, with a cart left, with a purchase."""
RETURN_DAYS_LOG_MEAN = float(np.log(3.0))
RETURN_DAYS_LOG_SD = 1.0


def start_day_weights(days: int) -> Floats:
    """Return the weight of each day as a visitor's first, shape (days,)."""
    return np.asarray(np.resize(WEEKDAY_WEIGHTS, days), dtype=np.float64)
