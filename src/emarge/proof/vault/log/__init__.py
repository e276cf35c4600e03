"""What a log is: leaves, tree, tiles, entries, checkpoints and proofs, as bytes and arithmetic alone."""
