"""Everything differentiable or with weights: encodings, fields, sampling, rendering, losses."""
