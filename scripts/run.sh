#!/bin/bash
# make run: from a fresh checkout to a running demonstration; a later start keeps all data.
set -euo pipefail
cd "$(dirname "$0")/.."
export DEMO=${DEMO:-on} PORT=${PORT:-8000} BIND=${BIND:-127.0.0.1} PYTHONUTF8=1 PYTHONUNBUFFERED=1
python=.venv/bin/python

scripts/prepare.sh requirements.txt
. scripts/packages.sh
typesetting || echo "积分通报暂不能生成 PDF：$why" >&2
$python scripts/announce.py --check
if ! $python manage.py migrate --verbosity 0; then
    [ -z "${DATABASE_URL:-}" ] || echo "数据库没有准备好：请检查 DATABASE_URL，并先建好空的数据库。" >&2
    exit 1
fi
[ "$DEMO" != on ] || $python manage.py seed fushun
$python manage.py collectstatic --noinput --verbosity 0
$python scripts/announce.py &
exec $python -m honcho start --no-prefix
