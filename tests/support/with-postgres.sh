#!/usr/bin/env bash
# Runs a command with a throwaway PostgreSQL beside it:
#
#     tests/support/with-postgres.sh COMMAND [ARGUMENT ...]
#
# The server lives in a temporary directory with its socket, and is gone when the command ends, however it ends. For the command, beside
# a TMPDIR of its own:
#
#     UNDROP_TEST_POSTGRES            a database owned by undrop_owner, which is no superuser, but may make databases
#     UNDROP_TEST_POSTGRES_SUPERUSER  the same database as the superuser
#     UNDROP_TEST_POSTGRES_TCP        the same database as undrop_password, over TCP on the loopback, with a password
#
# There is also the role undrop_reader, which has no right but to log in.
set -euo pipefail

die() {
    echo "with-postgres: $*" >&2
    exit 1
}

(($# > 0)) || die "no command given"

bin=${UNDROP_TEST_POSTGRES_BIN:-}
for candidate in /usr/lib/postgresql/{15,18,17,16,14,13}/bin "$(pg_config --bindir 2>/dev/null || true)"; do
    [[ -n $bin ]] || { [[ -x $candidate/initdb && -x $candidate/postgres ]] && bin=$candidate; } || true
done
[[ -x $bin/initdb ]] || die "no PostgreSQL server found: install postgresql-15, or set UNDROP_TEST_POSTGRES_BIN"

# In memory where there is room: making databases and SQLite files is mostly writing. A socket's path is short by law (107 bytes), so a
# long TMPDIR is passed over.
base=${TMPDIR:-/tmp}
((${#base} <= 60)) || base=/tmp
room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1 || true)
if [[ -w /dev/shm && ${room:-0} -ge 2000000 ]] && ! grep -q '^[^ ]* /dev/shm [^ ]* [^ ]*noexec' /proc/mounts; then base=/dev/shm; fi
directory=$(mktemp -d "$base/undrop-postgres.XXXXXX")
export TMPDIR
TMPDIR=$(mktemp -d "$base/undrop-tests.XXXXXX")
chmod 755 "$TMPDIR"  # some tests ask what another user may do

# The server refuses to run as root.
if ((EUID == 0)); then
    id postgres >/dev/null 2>&1 || die "running as root, and there is no user postgres to run the server as"
    chown postgres: "$directory"
    if command -v runuser >/dev/null; then
        as_server() { (cd "$directory" && runuser -u postgres -- "$@"); }
    else
        as_server() { (cd "$directory" && su postgres -s /bin/sh -c "$(printf '%q ' "$@")"); }
    fi
else
    as_server() { (cd "$directory" && "$@"); }
fi

# The guard reads from this script, and cleans up when that ends: also where the script is killed and no trap runs.
exec {guard}> >(
    trap '' HUP INT TERM
    cat >/dev/null
    as_server "$bin/pg_ctl" -D "$directory/data" -m immediate stop >/dev/null 2>&1
    rm -rf "$directory" "$TMPDIR"
)
guard_pid=$!
child=
finish() {
    [[ -z $child ]] || kill -TERM "$child" 2>/dev/null || true
    exec {guard}>&-
    wait "$guard_pid" 2>/dev/null || true
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

quietly() {
    local output
    output=$("$@" 2>&1 {guard}>&-) || { printf '%s\n' "$output" >&2; return 1; }
}

quietly as_server "$bin/initdb" -D "$directory/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync || die "initdb failed"
cat >"$directory/settings" <<END
unix_socket_directories = '$directory'
listen_addresses = '127.0.0.1'
max_connections = 200
wal_level = logical
fsync = off
max_wal_size = 256MB
full_page_writes = off
synchronous_commit = on
log_statement = none
timezone = 'UTC'
jit = off
END
cat >"$directory/hba" <<'END'
local all undrop_password              scram-sha-256
local all all                          trust
host  all all             127.0.0.1/32 scram-sha-256
END
as_server sh -c 'cat >>data/postgresql.conf && cat hba >data/pg_hba.conf' <"$directory/settings"

# The port is a guess until the server has it.
for ((attempt = 1; ; ++attempt)); do
    port=$((20000 + RANDOM % 30000))
    if quietly as_server "$bin/pg_ctl" -D "$directory/data" -w -t 60 -s -l "$directory/log" -o "-p $port" start; then break; fi
    ((attempt < 5)) && grep -q 'could not bind\|Address already in use' "$directory/log" && continue
    cat "$directory/log" >&2
    die "the server does not start"
done

superuser() {
    "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$directory" -p "$port" -U postgres "$@" {guard}>&-
}
superuser -d postgres <<'END' || die "the roles cannot be made"
create role undrop_owner login nosuperuser nocreaterole createdb;
create role undrop_reader login nosuperuser nocreaterole nocreatedb;
create role undrop_password login nosuperuser nocreaterole nocreatedb password 'right-password';
create database undrop_test owner undrop_owner;
END

export UNDROP_TEST_POSTGRES="postgresql:///undrop_test?host=$directory&port=$port&user=undrop_owner"
export UNDROP_TEST_POSTGRES_SUPERUSER="postgresql:///undrop_test?host=$directory&port=$port&user=postgres"
export UNDROP_TEST_POSTGRES_TCP="postgresql://undrop_password:right-password@127.0.0.1:$port/undrop_test"

# In the background, so that a signal to this script alone ends the command at once; an interrupt of the terminal reaches both.
(trap - INT && exec "$@") <&0 {guard}>&- &
child=$!
status=0
wait "$child" || status=$?
exit "$status"
