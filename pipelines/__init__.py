"""Ready-made pipeline definitions."""

if __name__ == "pipelines":  # found through the working directory: every class would exist twice
    msg = "import videoxl_stream.pipelines; the bare name 'pipelines' is not a package"
    raise ImportError(msg)
