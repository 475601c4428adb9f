"""Checks that Dockerfiles parse and keep the image's promises: check_dockerfiles.py FILE..."""

import io
import re
import sys
from pathlib import Path

from dockerfile_parse import DockerfileParser

_KNOWN = set(
    "FROM RUN CMD LABEL EXPOSE ENV ADD COPY ENTRYPOINT VOLUME USER WORKDIR ARG ONBUILD STOPSIGNAL HEALTHCHECK SHELL"
    .split())


def problems(path: Path) -> list[str]:
    """What is wrong with one file, in sentences; nothing when all is well."""
    parser = DockerfileParser(fileobj=io.BytesIO(path.read_bytes()))
    steps = [step for step in parser.structure if step["instruction"] != "COMMENT"]
    found = [
        f"line {step['startline'] + 1}: unknown instruction {step['instruction']}"
        for step in steps if step["instruction"] not in _KNOWN]
    if not steps or steps[0]["instruction"] not in ("FROM", "ARG"):
        found.append("does not begin with FROM")
    if parser.baseimage != "debian:bookworm-slim":
        found.append(f"runs on {parser.baseimage}, not on debian:bookworm-slim")
    last_stage = steps[max(index for index, step in enumerate(steps) if step["instruction"] == "FROM"):]
    users = [step["value"] for step in last_stage if step["instruction"] == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*", users[-1]):
        found.append("does not end as a user by number other than root")
    stages = {name for step in steps for name in re.findall(r"(?i)\sas\s+(\S+)$", step["value"])}
    for step in steps:
        for name in re.findall(r"--from=(\S+)", step["value"]):
            if step["instruction"] == "COPY" and name not in stages:
                found.append(f"line {step['startline'] + 1}: copies from a stage '{name}' that is not there")
        if step["instruction"] == "COPY" and "--from" not in step["value"] and "prebuilt" not in path.name:
            for source in step["value"].split()[:-1]:
                if not (path.resolve().parents[1] / source).exists():
                    found.append(f"line {step['startline'] + 1}: copies {source}, which is not there")
    return found


def main() -> int:
    failed = False
    for name in sys.argv[1:]:
        for problem in problems(Path(name)):
            print(f"{name}: {problem}", file=sys.stderr)
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
