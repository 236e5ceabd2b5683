"""The log files of a bench."""
