"""Measures in order, what became better and worse, curves on their axes, and what two runs share."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation.measures import MEASURES
from evaluation.page.charts import HEIGHT, WIDTH, loss_charts
from evaluation.page.glb import glb_base64
from evaluation.page.html import stage_bars, write_page
from evaluation.page.records import Curve, PageObject, PageRoom, PageRun, PageSide
from evaluation.page.scores import histogram, score_groups
from evaluation.page.sides import Payloads, differing, glb_attributes, in_common, script_data, things_of
from evaluation.records import Verdict

CUBE = glb_base64(trimesh.creation.box(), np.array([0.0, 1.0, 0.0]))


def side(*objects: PageObject, name: str = "") -> PageSide:
    return PageSide(name, PageRoom(), list(objects), PageRun())


def test_regions_stand_beside_each_other() -> None:
    scores = {"recall_0.02": 0.5, "recall_seen_0.02": 0.75, "recall_hidden_0.02": 0.25, "volume_iou": 0.9}
    (group,) = score_groups([scores])
    assert group.regions == ("whole", "seen", "hidden")
    cells = {row.heading: [cell.texts[0] for cell in row.cells] for row in group.rows}
    assert cells == {"recall@2cm": ["50.0", "75.0", "25.0"], "volume IoU": ["90.0", "", ""]}


def test_a_region_alone_still_has_its_line() -> None:
    (group,) = score_groups([{"f_hidden_rel_0.01": 0.5, "chamfer_hidden_m": 0.02}])
    assert group.regions == ("hidden",)
    assert {row.heading: row.cells[0].texts[0] for row in group.rows} == {"chamfer": "2.00", "F@1%": "50.0"}


def test_every_measure_has_a_place() -> None:
    scores = {measure.key: 0.5 for measure in MEASURES}
    written = sum(
        cell.texts[0] not in ("", "–") for group in score_groups([scores]) for row in group.rows for cell in row.cells
    )
    # Yes or no: a half is neither, and stays out.
    assert written == len(MEASURES) - sum(key in scores for key in ("watertight", "alignment_correct"))


@pytest.mark.parametrize(
    ("key", "first", "second", "text", "judged"),
    [
        ("chamfer_m", 0.05, 0.04, "−1.00", "better"),
        ("free_space_violation", 0.01, 0.02, "+1.0", "worse"),
        ("f_0.02", 0.8, 0.7, "−10.0", "worse"),
        ("depth_agreement", 0.8, 0.9, "+10.0", "better"),
        ("f_0.02", 0.8, 0.8001, "±0", "same"),
        ("sampling_floor_m", 0.001, 0.002, "+0.10", ""),
        ("watertight", 1.0, 0.0, "−100", "worse"),
        ("components", 1.0, 3.0, "+2", "worse"),
        ("free_space_violation", 0.0071, 0.0066, "±0", "same"),  # both are written 0.7
        ("f_0.02", 0.9524, 0.9526, "+0.1", "better"),  # 95.2 and 95.3
        ("chamfer_m", 0.00524, 0.00526, "+0.01", "same"),  # less than it repeats
        ("chamfer_m", 0.00524, 0.00536, "+0.02", "worse"),  # 0.52 and 0.54
    ],
)
def test_what_changed_is_judged_by_what_is_good(key: str, first: float, second: float, text: str, judged: str) -> None:
    (group,) = score_groups([{key: first}, {key: second}])
    change = group.rows[0].cells[0].change
    assert change is not None
    assert (change.text, change.judged) == (text, judged)


def test_what_only_one_run_measured_is_not_compared() -> None:
    (group,) = score_groups([{"f_0.02": 0.5}, {}])
    assert group.rows[0].cells[0].texts == ("50.0", "–")
    assert group.rows[0].cells[0].change is None


def test_a_histogram_is_whole_or_absent() -> None:
    shares = {f"confidence_in_{tenth / 10:.1f}": 0.1 for tenth in range(10)}
    assert histogram(shares) == [0.1] * 10
    assert histogram({key: share for key, share in shares.items() if key != "confidence_in_0.3"}) == []


def points_of(path: str) -> np.ndarray:
    return np.array([[float(v) for v in pair.split(",")] for pair in re.findall(r"[\d.-]+,[\d.-]+", path)])


def test_curves_far_apart_stand_on_a_logarithmic_axis() -> None:
    (chart,) = loss_charts([[Curve("a", [0, 1, 2], [1.0, 0.1, 0.01]), Curve("b", [0, 2], [1.0, float("nan")])]])
    assert chart is not None
    points = points_of(chart.lines[0].path)
    np.testing.assert_allclose(points[:, 0], [chart.left, (chart.left + chart.right) / 2, chart.right], atol=0.1)
    np.testing.assert_allclose(points[:, 1], [chart.top, (chart.top + chart.bottom) / 2, chart.bottom], atol=0.1)
    assert [tick.text for tick in chart.y_ticks] == ["0.01", "0.1", "1"]
    assert len(points_of(chart.lines[1].path)) == len(chart.lines[1].dots) == 1
    assert "a goes from 1 to 0.01" in chart.says
    assert "logarithmic" in chart.says


def test_curves_close_together_stand_on_a_linear_axis_from_zero() -> None:
    (chart,) = loss_charts([[Curve("a", [0, 100], [2.0, 1.0])]])
    assert chart is not None
    assert points_of(chart.lines[0].path)[1, 1] == pytest.approx((chart.top + chart.bottom) / 2, abs=0.1)
    assert [tick.text for tick in chart.y_ticks] == ["0", "0.5", "1", "1.5", "2"]
    assert [tick.text for tick in chart.x_ticks] == ["0", "50", "100"]


@pytest.mark.parametrize("values", [[0.0, 0.0], [-1.0, 1.0], [5.0, 5.0], [1e-9, 1e9], [0.0, 1e-30]])
def test_any_losses_stay_in_the_picture(values: list[float]) -> None:
    (chart,) = loss_charts([[Curve("a", [7, 7], values)]])
    assert chart is not None
    points = points_of(chart.lines[0].path)
    assert (points >= 0).all()
    assert (points <= [WIDTH, HEIGHT]).all()


def test_two_runs_share_their_axes() -> None:
    charts = loss_charts([[Curve("a", [0, 10], [4.0, 4.0])], [Curve("a", [0, 20], [2.0, 2.0])], []])
    assert charts[2] is None
    assert charts[0] is not None
    assert charts[1] is not None
    assert charts[0].y_ticks == charts[1].y_ticks
    assert points_of(charts[0].lines[0].path)[1, 0] < points_of(charts[1].lines[0].path)[1, 0]


def test_means_run_over_what_both_runs_have() -> None:
    first = side(PageObject(1, "", {"f_0.02": 0.5, "chamfer_m": 1.0}), PageObject(2, "", {"f_0.02": 0.9}))
    second = side(PageObject(1, "", {"f_0.02": 0.7}), PageObject(3, "", {"f_0.02": 0.1}))
    things = things_of([first, second])
    assert [thing.instance_id for thing in things] == [1, 2, 3]
    assert in_common(things) == [[{"f_0.02": 0.5}, {}, {}], [{"f_0.02": 0.7}, {}, {}]]


def test_settings_that_differ_are_named_in_full() -> None:
    rows = differing(
        [{"fit": {"steps": 1, "seed": 0}, "x": [1]}, {"fit": {"steps": 2, "seed": 0}, "x": [1], "y": None}]
    )
    assert rows == [("fit.steps", ("1", "2")), ("y", ("–", "null"))]
    assert differing([{"fit": {"steps": 1}}]) == []


def test_what_two_runs_share_stands_on_the_page_once() -> None:
    cube = trimesh.creation.box()
    cube.vertex_attributes["error_m"] = np.zeros(len(cube.vertices), np.float32)
    glb = glb_base64(cube, np.array([0.0, 1.0, 0.0]))
    payloads = Payloads()
    data = script_data([side(PageObject(1, "", truth=glb)), side(PageObject(1, "", glb=glb, truth=glb))], payloads)
    assert list(payloads.texts) == ["truth-1"]
    assert [one["objects"][0]["mesh"] for one in data["sides"]] == ["", "truth-1"]
    assert data["sides"][1]["objects"][0]["tells"] == glb_attributes(glb)
    assert "_ERROR_M" in glb_attributes(glb)


def test_an_empty_page_is_still_a_page(tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", "room", [side()])
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "There are no scores in this run." in html
    with pytest.raises(ValueError, match="one run or two"):
        write_page(tmp_path / "page.html", "room", [side()] * 3)


def test_bars_of_two_runs_have_one_scale(tmp_path: Path) -> None:
    """A run of twice the time and memory has bars twice as long."""
    runs = [PageRun(stage_bars([{"stage": "fit", "seconds": s, "peak_memory_mb": 50 * s}])) for s in (2.0, 4.0)]
    write_page(tmp_path / "page.html", "room", [PageSide(str(k), PageRoom(), [], run) for k, run in enumerate(runs)])
    widths = re.findall(r'<span style="width: ([\d.]+)%"', (tmp_path / "page.html").read_text(encoding="utf-8"))
    assert widths == ["50.0", "50.0", "100.0", "100.0"]


def test_two_names_of_one_number_are_both_told(tmp_path: Path) -> None:
    sides = [side(PageObject(1, label), name=label) for label in ("chair", "lamp")]
    (thing,) = things_of(sides)
    assert thing.name == "chair / lamp"
    for labels, told in ((("chair", "lamp"), True), (("chair", "chair"), False), (("chair", ""), False)):
        write_page(tmp_path / "page.html", "room", [side(PageObject(1, label), name=label) for label in labels])
        assert ("may be different things" in (tmp_path / "page.html").read_text(encoding="utf-8")) == told


def test_a_light_says_what_it_was_judged_from_and_notes_are_told(tmp_path: Path) -> None:
    one = PageObject(1, "chair", {}, Verdict("green"), notes=["its true surface is partial"], glb=CUBE)
    write_page(tmp_path / "page.html", "room", [side(one)])
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Judged from the views and the mesh alone, never from a true surface." in html
    assert "its true surface is partial" in html
