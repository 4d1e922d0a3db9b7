#!/usr/bin/env bash
# redeploy.sh SHOP_1 SHOP_2 UNDROP: a release is taken back by starting the older one, with the values; two releases do not take turns.
source "$(dirname "$0")/check.sh"
first=$1 second=$2 undrop=$3

play() { # play NAME URL QUERY-COMMAND ...
    local name=$1
    export SHOP_DATABASE=$2
    shift 2
    check "$name: the first release" "up 1 customer up 2 phone shop 1 serves." "$("$first" | xargs)"
    "$@" "insert into customer values (1, 'ann', '+44 1'), (2, 'bob', '+1 2'), (3, 'cyd', null)"
    check "$name: the second release" "up 3 drop_phone shop 2 serves." "$("$second" | xargs)"
    check "$name: the column is gone" 0 "$("$@" "select phone from customer" 2>/dev/null | wc -l)"
    "$@" "insert into customer values (4, 'dan'); delete from customer where id = 2; update customer set name = 'ANN' where id = 1"

    check "$name: the first release again" "down 3 drop_phone shop 1 serves." "$("$first" | xargs)"
    check "$name: what users wrote is there, and the values are back" "1|ANN|+44 1 3|cyd| 4|dan|" \
        "$("$@" "select id, name, phone from customer order by id" | xargs)"
    check "$name: the first release, restarted" "shop 1 serves." "$("$first" | xargs)"
    "$@" "update customer set phone = '+49 4' where id = 4"

    check "$name: the second release again" "up 3 drop_phone shop 2 serves." "$("$second" | xargs)"
    local status=0
    "$first" >"$name.again" 2>&1 || status=$?
    check "$name: the releases do not take turns" 3 "$status"
    contains "$name: it says why" "was taken back for the program whose newest migration is 2 once" "$(cat "$name.again")"
    contains "$name: and who did it" 'by shop 1 "shop 1"' "$(cat "$name.again")"
    contains "$name: and what to type" "undrop down --to 2" "$(cat "$name.again")"
    check "$name: the second release goes on" "shop 2 serves." "$("$second" | xargs)"

    # A person may go back as often as it takes.
    mkdir -p empty
    "$undrop" --db "$SHOP_DATABASE" --dir empty down --to 2 >"$name.down" 2>&1 || { cat "$name.down" >&2; exit 1; }
    check "$name: by hand" "1|ANN|+44 1 3|cyd| 4|dan|+49 4" "$("$@" "select id, name, phone from customer order by id" | xargs)"
    check "$name: the first release goes on" "shop 1 serves." "$("$first" | xargs)"
}

play sqlite "sqlite:$work/shop.db?create=1" sqlite3 "$work/shop.db"

: "${UNDROP_TEST_POSTGRES:?is not set: run the tests under tests/support/with-postgres.sh}"
database=undrop_redeploy_$$
psql -X -q "$UNDROP_TEST_POSTGRES" -c "create database $database"
trap 'psql -X -q "$UNDROP_TEST_POSTGRES" -c "drop database $database"; rm -rf "$work"' EXIT
url=${UNDROP_TEST_POSTGRES/undrop_test/$database}
play postgres "$url" psql -X -q -At "$url" -c
