"""An S3 store of our own: OpenStack Swift with its S3 door, on loopback, as an ordinary user.

Only the proxy checks signatures. The three servers behind it answer anyone on this machine who finds their ports:
good for one's own machine, not for a shared one.
"""

import os
import pwd
import secrets
import subprocess
import sys
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import xattr

from deploy.embedded.ports import LOOPBACK, Ports
from deploy.embedded.processes import Program, StartError, write_private

REGION = "us-east-1"
ACCESS_KEY = "modelpress:stack"  # Swift's form: account:user
BACKENDS = ("account", "container", "object")
PROXY = "proxy"
PATIENCE_S = 60  # Swift's defaults of half a second to ten seconds give up on a busy laptop

_SWIFT_CONF = """\
[swift-hash]
swift_hash_path_prefix = {salt}
swift_hash_path_suffix = {salt}
[storage-policy:0]
name = default
default = yes
[swift-constraints]
max_file_size = 5368709122
"""

_SERVER_CONF = """\
[DEFAULT]
bind_ip = {host}
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}/etc
devices = {folder}/node
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
log_level = WARNING
node_timeout = {patience_s}
conn_timeout = {patience_s}
container_update_timeout = {patience_s}
"""

_BACKEND_CONF = """\
[pipeline:main]
pipeline = healthcheck {name}-server
[app:{name}-server]
use = egg:swift#{name}
[filter:healthcheck]
use = egg:swift#healthcheck
"""

_PROXY_CONF = """\
[pipeline:main]
pipeline = {pipeline}
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
node_timeout = {patience_s}
conn_timeout = {patience_s}
error_suppression_interval = 0
[filter:create_only]
paste.filter_factory = deploy.embedded.create_only:filter_factory
[filter:cache]
use = egg:swift#memcache
memcache_servers =
[filter:s3api]
use = egg:swift#s3api
location = {region}
[filter:tempauth]
use = egg:swift#tempauth
user_{access_key} = {secret} .admin
"""

_PIPELINE = (
    "catch_errors gatekeeper healthcheck cache listing_formats create_only s3api tempauth copy dlo slo proxy-server"
)
_PLAIN_FILTERS = ("catch_errors", "gatekeeper", "healthcheck", "listing_formats", "copy", "dlo", "slo")


@dataclass(frozen=True, slots=True)
class S3Access:
    """Where a store is and how to sign for it."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str


class EmbeddedSwift:
    """One Swift, four servers in one program, with its files below *folder*."""

    name = "swift"

    def __init__(self, folder: Path, ports: Ports) -> None:
        self._folder = folder
        self._ports = ports

    @property
    def access(self) -> S3Access:
        """Return how to reach it."""
        return S3Access(f"http://{LOOPBACK}:{self._ports.of(PROXY)}", REGION, ACCESS_KEY, self._secret("secret"))

    def program(self, environment: dict[str, str]) -> Program:
        """Return what to run, its configuration and rings written.

        Raises:
            StartError: the folder's disk cannot hold Swift's metadata.
        """
        etc = self._folder / "etc"
        for each in (etc, self._folder / "node/d1"):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        check_attributes(self._folder)
        self._write_confs(etc)
        command = (sys.executable, "-m", "deploy.embedded.swift_servers")
        ports = [f"{name}={self._ports.of(name)}" for name in BACKENDS]
        subprocess.run([*command, "rings", str(etc), *ports], check=True, env=environment)
        return Program(self.name, (*command, str(etc)), environment, str(self._folder))

    def ready(self) -> bool:
        """Return whether all four servers answer."""
        return all(_healthy(self._ports.of(name)) for name in (*BACKENDS, PROXY))

    def _write_confs(self, etc: Path) -> None:
        salt = self._secret("salt")
        write_private(etc / "swift.conf", _SWIFT_CONF.format(salt=salt))
        for name in (*BACKENDS, PROXY):
            write_private(etc / f"{name}-server.conf", self._server_conf(name))

    def _server_conf(self, name: str) -> str:
        values = {
            "name": name,
            "host": LOOPBACK,
            "port": self._ports.of(name),
            "folder": self._folder,
            "user": _user(),
            "patience_s": PATIENCE_S,
            "pipeline": _PIPELINE,
            "region": REGION,
            "access_key": ACCESS_KEY.replace(":", "_"),
            "secret": self._secret("secret"),
        }
        if name != PROXY:
            return (_SERVER_CONF + _BACKEND_CONF).format(**values)
        plain = "".join(f"[filter:{each}]\nuse = egg:swift#{each}\n" for each in _PLAIN_FILTERS)
        return (_SERVER_CONF + _PROXY_CONF).format(**values) + plain

    def _secret(self, name: str) -> str:
        path = self._folder / name
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(path, secrets.token_hex(24))
        return path.read_text()


def check_attributes(folder: Path) -> None:
    """Return quietly when files in *folder* can carry extended attributes.

    Raises:
        StartError: they cannot.
    """
    probe = folder / ".attributes"
    probe.touch()
    try:
        xattr.setxattr(str(probe), "user.modelpress", b"1" * 1024)
    except OSError as error:
        raise StartError(
            f"The embedded store keeps metadata in extended attributes, and the disk of {folder} has none ({error}). "
            "Choose a folder on ext4, xfs, btrfs or APFS: --folder or MODELPRESS_STATE."
        ) from error
    finally:
        probe.unlink()


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError as error:
        raise StartError(
            f"The embedded store needs a user name, and user id {os.geteuid()} has no entry in the password database."
        ) from error


def _healthy(port: int) -> bool:
    connection = HTTPConnection(LOOPBACK, port, timeout=2)  # not urllib: it would ask a proxy
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
