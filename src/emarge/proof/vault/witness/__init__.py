"""The witness, which holds no entry and cosigns what extends the last checkpoint it saw."""
