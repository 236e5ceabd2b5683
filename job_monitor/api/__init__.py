"""Whitelisted endpoints, one noun per file: parse, permit, one call, shape.

No module here defers its annotations: Frappe 15 checks and converts arguments by real types only.
"""
