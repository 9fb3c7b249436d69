"""A site whose file has changed: what of it can be taken over while it runs."""

from __future__ import annotations

from pathlib import Path

from videoxl_stream.config.document import Document
from videoxl_stream.config.site import Site
from videoxl_stream.errors import ConfigError
from videoxl_stream.pipeline import Pipeline

# What a running pipeline can change. Everything else belongs to what is open.
_CHANGEABLE = {"sources", "rules", "retention"}


class Reload:
    """Reads a site's file again when called, and lets its pipeline follow: cameras and rules come and go.

    Args:
        path: of the YAML file.
        site: as the pipeline was made of.
        pipeline: at work.
    """

    def __init__(self, path: Path, site: Site, pipeline: Pipeline) -> None:
        self._path, self._pipeline = path, pipeline
        self.site = site
        """As it stands now."""
        self._watched = dict(site.parts().watched)

    def __call__(self) -> None:
        """Take over what has changed.

        Raises:
            ConfigError: the file is no site, or something has changed that needs a restart; nothing has changed then.
            SourceOpenError: a new source cannot be opened; what comes before it in the file has changed.
            StoreError: the store is out of reach; do it again.
        """
        document = Document(self._path)
        site = Site.read(document)
        fixed = sorted(name for name in Site.model_fields if getattr(site, name) != getattr(self.site, name))
        if needs_restart := [name for name in fixed if name not in _CHANGEABLE]:
            msg = f"{', '.join(needs_restart)} cannot change while it runs; restart it, or take the change back"
            raise ConfigError(msg)
        parts = site.parts(document)
        if [part for part in site.sources if part.is_feed] != [part for part in self.site.sources if part.is_feed]:
            msg = "topics cannot come or go while it runs; restart it, or take the change back"
            raise ConfigError(msg)
        beside = len(self._pipeline.counts) - len(self._pipeline.sources)
        site.admit(parts, self._pipeline.model, beside=beside)
        for stream_id, part in list(self._watched.items()):
            if parts.watched.get(stream_id) != part:
                del self._watched[stream_id]
                self._pipeline.remove(stream_id)
        for source in parts.sources:
            part = parts.watched[source.stream_id]
            if source.stream_id not in self._watched:
                self._pipeline.add(source, part.regions)
                self._watched[source.stream_id] = part
        if tuple(parts.rules) != self._pipeline.rules:
            self._pipeline.change_rules(parts.rules)
        self.site = site
