"""Loss terms, each a function ``(step: models.records.Step, *, option=default, ...) -> scalar``.

A new term is one module in this package with a function marked ``@loss_term("name")``, and one line in the
configuration.  Terms are raw: their weights and schedules are the trainer's.
"""

from __future__ import annotations

from scene.registry import Registry

loss_term = Registry("loss", __name__)
