"""What callers of Frappe's lists ask for, and rows in the shape they want."""
