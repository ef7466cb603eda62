# Sourced: a PostgreSQL for tests. Sets $postgres to a URL without the database's name.

# find_postgres: the one at 127.0.0.1:5432 if it lets us in, else a private one in a directory of
# its own that goes when the script ends. False, with the reason in $why, where neither can be.
find_postgres() {
    postgres=postgres://postgres@127.0.0.1:5432
    if _makes_databases; then return 0; fi
    local bin
    bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
    if [ -z "$bin" ]; then
        install postgresql postgresql-client || return 1
        bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
    fi
    cluster=$(mktemp -d /tmp/portal-postgres.XXXXXX)
    local port
    port=$($python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    # PostgreSQL refuses to run as root.
    as_owner=()
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$cluster"
        as_owner=(runuser -u postgres --)
    fi
    trap stop_postgres EXIT
    if ! (cd "$cluster" && "${as_owner[@]}" "$bin/initdb" -D "$cluster/data" -U postgres -A trust \
        -E UTF8 --locale=C.UTF-8 --no-sync &&
        "${as_owner[@]}" "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w start -o "-p $port \
            -c listen_addresses=127.0.0.1 -k $cluster -c fsync=off") >var/postgres.log 2>&1; then
        why="a private PostgreSQL did not start, see var/postgres.log"
        return 1
    fi
    pg_ctl=$bin/pg_ctl
    postgres=postgres://postgres@127.0.0.1:$port
}

stop_postgres() {
    if [ -n "${pg_ctl:-}" ]; then
        (cd /tmp && "${as_owner[@]}" "$pg_ctl" -D "$cluster/data" -m immediate stop >/dev/null) || true
    fi
    rm -rf "${cluster:?}"
}

_makes_databases() {
    $python - "$postgres/postgres" 2>/dev/null <<'PYTHON'
import sys, psycopg
with psycopg.connect(sys.argv[1], connect_timeout=3) as connection:
    (allowed,) = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
sys.exit(not allowed)
PYTHON
}
