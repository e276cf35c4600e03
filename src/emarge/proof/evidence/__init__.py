"""What a record says, and how a stranger checks it."""
