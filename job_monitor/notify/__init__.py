"""Tells people of alerts: one file per channel. Sends what was written down before, and knows no rules."""
