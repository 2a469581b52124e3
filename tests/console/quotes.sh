#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# The code in the README is that of the examples: each block after a comment <!-- FILE --> is the part of FILE between
# the lines [quote] and [/quote].
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
status=0
found=0
while read -r file; do
    found=$((found + 1))
    in_readme=$(awk -v file="<!-- $file -->" '
        $0 == file { wanted = 1; next }
        wanted && /^```cpp$/ { inside = 1; wanted = 0; next }
        inside && /^```$/ { exit }
        inside { print }' README.md)
    in_example=$(awk '/\/\/ \[quote\]$/ { inside = 1; next } /\/\/ \[\/quote\]$/ { exit } inside { print }' "$file")
    if [[ -z $in_readme || $in_readme != "$in_example" ]]; then
        printf 'The README quotes %s wrongly:\n' "$file"
        diff <(printf '%s\n' "$in_readme") <(printf '%s\n' "$in_example") || true
        status=1
    fi
done < <(sed -n 's/^<!-- \(examples\/.*\) -->$/\1/p' README.md)
if ((found == 0)); then
    printf 'The README quotes nothing.\n'
    status=1
fi
exit "$status"
