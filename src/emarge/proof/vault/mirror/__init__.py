"""The mirror, which holds every entry and cosigns, and what it has in common with a witness."""
