#!/bin/sh
# Makes or updates Temporal's two databases. Safe to run again: what is there is left alone.
set -eu
for schema in temporal visibility; do
  case $schema in temporal) database=temporal ;; *) database=temporal_visibility ;; esac
  tool() { temporal-sql-tool --plugin postgres12 --endpoint "$SQL_HOST" --port 5432 --user temporal --database "$database" "$@"; }
  if tool create; then tool setup-schema -v 0.0; fi
  tool update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
