#!/bin/sh
# Runs in the PostgreSQL container when its volume is new: makes the login of `vsocd serve`, which may load and nothing else
# (`vsocd migrate` gives the role vsoc_ingest its rights). Run it by hand for a volume that was made without it.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$(cat /run/secrets/vsocd_password)" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE ROLE vsoc_ingest LOGIN;
CREATE ROLE vsocd LOGIN PASSWORD :'password' IN ROLE vsoc_ingest;
SQL
