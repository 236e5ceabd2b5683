"""Secrets are masked before anything leaves core."""
