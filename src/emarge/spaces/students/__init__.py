"""The Student space."""
