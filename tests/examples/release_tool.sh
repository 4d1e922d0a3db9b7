#!/usr/bin/env bash
# release_tool.sh RELEASE_TOOL MIGRATIONS
source "$(dirname "$0")/check.sh"
tool=$1 migrations=$2
url="sqlite:$work/shop.db?create=1"
phones() { sqlite3 shop.db "select name, phone from customer order by id" 2>&1 | xargs; }

# The first migration alone, so that the second has rows to lose.
mkdir first
cp "$migrations"/1_* first
echo y | "$tool" "$url" first up >first.log
check "the rows are there" "Ada|+44 1 Grace|+1 2 Emmy|" "$(phones)"

contains "the plan names the loss" "customer.phone" "$(echo n | "$tool" "$url" "$migrations" up release-2)"
check "a no changes nothing" "Ada|+44 1 Grace|+1 2 Emmy|" "$(phones)"

echo y | "$tool" "$url" "$migrations" up release-2 >up.log
contains "the column is gone" "no such column" "$(phones)"
echo y | "$tool" "$url" "$migrations" down release-2 >down.log
check "the values are back" "Ada|+44 1 Grace|+1 2 Emmy|" "$(phones)"
