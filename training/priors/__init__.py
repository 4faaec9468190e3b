"""What is assumed of surface that nobody saw."""
