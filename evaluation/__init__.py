"""Numbers and pages about meshes; sees meshes and records, never models."""
