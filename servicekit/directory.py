"""The directory of organisers as a running service sees it: read again when the file changes, without a restart."""

import os
from pathlib import Path

import structlog

from contracts.organisers import Directory, load
from contracts.yaml_file import YamlFileError
from servicekit.settings import ConfigurationError

log = structlog.get_logger()


class DirectoryFile:
    """The newest good content of the file; a broken new version is reported and the old one stays."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._now()
        try:
            self._directory = load(path)
        except YamlFileError as error:
            raise ConfigurationError(str(error).splitlines()[0]) from None

    def _now(self) -> tuple[int, int]:
        try:
            status = os.stat(self._path)
        except OSError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_size)

    def current(self) -> Directory:
        """The directory; costs one ``stat`` while nothing changed."""
        stamp = self._now()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._directory = load(self._path)
                log.info("organisers.read_again", count=len(self._directory.organisers))
            except YamlFileError:
                log.error(
                    "organisers.broken",
                    what_to_do="run `kaa organisers check`; the old content stays in force",
                )
        return self._directory
