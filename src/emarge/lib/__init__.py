"""Small helpers that import nothing of ours."""
