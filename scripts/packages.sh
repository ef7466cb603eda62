# Sourced: Debian packages where they are missing and may be installed, plain words where not.

# present COMMAND…: are all these commands there?
present() {
    local command
    for command in "$@"; do
        type -P "$command" >/dev/null || return 1
    done
}

# install PACKAGE…: install from Debian; false, with the reason in $why, where that cannot be.
install() {
    local as_root=()
    if ! present apt-get; then
        why="apt-get is not there"
        return 1
    fi
    if [ "$(id -u)" != 0 ]; then
        if present sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            as_root=(sudo)
        else
            why="only root may install packages; ask for: apt-get install $*"
            return 1
        fi
    fi
    echo "Installing from Debian: $*"
    if ! { "${as_root[@]}" apt-get update -qq &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$@"; } >>var/packages.log 2>&1; then
        why="apt-get failed, see var/packages.log; try: apt-get install $*"
        return 1
    fi
}

# typesetting: what PDFs are set with, and Chinese faces; false, with the reason in $why.
typesetting() {
    .venv/bin/python -c 'import weasyprint' 2>/dev/null ||
        install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 || return 1
    # All of the list is read: `grep -q` would end fc-list by a signal, which pipefail reports.
    fc-list 2>/dev/null | grep -i "noto.*cjk" >/dev/null || install fonts-noto-cjk fontconfig
}
