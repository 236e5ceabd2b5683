"""Whitelisted endpoints, one noun per file: parse, permit, one call, shape."""
