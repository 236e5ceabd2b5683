"""What the tests share: jobs, methods that jobs run, worker processes."""
