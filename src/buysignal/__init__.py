"""buysignal: will this visitor buy, how much, and which kind of shopper is it?"""

import os

# Threads that wait by spinning made the same small fit take 12 s instead of 0.3 s while another
# process used the cores. OpenMP reads this once, when the first library that brings it is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
