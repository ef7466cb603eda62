#!/bin/bash
# make test: the whole suite on SQLite, what both engines must hold on PostgreSQL, real browsers.
# Every part ends in one line of the summary: passed, FAILED, or SKIPPED with the reason.
# NO_SKIPS=on (CI) makes a skipped part a failure.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
. scripts/postgres.sh
python=.venv/bin/python
export PYTHONUTF8=1
unset DATABASE_URL SQLITE_FILE DEMO DEBUG
scripts/prepare.sh requirements-dev.txt || exit 1
summary=() failed=0

# part NAME ARGUMENTS…: one run of pytest, its last line kept for the summary.
part() {
    local name=$1 log=var/test-$1.log began=$SECONDS
    shift
    echo "== $name"
    if $python -m pytest -rs "$@" 2>&1 | tee "$log"; then
        summary+=("passed   $name: $(tail -1 "$log")")
    else
        summary+=("FAILED   $name: $(tail -1 "$log")  (whole output: $log)")
        failed=1
    fi
    echo "== $name took $((SECONDS - began)) s"
}
skip() {
    summary+=("SKIPPED  $1: $why")
    [ "${NO_SKIPS:-}" != on ] || failed=1
}

# What tests need besides Python: a command to look for, and the packages that bring it.
need() {
    local about=$1 command=$2
    shift 2
    present "$command" || install "$@" || { skip "$about"; return 1; }
}
need "tests that print or open documents" soffice libreoffice-calc-nogui
need "tests that read printed pages" pdftotext poppler-utils
need "tests that check e-books" epubcheck epubcheck
typesetting || skip "tests of PDFs"

part sqlite -n 2 --dist loadgroup -m "not browser and not postgres and not bench and not screenshots"

if find_postgres && { present pg_dump || install postgresql-client; }; then
    compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || install postgresql ||
        skip "tests with a standby"
    name=portal_$(pwd | cksum | cut -d' ' -f1)
    DATABASE_URL=$postgres/$name part postgresql -n 2 --dist loadgroup --create-db \
        -m "(both or postgres) and not browser and not bench and not screenshots"
else
    skip postgresql
fi

# Playwright's own node wants libatomic, which a bare Debian lacks.
if compgen -G "/usr/lib/*/libatomic.so.1" >/dev/null || install libatomic1 || { skip browser; false; } &&
    need browser chromium chromium; then
    part browser -n 2 --dist loadgroup -m "browser and not screenshots"
fi

echo
printf '%s\n' "${summary[@]}"
echo "Altogether $((SECONDS / 60)) min $((SECONDS % 60)) s."
exit $failed
