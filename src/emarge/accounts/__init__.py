"""People who log in: users, profiles and rights."""
