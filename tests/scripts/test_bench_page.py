"""The bench's page: means over what was measured, and nothing dropped unsaid."""

from __future__ import annotations

from scripts.bench_page import FUSION, OURS, Row, Whole, page

PROVENANCE = {"packages": {"torch": "2"}, "machine": "Linux, 2 cores", "python": "3.11"}


def row(instance_id: int, method: str, scores: dict[str, float], problems: tuple[str, ...] = ()) -> Row:
    return Row("scene1", instance_id, "chair", method, True, scores, list(problems))


def cells(text: str, *beginning: str) -> list[str]:
    """The table line whose first cells are ``beginning``."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    (found,) = [line for line in lines if line[: len(beginning)] == list(beginning)]
    return found


def test_means_and_what_is_missing() -> None:
    rows = [
        row(3, FUSION, {"chamfer_m": 0.03, "watertight": 0.0}),
        row(3, OURS, {"chamfer_m": 0.01, "watertight": 1.0, "f_0.02": 0.9, "seconds": 4.0}),
        row(5, OURS, {"chamfer_m": 0.02, "watertight": 1.0, "f_0.02": 0.9, "seconds": 9.0}),
        row(8, OURS, {"f_0.02": 0.0}, ("there is no mesh of it",)),
    ]
    whole = Whole(
        "scene1",
        40,
        [{"stage": "open", "seconds": 1.0}, {"stage": "score", "seconds": 2.0, "earlier_run": True}],
        3,
        PROVENANCE,
    )
    text = page(rows, [whole], {"stage 1": 0.25}, "bash scripts/bench.sh")
    head = cells(text, "object")
    names = ("chamfer cm", "time s", "watertight %", "F@2cm %")
    chamfer, time, watertight, f_2cm = (head.index(name) for name in names)
    mean = cells(text, "**mean**", OURS)
    assert (mean[chamfer], mean[time], mean[watertight], mean[f_2cm]) == ("1.50", "6.5", "100", "60.0")
    over = cells(text, "*over so many of 3*", OURS)
    assert (over[chamfer], over[time], over[watertight], over[f_2cm]) == ("2", "2", "2", "3")
    largest = cells(text, "**largest**", OURS)
    assert (largest[chamfer], largest[time]) == ("–", "9.0")
    assert cells(text, "scene1 8 chair", OURS)[chamfer] == "–"
    assert "- scene1 8, ours: there is no mesh of it" in text
    assert "40 frames, 3 objects, 3 s in all (open 1.0 s, score 2.0 s in an earlier run)" in text
    assert "0.250 s in stage 1" in text
    assert "Scans without true meshes" not in text
