"""The traffic light: what turns it, what it says, and what it leaves alone."""

import pytest

from evaluation.records import ObjectScore
from evaluation.verdict import LIMITS, verdict

GOOD = {
    "watertight": 1.0,
    "components": 1.0,
    "self_intersections": 0.0,
    "area_m2": 2.0,
    "depth_agreement": 0.95,
    "free_space_violation": 0.01,
    "silhouette_iou": 0.99,
    "surface_seen": 0.5,
    "confidence_mean": 0.85,
}


def judged(problems: list[str] | None = None, marks: list[str] | None = None, **scores: float | None):
    kept = {key: value for key, value in (GOOD | scores).items() if value is not None}
    return verdict(ObjectScore(5, "chair", "m.ply", None, kept, problems or [], marks or []))


def test_a_sound_mesh_that_agrees_with_the_views_is_green_without_reasons():
    assert judged() == verdict(ObjectScore(5, "chair", "m.ply", None, GOOD))
    assert judged().light == "green"
    assert judged().reasons == ()


@pytest.mark.parametrize(
    ("scores", "light", "words"),
    [
        ({"depth_agreement": 0.69}, "amber", "only 69 % of the pixels that show it agree with the mesh within 2 cm"),
        ({"depth_agreement": 0.41}, "red", "fewer than half of the pixels that show it agree with the mesh"),
        ({"free_space_violation": 0.12}, "amber", "12 % of it stands where cameras saw that nothing is"),
        (
            {"free_space_violation": 0.4},
            "red",
            "more than a quarter of it stands where cameras saw that nothing is: 40",
        ),
        ({"silhouette_iou": 0.85}, "amber", "it matches only 85 % of its outlines in the views"),
        ({"silhouette_iou": 0.6}, "red", "it matches less than three quarters of its outlines in the views: 60 %"),
        ({"confidence_mean": 0.3}, "amber", "by its maker's own estimate only 30 % of its surface is right"),
        ({"watertight": 0.0}, "amber", "it is not closed: not each of its edges joins two triangles"),
        ({"components": 3.0}, "amber", "it is in 3 parts that do not touch"),
        ({"self_intersections": 12.0}, "amber", "it passes through itself: 12 pairs of triangles intersect"),
        (
            {"self_intersections": 10_000.0, "self_intersections_uncounted": 1.0},
            "amber",
            "it passes through itself: at least 10,000 pairs of triangles intersect",
        ),
        ({"free_space_violation": None}, "amber", "no three views look at it"),
        ({"surface_seen": 0.2}, "amber", "only 20 % of its surface was seen by a camera"),
        ({"depth_agreement": None, "silhouette_iou": None}, "amber", "no view shows its own pixels with depth"),
    ],
)
def test_each_measure_turns_the_light_and_says_its_number(scores, light, words):
    found = judged(**scores)
    assert found.light == light
    assert len(found.reasons) == 1
    assert words in found.reasons[0]


def test_just_within_every_limit_is_green():
    assert judged(**{limit.key: limit.amber for limit in LIMITS}, surface_seen=0.4).light == "green"
    assert judged(**{limit.key: limit.red for limit in LIMITS if limit.key != "confidence_mean"}).light == "amber"


def test_the_gravest_reason_comes_first_and_marks_are_told_once():
    found = judged(marks=["little of it was seen"], watertight=0.0, free_space_violation=0.5, surface_seen=0.1)
    assert found.light == "red"
    assert [reason[:4] for reason in found.reasons] == ["more", "it i", "litt"]


@pytest.mark.parametrize(
    ("scores", "shown"),
    [
        ({"confidence_mean": 0.7499}, "only 74 %"),  # 75 % would do
        ({"free_space_violation": 0.1001}, "11 % of it"),
        ({"depth_agreement": 0.4996}, ": 49 %"),
        ({"surface_seen": 0.3999}, "only 39 %"),
        ({"depth_agreement": 0.69}, "only 69 %"),
    ],
)
def test_no_number_is_rounded_onto_the_limit_that_it_missed(scores, shown):
    assert shown in judged(**scores).reasons[0]


def test_the_words_name_no_cause():
    for limit in LIMITS:
        for words in (limit.says_amber, limit.says_red):
            assert not any(cause in words for cause in ("too large", "too small", "missing", "not where", "moved"))


def test_a_true_mesh_changes_nothing_be_it_there_or_missing():
    assert judged(**{"f_0.02": 0.1, "precision_0.02": 0.1, "chamfer_m": 0.5}) == judged()
    assert judged(problems=["there is no true mesh scene/obj_4.ply"]) == judged()


def test_what_failed_is_red_with_its_reason_and_what_was_not_scored_is_never_green():
    refused = ObjectScore(5, "chair", "m.ply", "t.ply", {"f_0.02": 0.0}, ["m.ply: the mesh has no area"])
    assert verdict(refused).light == "red"
    assert verdict(refused).reasons == ("m.ply: the mesh has no area",)
    assert verdict(ObjectScore(5, "", None, None)).light == "red"
    marked = verdict(ObjectScore(5, "", "m.ply", None, marks=["seen small"]))
    assert (marked.light, marked.reasons[0]) == ("amber", "seen small")
    alone = {key: GOOD[key] for key in ("watertight", "components", "self_intersections", "area_m2")}
    without_views = verdict(ObjectScore(5, "", "m.ply", None, alone))
    assert without_views.light == "amber"
    assert "without views" in without_views.reasons[0]
