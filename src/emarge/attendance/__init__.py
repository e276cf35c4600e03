"""The heart: roll calls, sign-ins, drawn signatures, absences and their supervision."""
