"""What a destruction under an order is: its plan, its steps, its certificate, and how they are checked."""
