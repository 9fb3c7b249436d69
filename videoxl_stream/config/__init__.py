"""A whole site as data: what ``Pipeline`` takes, in YAML or Python."""

from __future__ import annotations

from videoxl_stream.config.schema import json_schema
from videoxl_stream.config.site import Site

__all__ = ["Site", "json_schema"]
