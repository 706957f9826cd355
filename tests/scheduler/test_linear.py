"""Behaviour of the learning rate over the steps."""

import warnings

import pytest
import torch
from transformers import get_linear_schedule_with_warmup

from clozelab.errors import ConfigError
from clozelab.scheduler.linear import Constant, Linear


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)


def rates(schedule: torch.optim.lr_scheduler.LRScheduler, num_steps: int) -> list[float]:
    """Returns the rate of every step and of the one after the last."""
    found = [schedule.get_last_lr()[0]]
    for _ in range(num_steps):
        schedule.optimizer.step()
        schedule.step()
        found.append(schedule.get_last_lr()[0])
    return found


@pytest.mark.parametrize("num_steps", [1, 2, 3, 10, 99, 1317])
@pytest.mark.parametrize("warmup", [0.0, 0.06, 0.1, 0.5, 0.999])
def test_the_rate_equals_that_of_transformers(num_steps: int, warmup: float) -> None:
    ours = Linear(warmup=warmup).build(optimizer=optimizer(), num_steps=num_steps)
    theirs = get_linear_schedule_with_warmup(optimizer(), round(warmup * num_steps), num_steps)
    assert rates(ours, num_steps + 3) == rates(theirs, num_steps + 3)


def test_the_rate_rises_from_zero_to_its_peak_and_falls_to_zero() -> None:
    found = rates(Linear(warmup=0.2).build(optimizer=optimizer(), num_steps=10), 10)
    assert found == pytest.approx([0.5 * x for x in (0, 0.5, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8, 0)])


def test_without_warmup_the_first_step_has_the_full_rate() -> None:
    assert rates(Linear(warmup=0.0).build(optimizer=optimizer(), num_steps=4), 4)[0] == 0.5


def test_after_the_last_step_the_rate_stays_zero() -> None:
    assert rates(Linear().build(optimizer=optimizer(), num_steps=4), 8)[4:] == [0.0] * 5


def test_every_group_keeps_its_own_peak() -> None:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.1, 0.4)]
    schedule = Linear(warmup=0.5).build(optimizer=torch.optim.SGD(groups, lr=1.0), num_steps=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no optimizer has stepped
        schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.05, 0.2])


@pytest.mark.parametrize("warmup", [-0.1, 1, 1.5, 100, float("nan")])
def test_a_share_outside_zero_to_one_is_refused(warmup: float) -> None:
    with pytest.raises(ConfigError) as caught:
        Linear(warmup=warmup)
    assert caught.value.key == "warmup"
    assert repr(warmup) in str(caught.value)


def test_a_constant_rate_is_constant() -> None:
    assert rates(Constant().build(optimizer=optimizer(), num_steps=3), 6) == [0.5] * 7
