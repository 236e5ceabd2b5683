"""A job's payload, read without importing or running anything it names."""
