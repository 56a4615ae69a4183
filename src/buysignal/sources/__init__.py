"""Sources: files in, one clean table and the rejects out."""

from buysignal.sources.profile import Profile, builtin_profiles, load_profile, save_profile
from buysignal.sources.read import Loaded, Progress, load
from buysignal.sources.rejects import Rejects

__all__ = [
    "Loaded",
    "Profile",
    "Progress",
    "Rejects",
    "builtin_profiles",
    "load",
    "load_profile",
    "save_profile",
]
