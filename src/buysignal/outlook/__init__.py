"""From a model and a source to amounts: what the coming days bring, and how earlier forecasts came out.

The rules are in `decisions.forecast` and `decisions.hindsight`; here visits are put together for them.
"""

from buysignal.outlook.ahead import Ahead, came_true, look_ahead
from buysignal.outlook.back import MOMENTS, look_back

__all__ = ["MOMENTS", "Ahead", "came_true", "look_ahead", "look_back"]
