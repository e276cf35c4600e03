"""The tenancy: hosting accounts, plannings and bases; only this package knows how a base is chosen."""
