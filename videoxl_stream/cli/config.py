"""``videoxl-stream config``: looks at a site's YAML file, and says what may stand in one."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from videoxl_stream.cli.references import load_site

config = typer.Typer(name="config", help="Look at the YAML file of a site.", no_args_is_help=True)


@config.command()
def check(
    definition: Annotated[str, typer.Argument(metavar="FILE.yaml", help="Or the name of a ready-made definition.")],
) -> None:
    """Say what is wrong with a site's file, or that nothing is; no model is loaded and no store opened."""
    site, document = load_site(definition)
    site.check(document)
    typer.echo(f"{document.path} is fine: {len(site.sources)} sources, {len(site.rules)} rules, model {site.model}")


@config.command()
def schema() -> None:
    """Print the JSON Schema of such files, with which editors explain and complete them."""
    from videoxl_stream.config import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
