#!/bin/bash
# prepare.sh requirements.txt|requirements-dev.txt: .venv with exactly the pinned packages.
# Does nothing, in no time, while the requirements are those of the last run.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
wanted=$1
mkdir -p var

# requirements-dev.txt contains requirements.txt.
stamp() { cat requirements.txt $([ "$1" = requirements.txt ] || echo "$1") | sha256sum; }
for done in "$wanted" requirements-dev.txt; do
    if [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null &&
        [ "$(cat ".venv/$done.stamp" 2>/dev/null)" = "$(stamp "$done")" ]; then
        exit 0
    fi
done

python=$(type -P python3.11 || type -P python3 || true)
if [ -z "$python" ]; then
    install python3 python3-venv || { echo "Python 3.11 is needed, and $why" >&2; exit 1; }
    python=$(type -P python3)
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python 3.11 or later is needed; $python is $("$python" -V)." >&2
    exit 1
fi
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        install python3-venv || { echo "python3-venv is needed, and $why" >&2; exit 1; }
    fi
    echo "Making .venv …"
    rm -rf .venv
    "$python" -m venv .venv
fi
echo "Installing the packages of $wanted …"
.venv/bin/python -m pip install -qq --disable-pip-version-check --requirement "$wanted"
rm -f .venv/*.stamp
stamp "$wanted" >".venv/$wanted.stamp"
