"""The vault's own process and its HTTP interface: who may ask what, and the client that asks."""
