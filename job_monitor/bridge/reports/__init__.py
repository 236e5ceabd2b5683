"""What reports read, and how they look."""
