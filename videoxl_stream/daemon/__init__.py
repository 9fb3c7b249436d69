"""Runs a pipeline for months: signals, health, upkeep, and a clean end."""

from videoxl_stream.daemon.admission import Admission, Needs
from videoxl_stream.daemon.daemon import Daemon
from videoxl_stream.daemon.health import Health
from videoxl_stream.daemon.state import DaemonState

__all__ = ["Admission", "Daemon", "DaemonState", "Health", "Needs"]
