"""Pretrained networks, one adapter each, imported only when chosen (``models.pretrained.settings`` is the register)."""
