"""A camera with login, UDP and TLS, made of GStreamer; runs under the system's Python, which has its bindings.

    /usr/bin/python3 tests/gstreamer_server.py '{"launch": "( videotestsrc ... )", "login": "digest", ...}'

It prints its port once it listens. Started by tests/rtsp_servers.py.
"""

from __future__ import annotations

import json
import sys

import gi

for name, version in {"Gst": "1.0", "GstRtsp": "1.0", "GstRtspServer": "1.0", "Gio": "2.0"}.items():
    gi.require_version(name, version)

from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - only now are their versions known

_ROLE = "viewer"


def _permit(factory: GstRtspServer.RTSPMediaFactory, *roles: str) -> None:
    permissions = GstRtspServer.RTSPPermissions()
    for role in roles:
        permissions.add_permission_for_role(role, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
        permissions.add_permission_for_role(role, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
    factory.set_permissions(permissions)


def _token(role: str) -> GstRtspServer.RTSPToken:
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, role)
    return token


def main() -> None:
    """Serve until killed."""
    asked = json.loads(sys.argv[1])
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(asked.get("port", 0)))
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(asked["launch"])
    factory.set_shared(True)
    if asked.get("udp"):
        factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
    auth = GstRtspServer.RTSPAuth()
    if asked.get("login") == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(asked["username"], asked["password"], _token(_ROLE))
    elif asked.get("login") == "basic":
        basic = GstRtspServer.RTSPAuth.make_basic(asked["username"], asked["password"])
        auth.add_basic(basic, _token(_ROLE))
    else:
        auth.set_default_token(_token(_ROLE))
    if asked.get("certificate"):
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(asked["certificate"], asked["key"]))
    _permit(factory, _ROLE)
    server.set_auth(auth)
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
