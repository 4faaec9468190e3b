"""The command that measures normals from depth, and the figures that it must not fall behind."""

import pytest

from scripts import normal_errors


def test_errors_of_every_shape(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["normal_errors", "--radius", "16", "--seeds", "1"])
    assert normal_errors.main() == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.startswith("radius 16 px")
    mean_deg = {line[:16].strip(): float(line[16:].split()[0]) for line in lines}
    assert list(mean_deg) == list(normal_errors.shapes())
    # A fixed window of 4 px has 7, 4.5, 4.5, 5.5, 13 and 17.
    most_deg = (4.0, 3.0, 3.5, 5.5, 14.0, 14.0)
    assert [name for (name, mean), most in zip(mean_deg.items(), most_deg, strict=True) if mean > most] == []
