#!/usr/bin/env bash
# service.sh SERVICE UNDROP: several replicas start at once; the release is taken back by the command line, from the ledger alone.
source "$(dirname "$0")/check.sh"
service=$1 undrop=$2

play() { # play NAME URL QUERY-COMMAND ...
    local name=$1 url=$2
    shift 2
    local replicas=() i
    for i in 1 2 3 4; do
        SHOP_DATABASE=$url "$service" >"$name.$i" 2>&1 &
        replicas+=($!)
    done
    for i in "${replicas[@]}"; do wait "$i" || { cat "$name".* >&2; exit 1; }; done
    check "$name: one replica migrated" 3 "$(grep -l 'Nothing was pending' "$name".? | wc -l)"
    check "$name: every replica serves" 4 "$(grep -l '^Serving ' "$name".? | wc -l)"
    "$@" "insert into request (id, title) values (1, 'a'), (2, 'b')"

    mkdir -p empty
    "$undrop" --db "$url" --dir empty --yes down >"$name.down" 2>&1 || { cat "$name.down" >&2; exit 1; }
    check "$name: the column is back" "1|open 2|open" "$("$@" "select id, state from request order by id" | xargs)"
    "$@" "update request set state = 'done' where id = 2"
    SHOP_DATABASE=$url "$service" >"$name.again" 2>&1 || { cat "$name.again" >&2; exit 1; }
    "$undrop" --db "$url" --dir empty --yes down >"$name.down" 2>&1 || { cat "$name.down" >&2; exit 1; }
    check "$name: what users wrote is back" "1|open 2|done" "$("$@" "select id, state from request order by id" | xargs)"
}

play sqlite "sqlite:$work/shop.db?create=1" sqlite3 "$work/shop.db"

: "${UNDROP_TEST_POSTGRES:?is not set: run the tests under tests/support/with-postgres.sh}"
database=undrop_service_$$
psql -X -q "$UNDROP_TEST_POSTGRES" -c "create database $database"
trap 'psql -X -q "$UNDROP_TEST_POSTGRES" -c "drop database $database"; rm -rf "$work"' EXIT
url=${UNDROP_TEST_POSTGRES/undrop_test/$database}
play postgres "$url" psql -X -q -At "$url" -c
