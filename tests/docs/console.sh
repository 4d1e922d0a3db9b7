#!/usr/bin/env bash
# Runs every command of a page's ```console blocks, in order, in one empty directory, and looks for each line that the page says it prints.
#   console.sh PAGE PROGRAM
# "$ command" is run (lines with "> " go on with it), "(exit 3)" behind a command is its expected status, "..." stands for lines left out.
set -u
page=$1
program=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
PATH="$(dirname "$program"):$PATH"
unset UNDROP_DB DATABASE_URL
export NO_COLOR=1

failures=0
commands=0
command=
expected=()

squeeze() { tr -s ' \t' ' ' | sed 's/^ //; s/ $//'; }

run_one() {
    [ -n "$command" ] || return 0
    commands=$((commands + 1))
    local want=0
    if [[ $command =~ \(exit\ ([0-9]+)\)$ ]]; then
        want=${BASH_REMATCH[1]}
        command=${command%(exit*}
    fi
    bash -c "$command" >out.console 2>&1 </dev/null
    local got=$?
    squeeze <out.console >out.squeezed
    rm -f out.console
    if [ "$got" != "$want" ]; then
        echo "FAILED: exit $got, not $want: $command"
        sed 's/^/    /' out.squeezed
        failures=$((failures + 1))
    fi
    local line
    for line in "${expected[@]:-}"; do
        line=$(squeeze <<<"$line")
        if [ -z "$line" ] || [ "$line" = "..." ]; then continue; fi
        # Times and sizes differ from run to run.
        line=$(sed -E 's/[0-9]+\.[0-9]+ (s|MB|KB|kB)/N \1/g' <<<"$line")
        if ! sed -E 's/[0-9]+\.[0-9]+ (s|MB|KB|kB)/N \1/g' out.squeezed | grep -qF -- "$line"; then
            echo "FAILED: not printed by '$command': $line"
            sed 's/^/    /' out.squeezed
            failures=$((failures + 1))
        fi
    done
    rm -f out.squeezed
    command=
    expected=()
}

in_block=no
while IFS= read -r line || [ -n "$line" ]; do
    if [ "$line" = '```console' ]; then in_block=yes; continue; fi
    if [ "$line" = '```' ] && [ $in_block = yes ]; then run_one; in_block=no; continue; fi
    [ $in_block = yes ] || continue
    case $line in
        '$ '*) run_one; command=${line#\$ } ;;
        '> '*) command+=$'\n'${line#> } ;;
        *) expected+=("$line") ;;
    esac
done <"$page"
run_one
echo "$commands commands of $page, $failures failed"
[ "$failures" = 0 ] && [ "$commands" -gt 0 ]
