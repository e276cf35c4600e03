"""The Secretariat space."""
