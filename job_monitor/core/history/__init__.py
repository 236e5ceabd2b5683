"""Runs on their way to a database: written down by hooks, reconciled with RQ, summed up."""
