"""The jars of the local Apache Kafka: resolved once by Maven into the checkout."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from localstack.errors import StackError
from localstack.places import KAFKA_LIB, KAFKA_POM

_INSTALL_JAVA = (
    "install a Java runtime of version 17 or later (Debian, Ubuntu: apt-get install openjdk-17-jre-headless)"
)
_INSTALL_MAVEN = "install Maven (Debian, Ubuntu: apt-get install maven)"


def java() -> str:
    """The Java to run Kafka with: of JAVA_HOME, else of PATH. An error if there is none or it is older than 17."""
    under_home = Path(os.environ.get("JAVA_HOME", "/nonexistent")) / "bin" / "java"
    program = str(under_home) if under_home.exists() else shutil.which("java")
    if program is None:
        raise StackError(f"no Java found for the local Apache Kafka: {_INSTALL_JAVA}")
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', said.stdout + said.stderr)
    if version is None or int(version[1]) < 17:
        found = "of unknown version" if version is None else f"version {version[1]}"
        raise StackError(f"{program} is {found}, and Apache Kafka 4 needs 17: {_INSTALL_JAVA}")
    return program


def present() -> bool:
    """Whether the jars of exactly this pom.xml are in the checkout."""
    try:
        return _stamp().read_text() == _pom_digest()
    except FileNotFoundError:
        return False


def resolve() -> None:
    """Have Maven copy the jars into the checkout (46 jars, 43 MB). All of them, or none."""
    java()
    fresh = KAFKA_LIB.with_name("lib.new")
    copy_dependencies(KAFKA_POM, fresh, "kafka_2.13-*.jar")
    shutil.rmtree(KAFKA_LIB, ignore_errors=True)
    fresh.rename(KAFKA_LIB)
    _stamp().write_text(_pom_digest())


def copy_dependencies(pom: Path, folder: Path, expected: str) -> None:
    """Have Maven copy what a pom.xml names into a folder, made anew; a file like `expected` must come.

    `StackError` when there is no Maven or it could not.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise StackError(f"no Maven found to resolve what {pom} names: {_INSTALL_MAVEN}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    copying = subprocess.run(
        [
            maven,
            "-B",
            "-q",
            "-Dstyle.color=never",
            "-f",
            str(pom),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={folder}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if copying.returncode != 0 or not list(folder.glob(expected)):
        print(copying.stdout, end="", file=sys.stderr)
        raise StackError(f"Maven could not resolve the jars of {pom}: see its lines above")


def _stamp() -> Path:
    return KAFKA_LIB / "of-pom"


def _pom_digest() -> str:
    return hashlib.sha256(KAFKA_POM.read_bytes()).hexdigest()
