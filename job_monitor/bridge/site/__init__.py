"""What this site is: live or a copy, migrated or not, and the little it remembers."""
