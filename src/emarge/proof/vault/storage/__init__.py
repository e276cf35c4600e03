"""Where the bytes of a vault stand, and how long: durable files, SQLite, buckets, and which checkpoint is the last."""
