"""Positions to features."""
