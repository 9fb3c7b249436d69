"""Python objects and models that are named on the command line."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from videoxl_stream.errors import ConfigError

if TYPE_CHECKING:
    from videoxl_stream.interfaces import VideoModel


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
        ConfigError: the Python object cannot be found.
    """
    if ".py:" in name:
        return cast("VideoModel[Any]", load_object(name))
    from videoxl_stream.model.video_xl import VideoXL

    return VideoXL.from_pretrained(name)
