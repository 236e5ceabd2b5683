"""Tests that need a site, and what they share; see `tests/README.md` of the project."""
