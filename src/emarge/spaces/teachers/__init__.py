"""The Teacher space."""
