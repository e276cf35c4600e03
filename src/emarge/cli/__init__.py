"""The emarge command: one module per subcommand."""
