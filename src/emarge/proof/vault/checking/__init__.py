"""A log derived again from its files and compared, trusting nothing that can be computed."""
