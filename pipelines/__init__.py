"""Ready-made pipeline definitions."""

if __name__ != "videoxl_stream.pipelines":
    _wrong_name = (
        f"import videoxl_stream.pipelines instead of {__name__!r}: the bare name, found because the repository "
        "root is on the path, would make a second copy of every class"
    )
    raise ImportError(_wrong_name)
