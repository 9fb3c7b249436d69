"""A daemon's figures for Prometheus; docs/daemon.md has the table, and a test compares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from videoxl_stream.daemon.state import DaemonState
from videoxl_stream.delivery import Delivery
from videoxl_stream.status import StreamStatus

_PREFIX = "videoxl"


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of each stream.

    Args:
        name: after the prefix, with its unit; counters get ``_total``.
        about: in words.
        value: where it stands in a stream's status; None there leaves the stream out.
        counts: whether it only grows.
    """

    name: str
    about: str
    value: str
    counts: bool = False

    def of(self, stream: StreamStatus) -> float | None:
        """The figure of one stream."""
        value = attrgetter(self.value)(stream)
        return None if value is None else float(value)


STREAM_FIGURES = (
    Figure("stream_up", "1 while the source can be read", "connection.up"),
    Figure("stream_losses", "times the source was lost", "connection.losses", counts=True),
    Figure("stream_frames_sampled_away", "frames that sampling passed over", "counts.sampled_away", counts=True),
    Figure("stream_frames_read", "frames given by the source", "counts.read", counts=True),
    Figure("stream_frames_ingested", "frames that the model took in", "counts.ingested", counts=True),
    Figure("stream_frames_still", "frames of windows in which nothing moved", "counts.still", counts=True),
    Figure("stream_frames_dropped", "frames given up by the buffer's policy", "counts.dropped", counts=True),
    Figure("stream_frames_waiting", "frames that wait for the model", "counts.held"),
    Figure("stream_waiting_bytes", "pictures and packets that wait", "waiting_bytes"),
    Figure("stream_lag_seconds", "of footage between the newest frame and the newest window worked off", "lag_s"),
    Figure("stream_windows", "windows worked off", "counts.windows", counts=True),
    Figure("stream_events", "events opened", "counts.events", counts=True),
    Figure("stream_chunk_seconds", "spent on taking windows in and keeping them", "spent.chunk_s", counts=True),
    Figure("stream_chunks", "windows taken in; seconds by this is the mean", "spent.chunks", counts=True),
    Figure("stream_verdict_seconds", "spent on asking", "spent.verdict_s", counts=True),
    Figure("stream_verdicts", "times rules were asked; seconds by this is the mean", "spent.asked", counts=True),
    Figure("stream_memory_bytes", "keys and values held", "memory_bytes"),
    Figure("stream_durable_bytes", "memory on disk", "durable_bytes"),
    Figure("stream_durable", "1 while what is seen is made durable", "is_durable"),
    Figure("stream_evidence_bytes", "evidence written", "evidence_bytes", counts=True),
    Figure("stream_evidence", "1 while evidence can be written", "has_evidence"),
    Figure("stream_broken", "1 once the source broke for good", "is_broken"),
)


def registry_of(look: Callable[[], DaemonState], delivery: Delivery | None) -> CollectorRegistry:
    """A registry that looks at a daemon whenever it is asked; process figures come along."""
    registry = CollectorRegistry()
    registry.register(_Collector(look, delivery))
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


class _Collector(Collector):
    def __init__(self, look: Callable[[], DaemonState], delivery: Delivery | None) -> None:
        self._look, self._delivery = look, delivery

    def describe(self) -> Iterable[Metric]:
        """Nothing: what there is only shows when it is looked at."""
        return []

    def collect(self) -> Iterator[Metric]:
        state = self._look()
        yield _gauge("ready", "1 while what comes in is watched and what is found is stored", float(state.is_ready))
        yield _gauge("store_up", "1 while the store can be reached", float(not state.store_away))
        yield _gauge("store_waiting", "transactions that wait for the store", state.waiting)
        yield _gauge("streams_turned_away", "streams of topics that wait for room", len(state.turned_away))
        yield _gauge("last_turn_timestamp_seconds", "wall time of the daemon's newest look", state.at.timestamp())
        yield _counter("reloads", "definitions taken over", state.reloads)
        for figure in STREAM_FIGURES:
            yield _of_streams(figure, state)
        age = GaugeMetricFamily(f"{_PREFIX}_stream_last_frame_age_seconds", "since the newest frame", labels=["stream"])
        for name, stream in state.streams.items():
            if stream.newest is not None:
                age.add_metric([name], (state.at - stream.newest).total_seconds())
        yield age
        yield from self._sinks()

    def _sinks(self) -> Iterator[Metric]:
        if self._delivery is None:
            return
        gauges = {"sink_waiting": "events in the outbox", "sink_up": "1 while the sink takes events"}
        counters = {"sink_delivered": "events taken by the sink", "sink_refused": "events refused for good"}
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
            name: GaugeMetricFamily(f"{_PREFIX}_{name}", about, labels=["sink"]) for name, about in gauges.items()
        }
        families |= {
            name: CounterMetricFamily(f"{_PREFIX}_{name}", about, labels=["sink"]) for name, about in counters.items()
        }
        for name, sink in self._delivery.status.items():
            values = (sink.backlog, not sink.error, sink.delivered, sink.refused)
            for family, value in zip(families.values(), values, strict=True):
                family.add_metric([name], float(value))
        yield from families.values()


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", about, value=value)


def _counter(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(f"{_PREFIX}_{name}", about, value=value)


def _of_streams(figure: Figure, state: DaemonState) -> Metric:
    kind = CounterMetricFamily if figure.counts else GaugeMetricFamily
    family = kind(f"{_PREFIX}_{figure.name}", figure.about, labels=["stream"])
    for name, stream in state.streams.items():
        value = figure.of(stream)
        if value is not None:
            family.add_metric([name], value)
    return family
