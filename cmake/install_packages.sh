# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# Sourced by tests/run.sh and examples/run.sh: finds out what is missing on this machine and installs it with apt.
#
#   need_command cmake cmake               a command, and the package that has it
#   need_header nlohmann/json.hpp PACKAGE  a header, and the package that has it
#   need_boost                             Boost, at least boost_needed
#   want_command clang-tidy-14 PACKAGE     the same as need_command, but does without if there is no such package
#   install_missing                        does it; returns at once if nothing is missing
#   configure debug                        configures a preset of CMake, unless that was done

boost_needed=1.81

missing_packages=()
wanted_packages=()
boost_missing=no

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

need_command() {
    command -v "$1" >/dev/null || missing_packages+=("$2")
}

want_command() {
    command -v "$1" >/dev/null || wanted_packages+=("$2")
}

# The directories in which headers are looked for, one a line.
include_directories() {
    local prefix
    while IFS= read -r -d : prefix; do
        if [[ -n $prefix ]]; then printf '%s\n' "$prefix/include"; fi
    done <<<"${CMAKE_PREFIX_PATH:-}:"
    printf '%s\n' /usr/local/include /usr/include
}

need_header() {
    local directory
    while IFS= read -r directory; do
        if [[ -e $directory/$1 ]]; then return; fi
    done < <(include_directories)
    missing_packages+=("$2")
}

# The version of Boost in an include directory, like 1.81; nothing if there is none.
boost_version_in() {
    if [[ -e $1/boost/version.hpp ]]; then
        sed -n 's/^#define BOOST_LIB_VERSION "\([0-9]*\)_\([0-9]*\).*/\1.\2/p' "$1/boost/version.hpp"
    fi
}

# True if version $1 is at least $2.
at_least() {
    [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]
}

need_boost() {
    local directory version
    if [[ -n ${BOOST_ROOT:-} ]]; then
        version=$(boost_version_in "$BOOST_ROOT/include")
        version=${version:-$(boost_version_in "$BOOST_ROOT")}
        if [[ -n $version ]] && at_least "$version" "$boost_needed"; then return; fi
        die "Boost $boost_needed or newer is needed, found: ${version:-none} in BOOST_ROOT=$BOOST_ROOT."
    fi
    while IFS= read -r directory; do
        version=$(boost_version_in "$directory")
        if [[ -n $version ]] && at_least "$version" "$boost_needed"; then return; fi
    done < <(include_directories)
    boost_missing=yes
}

# The package with the newest Boost that is new enough; nothing if there is none.
newest_boost_package() {
    local package version best='' best_version=$boost_needed
    while IFS= read -r package; do
        version=${package#libboost}
        version=${version%-dev}
        if [[ -z $version ]]; then
            version=$(LC_ALL=C apt-cache policy "$package" | sed -n 's/^ *Candidate: \([0-9]*\.[0-9]*\).*/\1/p')
        fi
        if [[ -n $version ]] && at_least "$version" "$best_version"; then
            best=$package
            best_version=$version
        fi
    done < <(apt-cache search --names-only '^libboost[0-9.]*-dev$' | cut -d ' ' -f 1 | sort -V)
    printf '%s\n' "$best"
}

as_root() {
    if [[ $(id -u) == 0 ]]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# Runs apt-get as root. Shows which packages it works on, and everything if it fails.
run_apt_get() {
    local log
    log=$(mktemp)
    if as_root apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" 2>&1 </dev/null | tee "$log" |
        awk '/^Get:.* Packages? |^Setting up / { print "  " $0; fflush() }'; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
}

# What the given packages would remove from the machine, one a line. Fails if they cannot be installed.
removed_by_installing() {
    local plan
    if ! plan=$(LC_ALL=C apt-get install -s --no-install-recommends "$@" 2>&1); then
        printf '%s\n' "$plan" >&2
        return 1
    fi
    sed -n 's/^Remv \([^ ]*\).*/\1/p' <<<"$plan"
}

install_missing() {
    local packages=("${missing_packages[@]}") package removed
    if [[ $boost_missing == yes ]]; then packages+=("libboost-dev (version $boost_needed or newer)"); fi
    if ((${#packages[@]} + ${#wanted_packages[@]} == 0)); then return; fi

    if ! command -v apt-get >/dev/null || { [[ $(id -u) != 0 ]] && ! command -v sudo >/dev/null; }; then
        if ((${#packages[@]} == 0)); then return; fi
        printf 'Missing on this machine, and to be installed by you (names as in Debian):\n' >&2
        printf '  %s\n' "${packages[@]}" >&2
        exit 1
    fi

    packages=("${missing_packages[@]}")
    printf 'Installing what is missing:%s\n' "$(printf ' %s' "${packages[@]}" "${wanted_packages[@]}")"
    run_apt_get update || printf 'The package lists could not be brought up to date; going on with the old ones.\n' >&2
    for package in "${wanted_packages[@]}"; do
        if [[ -n $(apt-cache search --names-only "^$package\$") ]]; then packages+=("$package"); fi
    done
    if [[ $boost_missing == yes ]]; then
        package=$(newest_boost_package)
        if [[ -z $package ]]; then
            die "Boost $boost_needed or newer is needed, and this system has no package of it." \
                "Install it yourself and set BOOST_ROOT to where it is."
        fi
        printf 'Boost: %s\n' "$package"
        packages+=("$package")
    fi

    if ((${#packages[@]} > 0)); then
        removed=$(removed_by_installing "${packages[@]}") || die "These packages cannot be installed: ${packages[*]}"
        if [[ -n $removed ]]; then
            die "Installing ${packages[*]} would remove ${removed//$'\n'/ }, so nothing was done." \
                $'\n'"If you can do without that, run:  apt-get install ${packages[*]}" \
                $'\n'"Else set BOOST_ROOT=/path to a directory that has Boost $boost_needed or newer."
        fi
        run_apt_get install --no-install-recommends "${packages[@]}"
    fi
    missing_packages=()
    wanted_packages=()
    boost_missing=no
}

# Run in the directory that has CMakePresets.json. Building does it again by itself when a CMakeLists.txt has changed,
# but not when the presets or BOOST_ROOT have.
configure() {
    local directory=build/$1 boost_root=${BOOST_ROOT:-}
    if [[ ! $directory/build.ninja -nt CMakePresets.json ]] ||
        ! grep -qxF "HEARTBEAT_BOOST_ROOT:INTERNAL=$boost_root" "$directory/CMakeCache.txt"; then
        cmake --preset "$1" -D BOOST_ROOT="$boost_root"
    fi
}
