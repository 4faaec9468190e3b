"""Means of groups with their intervals against arithmetic, and the tables that show them."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest

from evaluation.measures import MEASURES
from evaluation.records import ObjectScore, SceneScores
from evaluation.score_files import write_scores
from evaluation.summary import bootstrap, compared, summaries
from evaluation.tables import csv_text, latex, means_csv_text, methods_table, table
from scene.files import read_json


def scene(name: str, *objects: tuple[str, dict[str, float]]) -> SceneScores:
    return SceneScores(name, [ObjectScore(i, label, "m", "t", scores) for i, (label, scores) in enumerate(objects, 1)])


TWO = [
    scene("a", ("chair", {"f_0.02": 0.2, "chamfer_m": 0.03, "sampling_floor_m": 0.001}), ("desk", {"f_0.02": 0.4})),
    scene("b", ("chair", {"f_0.02": 0.9, "chamfer_m": 0.01, "sampling_floor_m": 0.002}), ("", {})),
]


def test_means_run_over_scenes_classes_and_all():
    groups = {(one.kind, one.name): one for one in summaries(TWO)}
    assert list(groups) == [("all", ""), ("scene", "a"), ("scene", "b"), ("class", "chair"), ("class", "desk")]
    everything, chairs = groups["all", ""], groups["class", "chair"]
    assert (everything.objects, everything.means.counts["f_0.02"]) == (4, 3)
    assert everything.means.values["f_0.02"] == pytest.approx(0.5)
    assert chairs.means.values == pytest.approx({"f_0.02": 0.55, "chamfer_m": 0.02, "sampling_floor_m": 0.0015})
    assert set(everything.intervals) == {"f_0.02", "chamfer_m", "sampling_floor_m"}
    assert groups["class", "desk"].intervals == {}
    assert groups["scene", "b"].intervals == {}, "one object has the measure: nothing tells how it would vary"
    assert [(one.kind, one.name) for one in summaries(TWO[:1])] == [("all", ""), ("class", "chair"), ("class", "desk")]


def test_the_interval_is_the_percentile_bootstrap():
    values = np.random.default_rng(3).normal(0.7, 0.1, 100)
    low, high = bootstrap([{"f": float(v)} for v in values], seed=0)["f"]
    half = 1.96 * values.std() / np.sqrt(100)  # of so many, the mean is nearly normal
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)
    # Two objects: means are one, the other or between, with shares 1/4, 1/4, 1/2; the middle 95 % reaches both ends.
    assert bootstrap([{"f": 0.0}, {"f": 1.0}], seed=5)["f"] == (0.0, 1.0)


def test_a_measure_that_few_objects_have_runs_over_those():
    scores = [{"f": 0.5, "iou": 0.2}, {"f": 0.5, "iou": 0.6}, *[{"f": 0.5}] * 8]
    ends = bootstrap(scores, seed=0)
    assert ends["f"] == pytest.approx((0.5, 0.5))
    assert ends["iou"] == pytest.approx((0.2, 0.6))


def test_intervals_repeat_with_their_seed():
    scores = [{"f": x} for x in np.random.default_rng(0).random(20).tolist()]
    assert bootstrap(scores, 1) == bootstrap(scores, 1) != bootstrap(scores, 2)


def test_bootstrap_of_nothing_is_nothing():
    assert bootstrap([], 0) == bootstrap([{}, {}], 0) == bootstrap([{"f": 1.0}], 0) == {}


def test_tables_fit_a_terminal_and_tell_means_intervals_and_the_floor():
    full = {measure.key: 1.0 / measure.factor if measure.unit == "cm" else 1.0 for measure in MEASURES}
    wide = [
        scene(name, *(("coffee table", full | {"f_0.02": x}) for x in (0.0, 1.0))) for name in ("scene0000_00", "b")
    ]
    text = table(wide, summaries(wide))
    assert max(map(len, text.splitlines())) <= 120
    assert "\nall (4) " in text
    assert "50.0 (0.0–100.0)" in text
    assert "sampling floor: 0.10 to 0.20 cm; about the chamfer of two draws of one surface: smaller" in table(TWO)
    methods = methods_table(compared({"ours": wide, "theirs": wide}))
    assert [line.split()[0] for line in methods.splitlines()[-4:-2]] == ["ours", "theirs"]
    assert max(map(len, methods.splitlines())) <= 120
    for written in (text, methods):
        words = set(re.sub(r"\s+", " ", written).split())
        headings = {word for measure in MEASURES for word in re.split(r" |(?=@)", measure.heading)}
        assert headings <= words, "every measure has a column somewhere"


def test_methods_are_compared_over_objects_that_all_have():
    whole = [scene("a", *(("", {"f_0.02": 0.6, "chamfer_m": 0.02 + 0.01 * i, "volume_iou": 0.5}) for i in range(4)))]
    loses = [scene("a", ("", {"f_0.02": 0.6, "chamfer_m": 0.03}), *[("", {"f_0.02": 0.0})] * 3)]
    first, second = groups = compared({"whole": whole, "loses": loses})
    assert (first.means.values["chamfer_m"], second.means.values["chamfer_m"]) == (0.02, 0.03)
    assert first.means.counts == second.means.counts == {"f_0.02": 4, "chamfer_m": 1}
    assert second.means.values["f_0.02"] == pytest.approx(0.15)
    assert set(first.intervals) == set(second.intervals) == {"f_0.02"}
    text = methods_table(groups)
    assert re.search(r"\nwhole +2\.00 +60\.0\nloses +3\.00 +15\.0\nof 4 objects, over +1 +4\n", text)
    assert re.search(r"\nloses \(4\) +3\.00 +15\.0 \(0\.0–45\.0\)\n", text)
    _, ours, theirs, told, *ends = latex(groups).splitlines()
    assert ours.startswith("whole & 2.00 (1) & -- & 60.0 & --")
    assert theirs.startswith("loses & 3.00 (1) & -- & 15.0 & --")
    assert told == "% 4 objects; (n): the mean is over n of them"
    assert [one.split(" & ")[:4] for one in ends] == [
        ["% whole, 95 % interval", "--", "--", "60.0--60.0"],
        ["% loses, 95 % interval", "--", "--", "0.0--45.0"],
    ]


def test_objects_that_one_method_does_not_even_know_are_counted_and_not_compared():
    groups = compared({"a": TWO, "b": TWO[:1]})
    assert [one.objects for one in groups] == [4, 4]
    assert [one.means.counts["f_0.02"] for one in groups] == [2, 2]


def test_a_count_that_is_only_a_lower_bound_says_so():
    [measure] = [one for one in MEASURES if one.key == "self_intersections"]
    assert measure.text({"self_intersections": 7.0}) == "7"
    assert measure.text({"self_intersections": 7.0, "self_intersections_uncounted": 1.0}) == "≥7"


def test_what_is_to_be_known_of_an_object_stands_below_and_in_the_csv():
    one = replace(TWO[0].objects[0], notes=["its true surface is a part"])
    scenes = [SceneScores("a", [one])]
    assert "to know:\n  a 1: its true surface is a part" in table(scenes)
    assert ",,,its true surface is a part,amber," in csv_text(scenes).splitlines()[1]


def test_a_latex_row_a_method_with_as_many_cells_as_its_comment_names():
    ours = [scene("a", ("", {"f_0.02": 0.5, "chamfer_m": 0.0123, "alignment_correct": 1.0}))]
    comment, row, _ = latex(compared({"my_method 100%": ours})).splitlines()
    assert row.startswith(r"my\_method 100\% & 1.23 & -- & 50.0 & ")
    assert row.endswith(r" & 100 \\")
    assert comment.startswith("% method & chamfer (cm) & F@1cm (%) & F@2cm (%) & ")
    assert comment.count(" & ") == row.count(" & ")


def test_every_mean_is_in_the_files(tmp_path):
    write_scores(tmp_path, TWO, "ours")
    rows = list(csv.DictReader((tmp_path / "scores_means.csv").open()))
    assert (tmp_path / "scores_means.csv").read_text() == means_csv_text(summaries(TWO))
    [chairs] = [row for row in rows if (row["name"], row["measure"]) == ("chair", "f_0.02")]
    assert (float(chairs["mean"]), chairs["objects"]) == (pytest.approx(0.55), "2")
    assert (float(chairs["low"]), float(chairs["high"])) == (0.2, 0.9)
    [desk] = [row for row in rows if (row["name"], row["measure"]) == ("desk", "f_0.02")]
    assert (desk["low"], desk["high"]) == ("", "")
    everything = read_json(tmp_path / "scores.json")["means"][0]
    assert (everything["kind"], everything["objects"], everything["means"]["counts"]["f_0.02"]) == ("all", 4, 3)
    assert (tmp_path / "scores.tex").read_text().splitlines()[1].startswith("ours & 2.00 (2) & ")
