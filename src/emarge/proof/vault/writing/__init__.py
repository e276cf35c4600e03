"""How deposits become entries: batches, one writer a log, checkpoints handed to the mirror and the witnesses."""
