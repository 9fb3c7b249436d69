"""Memory that outlives the process: chunks of it, or the pictures it was made of, in files of their own."""

from videoxl_stream.journal.durability import Durability
from videoxl_stream.journal.journal import Journal, JournalState
from videoxl_stream.journal.restoring import Restoration

__all__ = ["Durability", "Journal", "JournalState", "Restoration"]
