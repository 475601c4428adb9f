"""A disk of a few megabytes that a test can fill: a tmpfs that only this test's processes see."""

import os
import subprocess
from pathlib import Path

from .waiting import eventually


class CannotMount(Exception):
    """This machine, or this user, may not mount anything."""


class SmallDisk:
    """A tmpfs in a mount namespace of its own, which a sleeping process keeps alive; it is gone when that ends."""

    def __init__(self, folder: Path, *, megabytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        script = (
            f'mount --make-rprivate / && mount -t tmpfs -o size={megabytes}m none "$0" && touch "$0/.ready"'
            " && exec sleep 3600")
        try:
            self._keeper = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", script, str(folder)], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        except OSError as error:
            raise CannotMount(str(error)) from error
        try:
            eventually(lambda: self._keeper.poll() is not None or (self.seen / ".ready").exists(), within=60)
        except BaseException:
            self.close()  # nobody else knows of it yet
            raise
        if self._keeper.poll() is not None:
            assert self._keeper.stderr is not None
            raise CannotMount(self._keeper.stderr.read().strip())

    @property
    def enter(self) -> list[str]:
        """What to put before a command so that it sees the disk."""
        return ["nsenter", f"--target={self._keeper.pid}", "--mount", "--"]

    @property
    def seen(self) -> Path:
        """The disk's folder as this process reaches it."""
        return Path(f"/proc/{self._keeper.pid}/root{self.folder}")

    @property
    def filler(self) -> Path:
        return self.seen / "filler"

    def fill(self, *, keep: int = 0) -> None:
        """Takes all the room there is but `keep` bytes."""
        free = os.statvfs(self.seen).f_bavail * os.statvfs(self.seen).f_frsize
        with self.filler.open("ab") as file:
            os.posix_fallocate(file.fileno(), file.tell(), max(1, free - keep))

    def free(self) -> None:
        """Gives it back."""
        self.filler.unlink(missing_ok=True)

    def close(self) -> None:
        self._keeper.kill()
        self._keeper.wait()
