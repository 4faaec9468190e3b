"""What a scan is and how it lies on disk: records, cameras, formats, fusion, meshes. No networks."""
