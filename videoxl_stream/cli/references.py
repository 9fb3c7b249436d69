"""What is named on the command line: Python objects, models and definitions of pipelines."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from videoxl_stream.errors import ConfigError

if TYPE_CHECKING:
    from videoxl_stream.config import Site
    from videoxl_stream.config.document import Document
    from videoxl_stream.interfaces import VideoModel
    from videoxl_stream.pipeline import Pipeline
    from videoxl_stream.stopped import StoppedStream


def load_object(reference: str) -> object:
    """Load ``FILE.py:name``. The file runs as a module, with its own folder on the path, as a script has.

    Raises:
        ConfigError: there is no such file, or it defines no such name.
    """
    file, _, name = reference.rpartition(":")
    path = Path(file)
    if not file.endswith(".py") or not name.isidentifier():
        msg = f"{reference!r} names no Python object; write FILE.py:name"
        raise ConfigError(msg)
    if not path.is_file():
        msg = f"there is no file {path}; write the path of the Python file, then a colon and the object's name"
        raise ConfigError(msg)
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        msg = f"Python cannot import {path}; give a file whose name ends in .py"
        raise ConfigError(msg)
    module = module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    sys.modules.setdefault(spec.name, module)  # dataclasses and pydantic look their module up
    spec.loader.exec_module(module)
    if not hasattr(module, name):
        names = [known for known in vars(module) if not known.startswith("_")]
        msg = f"{path} defines no {name!r}; it defines {', '.join(names) or 'nothing'}"
        raise ConfigError(msg)
    found: object = getattr(module, name)
    return found


def load_model(name: str) -> VideoModel[Any]:
    """Load a model: ``embedded``, a checkpoint folder, or ``FILE.py:name`` for one of your own.

    Raises:
        CheckpointError: the folder holds no weights that can be used.
        ConfigError: there is no such model, or the Python object cannot be found.
    """
    if ".py:" in name:
        return cast("VideoModel[Any]", load_object(name))
    from videoxl_stream import names

    return names.load_model(name)


def load_pipeline(reference: str) -> Pipeline:
    """Load a Pipeline, or call the function that makes one.

    Raises:
        ConfigError: it is neither.
    """
    from videoxl_stream.pipeline import Pipeline

    found = load_object(reference)
    if callable(found) and not isinstance(found, Pipeline):
        found = found()
    if not isinstance(found, Pipeline):
        msg = f"{reference} is {type(found).__name__}, no Pipeline; name a Pipeline or a function that returns one"
        raise ConfigError(msg)
    return found


def load_site(definition: str) -> tuple[Site, Document]:
    """Read a site's YAML file, or a ready-made one by its name, such as ``surveillance``.

    Raises:
        ConfigError: there is none, or it is no site.
    """
    from videoxl_stream.config import Site
    from videoxl_stream.config.document import Document
    from videoxl_stream.pipelines.ready_made import path_of

    path = Path(definition)
    document = Document(path if path.suffix.lower() in {".yaml", ".yml"} else path_of(definition))
    return Site.read(document), document


def load_stopped(definition: str, stream_id: str) -> StoppedStream:
    """A stream that nobody watches just now, as what ``run`` is given describes it.

    Raises:
        ConfigError: the definition is none.
        StoreError: there is no such store.
    """
    if ".py:" in definition:
        return load_pipeline(definition).stopped(stream_id)
    site, _ = load_site(definition)
    return site.stopped(stream_id)
