#!/usr/bin/env bash
# testing.sh SUITE MIGRATIONS UNDROP: a suite of one framework is green, and red with all that a reader needs.
source "$(dirname "$0")/check.sh"
suite=$1 undrop=$3
PATH="$(dirname "$undrop"):$PATH"
cp -r "$2" migrations

for database in sqlite::memory: "$UNDROP_TEST_POSTGRES"; do
    export SHOP_TEST_DB=$database
    "$suite" >green.log 2>&1 || { cat green.log; check "the migrations are reversible on $database" 0 1; }

    # A down script that gives a table a row which was never there.
    echo "INSERT INTO members (id, email) VALUES (7, 'nobody@example.org'); DROP TABLE visits;" >migrations/3_visits.down.sql
    status=0
    "$suite" >red.log 2>&1 || status=$?
    check "the suite is red on $database" 1 $((status != 0))
    red=$(cat red.log)
    contains "the migration" "3 visits: lossy" "$red"
    contains "the step" "step    down" "$red"
    contains "the script" "migrations/3_visits.down.sql" "$red"
    contains "the row" "members 7: no row -> (7, 'nobody@example.org')" "$red"

    # The one command does the same again.
    again=$(sed -n 's/^.*again   //p' red.log | head -n 1)
    status=0
    bash -c "$again" >again.log 2>&1 || status=$?
    check "the command's exit status" 3 "$status"
    contains "the command's words" "members 7: no row -> (7, 'nobody@example.org')" "$(cat again.log)"

    echo "DROP TABLE visits; SELECT nonsense;" >migrations/3_visits.down.sql
    status=0
    "$suite" >red.log 2>&1 || status=$?
    check "a script that fails is red" 1 $((status != 0))
    contains "the statement with file and line" "migrations/3_visits.down.sql:1:" "$(cat red.log)"
    contains "its text" "SELECT nonsense" "$(cat red.log)"
    echo "DROP TABLE visits;" >migrations/3_visits.down.sql
done
