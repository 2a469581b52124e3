#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Plays the fleets of README.md, prints their tables and draws fleet.svg. Needs g++ and gnuplot (gnuplot-nox).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${CXX:-g++}" -std=c++20 -O2 -I../../include fleet.cpp -o "$work/fleet"
"$work/fleet" --data "$work/data"
printf '\nOther defaults of ours:\n\n'
"$work/fleet" --considered
gnuplot -e "data='$work/data'; output='fleet.svg'" fleet.gp
