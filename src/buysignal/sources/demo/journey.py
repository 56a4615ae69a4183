"""The rules inside one session: which step follows which, for every intent.

The chance of a next step is ``weight[step, next] · exp(tilt[intent, next]) · cart factor``, divided
by its sum over all next steps. So the evidence for an intent adds up over *counts* of steps (an
exponential tilt), which is what a feature catalogue sees.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from buysignal.events import EventName

Floats = npt.NDArray[np.float64]


class Step(IntEnum):
    """What a visitor does next. ``VIEW`` is a product page reached afresh, ``AGAIN`` a return to an
    item of this session through *recently viewed*; both are ``view_item`` events, on different pages."""

    PAGE = 0
    LIST = 1
    SEARCH = 2
    VIEW = 3
    AGAIN = 4
    WISH = 5
    ADD = 6
    REMOVE = 7
    CART = 8
    CHECKOUT = 9
    SHIPPING = 10
    PAYMENT = 11
    PURCHASE = 12
    EXIT = 13


N_LIVE = 12
"""Steps after which a purchase can still come."""
N_STEPS = len(Step)
MAX_LINES = 4
"""Lines a cart holds at most; ``add_to_cart`` is one line of one or two pieces."""
MAX_EVENTS = 290
"""Rows of a session at most; the truth leaves out its being reached, a chance below one in a million."""

STEP_EVENTS: tuple[EventName, ...] = (
    EventName.PAGE_VIEW,
    EventName.VIEW_ITEM_LIST,
    EventName.SEARCH,
    EventName.VIEW_ITEM,
    EventName.VIEW_ITEM,
    EventName.ADD_TO_WISHLIST,
    EventName.ADD_TO_CART,
    EventName.REMOVE_FROM_CART,
    EventName.VIEW_CART,
    EventName.BEGIN_CHECKOUT,
    EventName.ADD_SHIPPING_INFO,
    EventName.ADD_PAYMENT_INFO,
    EventName.PURCHASE,
)
PAGES: tuple[str, ...] = (
    "content", "list", "search", "product", "recently_viewed", "product", "product", "cart", "cart",
    "checkout", "checkout", "checkout", "confirmation", "order_status",
)  # fmt: skip
"""Page of each step; the last is the page view that may follow a purchase."""
ORDER_STATUS_PAGE = 13

# Rows: this step; columns: next step (PAGE .. EXIT).
WEIGHTS = np.array(
    [
        #PAGE LIST  SEAR  VIEW  AGAIN WISH  ADD   REM   CART  CHECK SHIP  PAY   PURCH EXIT
        [.22, .32, .10, .12, .00, .00, .00, .00, .06, .03, .00, .00, .00, .23],  # PAGE
        [.06, .22, .06, .46, .00, .00, .00, .00, .03, .00, .00, .00, .00, .16],  # LIST
        [.04, .22, .14, .44, .00, .00, .00, .00, .03, .00, .00, .00, .00, .14],  # SEARCH
        [.06, .24, .06, .20, .09, .02, .05, .00, .05, .00, .00, .00, .00, .21],  # VIEW
        [.06, .20, .05, .16, .09, .03, .10, .00, .05, .00, .00, .00, .00, .18],  # AGAIN
        [.08, .25, .04, .18, .12, .00, .10, .00, .04, .00, .00, .00, .00, .20],  # WISH
        [.04, .14, .03, .12, .05, .00, .00, .00, .40, .12, .00, .00, .00, .14],  # ADD
        [.05, .20, .04, .15, .05, .00, .00, .00, .30, .08, .00, .00, .00, .24],  # REMOVE
        [.05, .12, .03, .10, .07, .00, .00, .09, .00, .36, .00, .00, .00, .20],  # CART
        [.04, .04, .00, .02, .00, .00, .00, .00, .08, .00, .75, .00, .00, .20],  # CHECKOUT
        [.02, .02, .00, .00, .00, .00, .00, .00, .06, .00, .00, .80, .00, .14],  # SHIPPING
        [.01, .01, .00, .00, .00, .00, .00, .00, .05, .00, .00, .00, .85, .10],  # PAYMENT
    ]
)  # fmt: skip

# Rows: intent; columns: next step. Log-weights.
TILT = np.array(
    [
        #PAGE LIST   SEAR  VIEW  AGAIN WISH  ADD   REM   CART  CHECK SHIP  PAY  PURCH EXIT
        [.35, .20, -.60, .00, -1.1, -.40, -2.0, .30, -.30, -.80, -.40, -.40, -.50, .25],  # browser
        [-.10, .20, .35, .35, .50, .70, -1.0, .20, .10, -.40, -.10, .00, .00, -.65],  # researcher
        [.00, .50, .00, .15, .10, .40, -.50, .50, .20, -.40, -.10, .00, .00, -.35],  # bargain_hunter
        [-.60, -.35, .80, .35, .90, .10, 1.6, -.20, .40, .90, .50, .50, .50, -.70],  # buyer
    ]
)  # fmt: skip

CART_FACTORS = np.ones((MAX_LINES + 1, N_STEPS))
"""Factor on a next step by lines in the cart: a filled cart draws towards the checkout."""
CART_FACTORS[0, [Step.REMOVE, Step.CART, Step.CHECKOUT]] = 0.0
CART_FACTORS[2:, Step.ADD] = 0.7
CART_FACTORS[MAX_LINES, Step.ADD] = 0.0
CART_FACTORS[2:, Step.REMOVE] = 1.5
CART_FACTORS[2:, Step.CHECKOUT] = 1.15

# First step of a session by channel: PAGE, LIST, SEARCH, VIEW.
ENTRY = np.array(
    [
        [0.50, 0.25, 0.05, 0.20],  # organic
        [0.15, 0.35, 0.02, 0.48],  # paid_search
        [0.30, 0.40, 0.02, 0.28],  # email
        [0.45, 0.20, 0.01, 0.34],  # social
        [0.70, 0.12, 0.13, 0.05],  # direct
        [0.40, 0.20, 0.02, 0.38],  # referral
    ]
)
ENTRY_TILT = 0.5
"""Share of the tilt that shows in the first step."""

STAY_IN_CATEGORY = np.array([0.50, 0.75, 0.50, 0.75])
"""Chance that the next list or new item is of the category in focus, by intent."""
PRICE_TASTE = np.array([0.0, 0.30, -0.55, 0.10])
"""Log-weight per unit of log price in the choice of an item, by intent."""
OFFER_TASTE = np.array([0.3, 0.3, 1.5, 0.3])
"""Log-weight per unit of discount (0.2 is 20 % off) in the choice of an item, by intent."""

TRAIL_NEAR = 0.35
"""*Recently viewed*: the chance to take the latest item of the trail, else the one before, and so on."""
TWO_PIECES = 0.08
"""Chance that a line is of two pieces."""
STAYS_AFTER_PURCHASE = 0.3
"""Chance of one more page view after a purchase, and after each of these."""

GAP_LOG_MEAN = np.array([2.9, 3.6, 3.2, 3.45])
"""Mean of the log of the seconds between two events, by intent."""
GAP_LOG_SD = 0.75
GAP_LOG_STEP = np.array([0.0, 0.1, -0.2, 0.4, 0.2, -0.8, -0.6, -0.8, 0.0, 0.6, 0.8, 0.3, 0.0])
"""Added to it, by the step that is left."""
GAP_LIMIT = 1500.0
"""Seconds; longer gaps are drawn again, so that no session is cut by a 30-minute rule."""


def step_chances() -> Floats:
    """Return P(next | intent, step, lines) without price effect, shape (intents, live, lines + 1, steps)."""
    odds = step_odds()
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True))


def step_odds() -> Floats:
    """Return the weights behind ``step_chances``, which the price effect enters before normalising."""
    return np.asarray(
        WEIGHTS[None, :, None, :] * np.exp(TILT)[:, None, None, :] * CART_FACTORS[None, None, :, :]
    )


def entry_chances() -> Floats:
    """Return P(first step | intent, channel), shape (intents, channels, 4)."""
    odds = ENTRY[None, :, :] * np.exp(ENTRY_TILT * TILT[:, None, :4])
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True))
