"""Task and data of different kinds are one sentence, before anything is fetched; every pair that works is let be."""

import pytest

from clozelab.config.check import find_problems
from clozelab.config.compose import compose
from clozelab.config.kinds import WHAT, kind_problem, serving
from clozelab.config.origin import conf_dir, options

WORDS, TEXTS, DOCUMENTS = "words with tags", "texts with labels", "unlabelled documents"


@pytest.mark.parametrize(
    ("task", "data", "given", "needed"),
    [
        ("pretraining", "conll2003", WORDS, DOCUMENTS),
        ("domain_adaptation", "files", WORDS, DOCUMENTS),
        ("sequence_classification", "conll2003", WORDS, TEXTS),
        ("sequence_classification", "wikitext2", DOCUMENTS, TEXTS),
        ("token_classification", "sms_spam", TEXTS, WORDS),
        ("token_classification", "wikitext2", DOCUMENTS, WORDS),
    ],
)
def test_another_kind_is_one_sentence_that_names_data_which_serve(
    task: str, data: str, given: str, needed: str
) -> None:
    given_keys = [] if data != "files" else [f"data.{s}={conf_dir()}" for s in ("train", "validation", "test")]
    (problem,) = find_problems(compose([f"task={task}", f"data={data}", *given_keys]), lambda key: f" ({key})")
    assert problem.startswith(f"data: these are {given}, and ")
    assert f" learns from {needed}; data that serve: " in problem
    assert problem.endswith(" (data.format._target_)")
    own = {WORDS: "files", TEXTS: "text_files", DOCUMENTS: "plain_files"}[needed]
    assert f"serve: {own}, " in problem, "what reads files of one's own comes first"
    named = problem.partition("serve: ")[2].partition(" (")[0].removesuffix(", ...").split(", ")
    assert len(named) >= 4
    # That each of them passes the check with such a task is seen where every option is composed.
    assert set(named) <= set(serving(next(kind for kind, what in WHAT.items() if what == needed)))


def test_every_option_of_data_serves_some_task() -> None:
    served = {name for kind in ("words", "texts", "documents") for name in serving(kind)}
    assert served == set(options("data", [conf_dir()]))
    assert not set(serving("words")) & set(serving("documents"))


def test_other_mistakes_are_reported_beside_it() -> None:
    problems = find_problems(compose(["task=pretraining", "data=conll2003", "optimizer.lr=-1"]), lambda key: "")
    assert len(problems) == 2


def test_corpora_beside_the_data_must_be_texts_too() -> None:
    words = compose(["data=conll2003"])["data"]
    config = compose(["task=domain_adaptation"])
    config["data"] |= {"general": words, "more": {"words": words}}
    problems = find_problems(config, lambda key: "")
    for name in ("general", "more.words"):
        assert f"data.{name}: these are words with tags, not documents; data that serve: " in "\n".join(problems)


@pytest.mark.parametrize("node", [None, "text", 3, {}, {"_target_": "os.system"}, {"_target_": None, "format": 1}])
def test_nodes_that_are_none_are_for_the_rest_of_the_check(node: object) -> None:
    whole = compose([])
    assert kind_problem(node, whole["task"]) == kind_problem(whole["data"], node) == ""
    assert find_problems({**whole, "data": node}, lambda key: "") != []
