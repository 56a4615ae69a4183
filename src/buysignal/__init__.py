"""buysignal: will this visitor buy, how much, and which kind of shopper is it?"""

__version__ = "0.1.0"
