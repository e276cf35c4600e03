"""The tamper-evident log: it stores bytes and never knows what they mean."""
