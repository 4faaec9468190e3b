"""The bench's page: means over what was measured, and nothing dropped unsaid."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from scripts.bench_page import Page
from scripts.bench_rows import Row, Whole, csv_text

PROVENANCE = {"packages": {"torch": "2"}, "machine": "Linux, 2 cores", "python": "3.11"}
STAGES = [{"stage": "open", "seconds": 1.0}, {"stage": "score", "seconds": 2.0, "earlier_run": True}]
WHOLE = Whole("scene1", 40, STAGES, 3, PROVENANCE)
PAGE = Page("Bench", "About.", "bench.sh", {"fusion": "fuses", "+half": "half of it", "ours": "all of it"}, True)


def row(instance_id: int, method: str, scores: dict[str, float], problems: tuple[str, ...] = ()) -> Row:
    return Row("scene1", instance_id, "chair", method, True, scores, list(problems))


ROWS = [
    row(3, "fusion", {"chamfer_m": 0.03, "watertight": 0.0}),
    row(3, "+half", {"chamfer_m": 0.04, "watertight": 1.0, "f_0.02": 0.1}),
    row(3, "ours", {"chamfer_m": 0.01, "watertight": 1.0, "f_0.02": 0.9, "seconds": 4.0, "recall_hidden_0.01": 0.5}),
    row(5, "ours", {"chamfer_m": 0.02, "watertight": 1.0, "f_0.02": 0.9, "seconds": 9.0}),
    row(8, "ours", {"f_0.02": 0.0}, ("there is no mesh of it",)),
]


def lines(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def cells(text: str, *beginning: str) -> list[str]:
    """The table line whose first cells are ``beginning``."""
    (found,) = [line for line in lines(text) if line[: len(beginning)] == list(beginning)]
    return found


def test_means_tell_over_how_many_objects_they_are() -> None:
    text = PAGE.text(ROWS, [WHOLE])
    head, mean = cells(text, "mean by method"), cells(text, "ours", "3")
    value = dict(zip(head, mean, strict=True))
    assert (value["chamfer cm"], value["F@2cm %"], value["watertight %"]) == ("1.50 (2)", "60.0", "100 (2)")
    assert (value["time s"], value["largest time s"]) == ("6.5 (2)", "9.0 (2)")
    assert (value["hidden recall@1cm %"], value["precision@2cm %"]) == ("50.0 (1)", "–")


def test_methods_keep_their_order_in_both_tables() -> None:
    text = PAGE.text(ROWS, [WHOLE])
    assert [line[0] for line in lines(text) if line[0] in PAGE.methods] == list(PAGE.methods)
    assert [line[1] for line in lines(text) if line[0] == "3 chair"] == list(PAGE.methods)


def test_what_failed_and_how_long_it_took_is_said() -> None:
    text = PAGE.text(ROWS, [WHOLE])
    assert cells(text, "8 chair", "ours")[2] == "–"
    assert "- scene1 8, ours: there is no mesh of it" in text
    assert "40 frames, 3 objects, 3 s in all (open 1.0 s, score 2.0 s in an earlier run)" in text
    assert "- *+half*: half of it." in text
    assert "Scans without true meshes" not in text


def test_many_rooms_have_a_line_a_room_and_no_line_an_object() -> None:
    rows = [*ROWS, replace(ROWS[2], scene="scene2", scores={"chamfer_m": 0.07})]
    text = replace(PAGE, each_object=False).text(rows, [WHOLE])
    head = cells(text, "mean by room")
    assert cells(text, "scene2", "ours", "1")[head.index("chamfer cm")] == "7.00"
    assert cells(text, "scene1", "ours", "3")[head.index("chamfer cm")] == "1.50 (2)"
    assert cells(text, "ours", "4")[1:3] == ["4", "3.33 (3)"]
    assert not [line for line in lines(text) if "chair" in line[0]]


def test_scans_without_truth_have_tables_of_their_own() -> None:
    rows = [*ROWS, replace(row(1, "ours", {"depth_agreement": 0.8, "chamfer_m": 9.0}), scene="real", has_truth=False)]
    known, real = PAGE.text(rows, [WHOLE]).split("## Scans without true meshes")
    assert "depth agreement" not in known
    assert cells(real, "ours", "1")[2] == "80.0"
    assert "chamfer" not in real.split("## What")[0]


def test_the_file_for_programs_holds_every_row() -> None:
    table = list(csv.DictReader(io.StringIO(csv_text(ROWS))))
    assert [(one["instance_id"], one["method"]) for one in table] == [(str(r.instance_id), r.method) for r in ROWS]
    assert float(table[2]["chamfer_m"]) == pytest.approx(0.01)
    assert (table[4]["chamfer_m"], table[4]["problems"]) == ("", "there is no mesh of it")
