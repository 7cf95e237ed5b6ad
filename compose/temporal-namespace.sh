#!/bin/sh
# Waits for the frontend, then makes the namespace; the api's and worker's search attributes are added by `migrate`.
set -eu
until temporal operator cluster health; do sleep 1; done
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 720h
