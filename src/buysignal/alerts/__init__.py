"""Open visits as their scores tell of them, rules about them, and a webhook that is told once of each."""
