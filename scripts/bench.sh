#!/bin/bash
# make bench: what the portal promises about speed, on SQLite and on PostgreSQL, as a table and in
# var/bench.json. SMALL=1 measures a tenth of the city in a few minutes.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
. scripts/postgres.sh
export PYTHONUTF8=1 SMALL=${SMALL:-}
unset DATABASE_URL SQLITE_FILE DEMO DEBUG
python=.venv/bin/python
scripts/prepare.sh requirements-dev.txt || exit 1
rm -f var/bench.json
failed=0
run() {
    $python -m pytest tests/benchmarks -m bench -p no:randomly --create-db -q -s --durations 12 "$@" || failed=1
}
began=$SECONDS
echo "== SQLite"
SQLITE_TEST_FILE=var/bench.sqlite3 run
echo "== PostgreSQL"
if find_postgres; then
    DATABASE_URL=$postgres/portal_bench run
else
    echo "No PostgreSQL: $why" && failed=1
fi
echo "Measured in $(((SECONDS - began) / 60)) min $(((SECONDS - began) % 60)) s: var/bench.json"
exit $failed
