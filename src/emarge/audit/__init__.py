"""The audit trail of the application: outbox in the same transaction, relay to the vault, receipts."""
