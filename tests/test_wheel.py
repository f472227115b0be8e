"""The wheel is all that a site needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from sites import article, tree, write

ROOT = Path(__file__).parent.parent


def test_wheel_builds_a_site_anywhere(tmp_path: Path) -> None:
    """Installed from its wheel, away from the repository, digest builds a site with its own theme."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    wheels = tmp_path / "wheels"
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(wheels), str(ROOT)], check=True)
    wheel = next(wheels.glob("digest-*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert "digest/theme/base.html" in names
    assert "digest/theme/assets/style.css" in names
    assert not [name for name in names if name.startswith(("templates/", "tests/", "content/"))]
    target = tmp_path / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True)
    site = write(tmp_path / "site", {"content/a.md": article()})
    environment = {**os.environ, "PYTHONPATH": str(target)}
    script = "import digest, digest.cli; print(digest.__file__); digest.cli.run()"
    done = subprocess.run(
        [sys.executable, "-c", script, "build"], cwd=site, env=environment, check=True, capture_output=True, text=True
    )
    assert str(target) in done.stdout
    assert "2024/05/17/a/index.html" in tree(site / "output")
