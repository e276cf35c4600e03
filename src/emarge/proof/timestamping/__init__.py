"""RFC 3161 timestamps: the authority, its server and client, and how a token is verified."""
