"""Every call of the vault, a file a day, each line bound to the one before, each day sealed by a record."""
