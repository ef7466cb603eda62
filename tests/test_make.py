"""The commands of the Makefile as the README names them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))


def run(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_sound_shell(script):
    done = run("bash", "-n", str(script))

    assert done.returncode == 0, done.stderr


def test_help_names_every_target():
    done = run("make", "help")

    targets = set(re.findall(r"^make (\w+)", done.stdout, re.M))
    assert {"run", "test", "lint", "format", "bench", "screenshots", "help"} == targets


def test_ci_calls_make_test_and_takes_no_skip():
    text = (ROOT / ".ci/run").read_text()

    assert "make test" in text
    assert "NO_SKIPS=on" in text


def test_nothing_is_installed_again_while_the_requirements_are_the_same(tmp_path):
    """A second start takes seconds: the stamp alone answers."""
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$*" >>calls\n')
    python.chmod(0o755)

    for _ in range(2):
        done = run("scripts/prepare.sh", "requirements.txt", cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    calls = (tmp_path / "calls").read_text()
    assert calls.count("pip install") == 1
    assert "--requirement requirements.txt" in calls


def test_no_committed_file_names_a_package_registry_or_a_secret_place():
    names = run("git", "ls-files").stdout.split("\n")
    texts = [n for n in names if n.endswith((".sh", ".txt", ".toml", ".py", ".md", "Makefile"))]

    naming = [
        name
        for name in texts
        if name != "tests/test_make.py"
        and (ROOT / name).is_file()
        and re.search(r"index-url|--find-links|/root/|trusted-host", (ROOT / name).read_text())
    ]

    assert naming == []
