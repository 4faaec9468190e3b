"""True surfaces from what ScanNet and Scan2CAD publish."""
