#!/usr/bin/env bash
# desktop.sh NOTES UNDROP: the migrations use the program's own function and collation.
source "$(dirname "$0")/check.sh"
notes=$1 undrop=$2

check "a first note" "Buy bread (buy-bread)" "$("$notes" notes.db 'Buy bread' 2>first.log)"
contains "the first start migrates" "migrated: 3 drop_mood" "$(cat first.log)"
check "sorted by the program's collation" "apples (apples) Buy bread (buy-bread)" "$("$notes" notes.db apples 2>second.log | xargs)"
check "the second start has nothing to do" "" "$(cat second.log)"
check "the command line reads the program's ledger" 3 "$("$undrop" --db sqlite:notes.db --dir . log --json | grep -c '"event": "applied"')"
check "the compiled-in check is in the ledger, and holds" "1 statement holds." "$("$undrop" --db sqlite:notes.db --dir . check | tail -1)"
