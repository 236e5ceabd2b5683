"""What the recorder has written down, for rules, lists and reports."""
