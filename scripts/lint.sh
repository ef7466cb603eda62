#!/bin/bash
# make lint: every check runs, then it fails if one did.
set -uo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
failed=()
run() {
    local name=$1
    shift
    if "$@"; then echo "ok      $name"; else
        echo "FAILED  $name"
        failed+=("$name")
    fi
}
production=(env -u DEMO -u DEBUG "SECRET_KEY=$(head -c 48 /dev/urandom | base64 | tr -d '\n')"
    ALLOWED_HOSTS=portal.example)

run "ruff check" $python -m ruff check --quiet .
run "ruff format" $python -m ruff format --check --quiet .
run "mypy" env DEMO=on $python -m mypy --no-error-summary .
run "djlint" $python -m djlint --lint --quiet templates
run "djade" .venv/bin/djade --check --target-version 5.2 $(git ls-files 'templates/*.html')
run "import-linter" bash -c "out=\$($python -c 'from importlinter.cli import lint_imports_command as l; l()') || { echo \"\$out\"; exit 1; }"
run "migrations" env DEMO=on $python manage.py makemigrations --check --dry-run --verbosity 0
run "check --deploy" "${production[@]}" $python manage.py check --deploy --fail-level WARNING
[ ${#failed[@]} = 0 ] || { printf 'make lint: failed: %s\n' "$(IFS=,; echo "${failed[*]}")"; exit 1; }
