"""What a stranger must be able to check: plain Python, no Django, no ORM, no settings."""
