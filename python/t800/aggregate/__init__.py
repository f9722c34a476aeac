"""What many traces add up to."""
