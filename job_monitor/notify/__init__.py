"""Sends messages of alerts, one file per kind of channel. It knows no rules."""
