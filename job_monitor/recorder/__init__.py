"""What is written down while jobs run. Code in here runs inside someone else's job: it is `never_raises`."""
