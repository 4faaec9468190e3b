"""The page of a run: its contents as records, gathered from what the run left, and their HTML."""
