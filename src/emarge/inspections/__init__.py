"""Audit trails on a funder's request: asked, approved by a second person, produced from the vault alone."""
