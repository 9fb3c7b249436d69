"""What proves an event: a clip around it, its picture, and a thumbnail of every chunk of memory."""

from videoxl_stream.evidence.recorder import Evidence, EvidenceCounts, OpenEvidence

__all__ = ["Evidence", "EvidenceCounts", "OpenEvidence"]
