#!/usr/bin/env bash
# demo.sh [UNDROP]: plays the main job on SQLite in a temporary directory, with the real program: a migration drops a column, the
# application goes on writing, and the rollback brings the column back with its values.
set -euo pipefail

undrop=$(realpath "${1:-$(command -v undrop)}")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cp -r "$here/migrations" .
mkdir bin
ln -s "$undrop" bin/undrop
export PATH="$work/bin:$PATH" UNDROP_DB=sqlite:shop.db

bold='' dim='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi

say() { printf '\n%s# %s%s\n' "$dim" "$*" "$plain"; }
run() {
    printf '%s$ %s%s\n' "$bold" "$*" "$plain"
    eval "$*" 2>&1 | sed 's/^/    /'
}
rows() { run "sqlite3 -box shop.db 'select * from request_participants'"; }

say 'A table with an index, and five rows.'
run 'undrop up --create --to 20250901090000 --quiet'
rows

say 'The next migration drops a column and its index. What would that lose?'
run 'cat migrations/20250927004003_drop_role.up.sql'
run 'undrop plan'

say 'Each value is saved in the transaction that drops it.'
run 'undrop up --label "shop 1.15.2"'

say 'The application goes on: a new row, a deleted one, a changed one.'
run "sqlite3 shop.db \"insert into request_participants values (6, 12, 'maria')\""
run 'sqlite3 shop.db "delete from request_participants where id = 3"'
run "sqlite3 shop.db \"update request_participants set user_name = 'grace h.' where id = 2\""
rows

say 'The release has to be taken back. Its down script re-adds the column, and forgets the CHECK and the index.'
run 'cat migrations/20250927004003_drop_role.down.sql'
run 'undrop --yes down --label "shop 1.15.2"'

say 'Every row has its own role again; the new one has the default, the deleted one stays deleted, the change since is kept.'
rows
run 'sqlite3 shop.db ".schema request_participants"'

expected='1|10|ada|manager 2|10|grace h.|contributor 4|11|lise|manager 5|12|rosa|contributor 6|12|maria|viewer'
got=$(sqlite3 shop.db 'select id, request_id, user_name, role from request_participants order by id' | tr '\n' ' ')
[[ ${got% } == "$expected" ]] || { printf '\nThis is not what was expected: %s\n' "$expected" >&2; exit 1; }
