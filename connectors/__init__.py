"""Where frames come from and events go."""

if __name__ == "connectors":  # found through the working directory: every class would exist twice
    msg = "import videoxl_stream.connectors; the bare name 'connectors' is not a package"
    raise ImportError(msg)
