"""Histories larger than memory: events and features as folders of parts, finished one after another."""
