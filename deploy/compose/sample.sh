#!/bin/sh
# Logs in and applies the sample application; safe to run again.
set -eu
export SPILLWAY_CONTEXT=/tmp/spillway-context.json
printf '%s' "$SPILLWAY_ADMIN_PASSWORD" |
  spillway login --api "$SPILLWAY_API" --ca "$SPILLWAY_CA" --username admin --password-stdin
sed -e "s/@VIP@/$SPILLWAY_VIP/g" -e "s/@ORIGIN@/$SPILLWAY_ORIGIN/g" /opt/spillway/sample.yaml | spillway apply -f -
spillway get virtualservice
