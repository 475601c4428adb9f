"""A wrong configuration is one line that says what and where; a record that is no event is skipped."""

import json
import socket
from pathlib import Path

import pytest
from confluent_kafka import Producer

from signalbox_harness import http, log
from signalbox_harness.line import CONSUMERS, Line
from signalbox_harness.paths import CONFIG, ROOT, binary
from signalbox_harness.ports import free_port
from signalbox_harness.process import run
from signalbox_harness.waiting import eventually

FILES = {
    "broker": "broker.toml", "station": "station-nation.toml", "arrivals": "arrivals.toml", "delays": "delays.toml",
    "notifications": "notifications.toml", "dashboard": "dashboard.toml",
}


def refused(name: str, file: Path, *arguments: str) -> str:
    """Runs the executable, which must end with exit code 1 and one line; returns the line."""
    done = run([binary(name), *arguments, "--config", file], within=30, cwd=ROOT)
    assert done.returncode == 1, f"{name} ended with {done.returncode}: {done.stderr}"
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, f"not one line:\n{done.stderr}"
    return done.stderr.strip()


def changed(name: str, folder: Path, text: str, *, at_top: bool = False) -> tuple[Path, int]:
    """The executable's own file with more text in it; returns the file and the line number of the text's last line."""
    original = (CONFIG / FILES[name]).read_text().rstrip("\n")
    whole = f"{text}\n{original}" if at_top else f"{original}\n{text}"
    # What files name relative to config/ must still be found.
    whole = whole.replace('"network.toml"', f'"{CONFIG / "network.toml"}"')
    path = folder / FILES[name]
    path.write_text(whole + "\n")
    return path, text.count("\n") + 1 if at_top else whole.count("\n") + 1


@pytest.mark.parametrize("name", FILES)
def test_an_unknown_key_is_named_with_file_and_line(tmp_path: Path, name: str):
    file, number = changed(name, tmp_path, '[colours]\nheadlight = "white"')
    line = refused(name, file)
    assert f"{file}:{number}" in line and "colours.headlight" in line


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_type_is_named_with_file_and_line(tmp_path: Path, name: str):
    file, _ = changed(name, tmp_path, "")
    lines = file.read_text().splitlines()
    index = next(number for number in range(lines.index("[admin]"), len(lines)) if lines[number].startswith("port ="))
    lines[index] = 'port = "ninety"'
    file.write_text("\n".join(lines) + "\n")
    line = refused(name, file)
    assert f"{file}:{index + 1}" in line and "admin.port" in line


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_toml_is_named_with_its_line(tmp_path: Path, name: str):
    file = tmp_path / "broken.toml"
    file.write_text("[admin]\nport = = 1\n")
    assert f"{file}:2" in refused(name, file)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str):
    assert str(tmp_path / "nothing.toml") in refused(name, tmp_path / "nothing.toml")


def test_an_unknown_kafka_setting_of_the_broker_is_named(tmp_path: Path):
    file = tmp_path / "broker.toml"
    file.write_text('[kafka]\n"num.partitoins" = 6\n')
    line = refused("broker", file)
    assert "num.partitoins" in line and str(file) in line


@pytest.mark.parametrize("arguments,words", [
    (["--set", "admin.prot=1"], "admin.prot"), (["--colour"], "--colour"),
    (["--set", "admin.port=minus"], "admin.port"),
])
def test_a_wrong_argument_is_named(arguments: list[str], words: str):
    assert words in refused("delays", CONFIG / "delays.toml", *arguments)


@pytest.mark.parametrize("name", FILES)
def test_a_port_in_use_is_named(tmp_path: Path, name: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        arguments = ["--set", f"admin.port={port}"]
        if name == "broker":
            arguments = [
                "--set", f"kafka.listeners=PLAINTEXT://127.0.0.1:{port}", "--set", f"kafka.log.dirs={tmp_path}",
                "--set", f"admin.port={free_port()}"]
        done = run([binary(name), "--config", CONFIG / FILES[name], *arguments], within=30, cwd=ROOT)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert str(port) in last and "in use" in last


@pytest.mark.parametrize("name", ["station-nation", *CONSUMERS])
def test_an_unreachable_broker_is_told_and_tried_again(tmp_path: Path, made_recording: Path, name: str):
    with Line(tmp_path, recording=made_recording) as line:
        process = line.launch(name)
        eventually(lambda: line.broker.bootstrap in process.output(), within=60,
                   because=f"{name} says which address it cannot reach")
        process.require_running()
        assert not line.is_ready(name)
        lines = len(process.output().splitlines())
        assert lines < 50, f"{name} fills its log: {lines} lines"
        line.broker.start()
        line.wait_until_ready(name)
        assert process.stop() == 0


def test_a_record_that_is_no_event_is_counted_and_skipped(
    tmp_path: Path, made_recording: Path, expected_summary
):
    rubbish = [
        b"", b"{", b"[]", b'{"trip": 5}', "Châtelet".encode("latin-1"), b"\x00" * 100, b"null", None,
        json.dumps({"trip": "2022-10-11/M1/1", "station": "NOWHERE", "state": "FLOWN", "at": "yesterday"}).encode(),
    ]
    with Line(tmp_path, recording=made_recording) as line:
        line.broker.start()
        line.start("arrivals", "delays", "dashboard", "notifications")
        producer = Producer({"bootstrap.servers": line.broker.bootstrap})
        for value in rubbish * 20:
            producer.produce("station-events", key=b"rubbish", value=value)
        assert producer.flush(20) == 0
        line.start("station-vincennes", "station-nation", "station-gare-de-lyon", "station-bastille",
                   "station-chatelet")
        expected = expected_summary(made_recording)
        eventually(lambda: line.summary() == expected, within=120, because=f"the delays go on: {expected}")
        for name in ("arrivals", "delays"):
            eventually(lambda: log.lag(line.broker.bootstrap, name, "station-events") == 0, within=60,
                       because=f"{name} goes on")
            line.processes[name].require_running()
            counted = [
                metric.value for metric in http.metrics(line.admin_port[name])
                if "rejected" in metric.name or "skipped" in metric.name or "unreadable" in metric.name]
            assert sum(counted) >= len(rubbish) * 20, f"{name} counted {counted}"
            told = [text for text in line.processes[name].output().splitlines() if "rubbish" in text]
            assert len(told) < 20, f"{name} logs every bad record"
