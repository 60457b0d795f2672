#!/bin/sh
# Prints the secrets that the manifests name, with passwords made up on the spot; run it once, and keep what it says
# where your other secrets are:
#   MODELPRESS_S3_ACCESS_KEY=… MODELPRESS_S3_SECRET_KEY=… deploy/kubernetes/secrets.sh | kubectl apply -n modelpress -f -
# MODELPRESS_HUB_TOKEN is taken too, where it is set.
set -eu
made() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
service=$(made) worker=$(made) courier=$(made)
cat <<END
apiVersion: v1
kind: Secret
metadata: {name: store}
stringData:
  access-key: "${MODELPRESS_S3_ACCESS_KEY:?access key of the store}"
  secret-key: "${MODELPRESS_S3_SECRET_KEY:?secret key of the store}"
---
apiVersion: v1
kind: Secret
metadata: {name: redis}
stringData: {service: "$service", worker: "$worker", courier: "$courier", metrics: "$(made)"}
---
apiVersion: v1
kind: Secret
metadata: {name: redis-urls}
stringData:
  service: "redis://service:$service@redis:6379/0"
  worker: "redis://worker:$worker@redis:6379/0"
  courier: "redis://courier:$courier@redis:6379/0"
---
apiVersion: v1
kind: Secret
metadata: {name: service}
stringData: {page-secret: "$(made)", metrics-token: "$(made)"}
---
apiVersion: v1
kind: Secret
metadata: {name: worker}
stringData: {hub-token: "${MODELPRESS_HUB_TOKEN:-}"}
END
