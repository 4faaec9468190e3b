"""Stages from a scan to object folders; one file a stage: folder in, folder out."""
