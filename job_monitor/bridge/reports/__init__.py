"""Reports: their ranges, data, columns and charts."""
