"""What must be masked, and what must not. All secrets are invented, and put together only when a test runs."""
