"""Streaming video analytics with a long memory."""
