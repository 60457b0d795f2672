#!/bin/sh
# Starts Redis: every write appended to a file in /data or $REDIS_DATA, and the users of users.acl beside this script
# with the passwords of the environment. What is given as arguments goes to redis-server, after the options here.
set -eu
umask 077
acl=${TMPDIR:-/tmp}/users.acl
hash() { printf '%s' "$1" | sha256sum | cut -c1-64; }
sed -e '/^#[^{]/d' \
  -e "s/{service}/$(hash "${REDIS_SERVICE_PASSWORD:?}")/" \
  -e "s/{worker}/$(hash "${REDIS_WORKER_PASSWORD:?}")/" \
  -e "s/{courier}/$(hash "${REDIS_COURIER_PASSWORD:?}")/" \
  -e "s/{metrics}/$(hash "${REDIS_METRICS_PASSWORD:?}")/" \
  "$(dirname "$0")/users.acl" > "$acl"
unset REDIS_SERVICE_PASSWORD REDIS_WORKER_PASSWORD REDIS_COURIER_PASSWORD REDIS_METRICS_PASSWORD
exec redis-server --aclfile "$acl" --dir "${REDIS_DATA:-/data}" --appendonly yes --appendfsync everysec --save '' \
  --maxmemory-policy noeviction "$@"
