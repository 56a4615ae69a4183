"""What to do with scores: whom to target, what comes in, what a price does. Arrays and tables in."""
