"""One vector for each target, equal to an obvious loop."""

import torch

from clozelab.task.pooling import mean_by_target, pieces_of_targets

POSITIONS, LENGTHS = torch.tensor([4, 1, 9]), torch.tensor([3, 1, 2])


def batch() -> object:
    return type("Batch", (), {"target_positions": POSITIONS, "target_lengths": LENGTHS})()


def test_pieces_follow_one_another_from_each_targets_first() -> None:
    target_of, places = pieces_of_targets(batch())  # type: ignore[arg-type]
    assert target_of.tolist() == [0, 0, 0, 1, 2, 2]
    assert places.tolist() == [4, 5, 6, 1, 9, 10]


def test_the_mean_is_that_of_each_targets_pieces_in_their_own_precision() -> None:
    target_of, places = pieces_of_targets(batch())  # type: ignore[arg-type]
    states = torch.randn(12, 5)
    expected = torch.stack([states[p : p + n].mean(0) for p, n in zip(POSITIONS, LENGTHS, strict=True)])
    torch.testing.assert_close(mean_by_target(states[places], target_of, LENGTHS), expected)
    half = mean_by_target(states[places].bfloat16(), target_of, LENGTHS)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), expected, atol=0.02, rtol=0.02)


def test_gradients_are_shared_evenly() -> None:
    states = torch.randn(6, 2, requires_grad=True)
    target_of, _ = pieces_of_targets(batch())  # type: ignore[arg-type]
    mean_by_target(states, target_of, LENGTHS).sum().backward()
    assert states.grad is not None
    torch.testing.assert_close(states.grad[:, 0], torch.tensor([1 / 3, 1 / 3, 1 / 3, 1, 1 / 2, 1 / 2]))
