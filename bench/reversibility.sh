#!/usr/bin/env bash
# How long a project's test suite takes that has one test for each of many small migrations:
#
#     bench/reversibility.sh PREFIX [MIGRATIONS [JOBS]]
#
# PREFIX is where undrop was installed (cmake --install BUILD --prefix PREFIX). PostgreSQL is measured where UNDROP_TEST_DB, or
# UNDROP_TEST_POSTGRES of tests/support/with-postgres.sh, names a server.
set -euo pipefail

prefix=$(cd "${1:?where undrop is installed}" && pwd)
count=${2:-300}
jobs=${3:-2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export UNDROP_TEST_DB=${UNDROP_TEST_DB:-${UNDROP_TEST_POSTGRES:-}}

# What migrations mostly do: a table, a column, an index, an update, a column dropped; ten of each table's life.
mkdir "$work/migrations"
for ((i = 1; i <= count; ++i)); do
    table=t$(((i - 1) / 10))
    name=$work/migrations/${i}_$table
    case $(((i - 1) % 10)) in
        0) up="CREATE TABLE $table (id INTEGER PRIMARY KEY, name TEXT NOT NULL, old TEXT); INSERT INTO $table VALUES (1, 'a', 'x'), (2, 'b', 'y');"
           down="DROP TABLE $table;" ;;
        1) up="ALTER TABLE $table ADD COLUMN note TEXT;" down="ALTER TABLE $table DROP COLUMN note;" ;;
        2) up="CREATE INDEX ${table}_name ON $table (name);" down="DROP INDEX ${table}_name;" ;;
        3) up="UPDATE $table SET name = upper(name);" down="SELECT 1;" ;;
        4) up="ALTER TABLE $table DROP COLUMN old;" down="ALTER TABLE $table ADD COLUMN old TEXT;" ;;
        5) up="CREATE VIEW ${table}_view AS SELECT id, name FROM $table;" down="DROP VIEW ${table}_view;" ;;
        6) up="INSERT INTO $table (id, name) VALUES (3, 'c');" down="DELETE FROM $table WHERE id = 3;" ;;
        7) up="CREATE TABLE ${table}_child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES $table (id));" down="DROP TABLE ${table}_child;" ;;
        8) up="DELETE FROM $table WHERE id = 3;" down="SELECT 1;" ;;
        9) up="ALTER TABLE $table RENAME COLUMN note TO remark;" down="ALTER TABLE $table RENAME COLUMN remark TO note;" ;;
    esac
    echo "$up" >"$name.up.sql"
    echo "$down" >"$name.down.sql"
done

databases=sqlite
[[ -z $UNDROP_TEST_DB ]] || databases="sqlite postgresql"
for database in $databases; do
    mkdir "$work/$database"
    cat >"$work/$database/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(bench LANGUAGES C CXX)
find_package(undrop REQUIRED)
enable_testing()
undrop_add_reversibility_tests(NAME history DIR $work/migrations DATABASE $database)
END
    cmake -S "$work/$database" -B "$work/$database/build" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
    start=$(date +%s.%N)
    status=0
    ctest --test-dir "$work/$database/build" -j "$jobs" >"$work/$database/out" 2>&1 || status=$?
    end=$(date +%s.%N)
    walk=$(sed -nE 's/.*history: rehearsal \.+ *Passed +([0-9.]+) sec.*/\1/p' "$work/$database/out")
    awk -v d="$database" -v n="$count" -v j="$jobs" -v a="$start" -v b="$end" -v w="$walk" -v s="$status" \
        'BEGIN { printf "%-10s %d migrations, ctest -j%d: %.1f s, of which the walk %s s%s\n", d, n, j, b - a, w, s ? " (FAILED)" : "" }'
    ((status == 0)) || grep -E "Failed|\*\*\*" "$work/$database/out" | head -5
done
