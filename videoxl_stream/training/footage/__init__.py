"""Rendered footage with its truth: what the small model is trained on and what the demo shows.

Import from the modules: ``scenes`` (what happens when), ``renderer`` (GPU) and ``painter`` (CPU), ``degrade``
(camera and codec), ``clips`` (files), ``questions`` and ``tokenizer`` (what is asked).
"""
