"""The learned completion prior: what it sees of an object (``look``), its training rooms (``rooms``) and its training.

Its network is ``models.completion_net``; ``training.priors.learned`` applies it to an object's evidence.
"""
