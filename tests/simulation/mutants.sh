#!/ usr / bin / env bash
#SPDX - License - Identifier : BSL - 1.0
set - euo pipefail

      usage() {
    cat << 'TEXT' Usage : tests / simulation /
                          mutants.sh[OPTION...][PATCH...]

                          Puts faults back into a copy of the operations,
        one at a time, and tells whether the simulated network catches them and how : by a schedule,
        by a disturbance of the fixed session,
        or by a test in tests / simulated.Without patches it takes all of tests / simulation /
                mutants.The last line of output counts them.Each takes about two minutes to build
                    .

                --seeds N the schedules for each (20000)-- help

                    CXX is
                    honoured(g++)
                    .Exit status : 0 all are caught,
        1 some are not .TEXT
}

here = $(cd "$(dirname " $ { BASH_SOURCE[0] } ")" && pwd) root = $(cd "$here/../.." && pwd) seeds =
    20000 patches = () while (($ # > 0));
do
    case $1 in
        --seeds)
            if [[ ! ${2:-
    } =~ ^[1-9][0-9]*$ ]];
    then printf '%s takes a number\n' "$1" > & 2 exit 2 fi seeds = $2 shift;
    ;
        -h | --help)
            usage
            exit 0
            ;
        ;
        -*)
            usage >&2
            exit 2
            ;
        ;
        *) patches+=("$(realpath "$1")") ;
        ;
        esac shift done if (($ { #patches[@] } == 0)); then patches=("$here"/mutants/*.patch); fi

compiler=("${CXX:-g++}")
if command -v ccache >/dev/null; then compiler=(ccache "${compiler[@]}"); fi
# Where the copy is always the same, unchanged sources are found in the cache.
folder=$root/build/mutants
rm -rf "$folder"
mkdir -p "$folder"

# Links the objects of the sources in a directory of tests to a program of that name.
build() {
    local directory=$1 source
    shift
    mkdir -p "$folder/$directory"
    find "$root/tests/$directory" -maxdepth 1 -name '*.cpp' -print0 |
        xargs -0 -P "$(nproc)" -I{} bash -c '"${@:3}" -c "$1" -o "$2/$(basename "$1" .cpp).o"' _ {} \
            "$folder/$directory" "${compiler[@]}" -std=c++20 -O1 -I"$folder/include" -I"$root/tests" &&
        "${compiler[@]}" "$folder/$directory"/*.o "$@" -o "$folder/$directory.program" -pthread
}

# Says how the fault shows; nothing if it does not.
tried() {
    local program=$folder/simulation.program
    # One that crashes or does not end is caught as well.
    timeout 60 "$program" --systematic >"$folder/output.log" 2>&1 || {
        grep -m 1 BROKEN "$folder/output.log" || echo "the fixed session ends with status $?"
        return
    }
    timeout 300 "$program" --seeds "$seeds" >"$folder/output.log" 2>&1 || {
        grep -m 1 BROKEN "$folder/output.log" || echo "the schedules end with status $?"
        return
    }
    build simulated "$folder/main.o" >"$folder/build.log" 2>&1 || return 3
    timeout 60 "$folder/simulated.program" >"$folder/output.log" 2>&1 ||
        echo "a test in tests/simulated: $(grep -m 1 FAILED "$folder/output.log" || echo 'it crashes')"
}

cp -r "$root/include" "$folder/original"
cp -r "$folder/original" "$folder/include"
"${compiler[@]}" -std=c++20 -O1 -I"$root/tests" -c "$root/tests/main.cpp" -o "$folder/main.o"
build simulation
if [[ -n $(tried) ]]; then
    cat "$folder/output.log"
    printf 'Without any fault the laws do not hold, so nothing can be said.\n'
    exit 1
fi

caught=0
missed=0
for patch in "${patches[@]}"; do
    name=$(basename "$patch" .patch)
    rm -rf "$folder/include"
    cp -r "$folder/original" "$folder/include"
    how=''
    if ! patch --quiet --no-backup-if-mismatch -p1 -d "$folder" <"$patch" >"$folder/patch.log" 2>&1; then
        printf '%-34s DOES NOT APPLY\n' "$name"
        missed=$((missed + 1))
        continue
    fi
    if ! build simulation >"$folder/build.log" 2>&1 || ! how=$(tried); then
        printf '%-34s DOES NOT COMPILE\n' "$name"
        missed=$((missed + 1))
    elif [[ -n $how ]]; then
        caught=$((caught + 1))
        printf '%-34s caught: %s\n' "$name" "$how"
    else
        missed=$((missed + 1))
        printf '%-34s NOT CAUGHT: %s\n' "$name" "$(head -n 1 "$patch")"
    fi
done
printf '\n%d caught, %d not caught\n' "$caught" "$missed"
((missed == 0))
