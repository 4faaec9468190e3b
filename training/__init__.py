"""Optimisation: an object folder in, a trained field and its mesh out."""
