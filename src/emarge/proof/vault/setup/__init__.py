"""How a vault and its logs begin, and what they are told: keys, credentials, mirror, witnesses."""
