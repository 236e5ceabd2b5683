"""What migrate converts on sites that an older release has written to."""
