#!/bin/bash
# Runs once, on an empty data folder: the register's roles and database, and Temporal's role.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set app_password="$REGISTER_APP_PASSWORD" \
  --set migrator_password="$REGISTER_MIGRATOR_PASSWORD" \
  --set temporal_password="$TEMPORAL_DATABASE_PASSWORD" <<'SQL'
create role slipway_migrator login password :'migrator_password';
create role slipway_app login password :'app_password';
create database slipway owner slipway_migrator;
create role temporal login createdb password :'temporal_password';
SQL
