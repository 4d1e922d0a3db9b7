# Read by the scripts beside it: a temporary directory to work in, and two checks.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# check WHAT EXPECTED ACTUAL
check() {
    [[ $2 == "$3" ]] || { printf 'FAILED: %s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3" >&2; exit 1; }
}

# contains WHAT PART WHOLE
contains() {
    [[ $3 == *"$2"* ]] || { printf 'FAILED: %s\n  expected, as a part: %s\n  got: %s\n' "$1" "$2" "$3" >&2; exit 1; }
}
