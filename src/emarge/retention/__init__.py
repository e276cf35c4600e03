"""How long the vault keeps, and what ends it: periods, legal holds, destruction, erasure, histories across years."""
