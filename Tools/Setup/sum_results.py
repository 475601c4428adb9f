"""Adds up the test results of all runners: sum_results.py FOLDER FAILED_BUILDS STATUS

Reads every JUnit file in FOLDER, names the tests that failed, and prints "N passed, N failed" as the last line.
A build that failed counts as one failure; so does a file that cannot be read, as of a runner that was killed, and a
runner that ended badly without naming a failed test.
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def reason(case: ElementTree.Element) -> str:
    """What the runner says of the first thing that went wrong, in one line."""
    for found in case.iter():
        if found.tag in ("failure", "error") and found.get("message"):
            return ": " + " ".join(found.get("message").split())[:300]
    return ""


def main(folder: Path, failed_builds: int, status: int) -> int:
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for report in sorted(folder.glob("*.xml")):
        counts = dict.fromkeys(totals, 0)
        try:
            cases = ElementTree.parse(report).iter("testcase")
        except ElementTree.ParseError as error:
            print(f"failed: {report.stem}, whose results cannot be read: {error}")
            totals["failed"] += 1
            continue
        for case in cases:
            result = outcome(case)
            counts[result] += 1
            if result == "failed":
                print(f"failed: {case.get('classname')} {case.get('name')}{reason(case)}")
        print(f"{report.stem}: " + ", ".join(f"{count} {name}" for name, count in counts.items() if count))
        for name, count in counts.items():
            totals[name] += count
    for _ in range(failed_builds):
        print("failed: a build (see above)")
    totals["failed"] += failed_builds
    if status and not totals["failed"]:
        print("failed: a runner ended badly without naming a test (see above)")
        totals["failed"] = 1
    skipped = f", {totals['skipped']} skipped" if totals["skipped"] else ""
    print(f"{totals['passed']} passed, {totals['failed']} failed{skipped}")
    return 1 if totals["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
