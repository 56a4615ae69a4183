"""Forgetting visitors, and what is older than it may be: in files, in the state of live doors, in models."""
