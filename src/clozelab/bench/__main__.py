"""`python -m clozelab.bench [key=value ...]`: the throughput benchmark."""

import argparse
from pathlib import Path

from clozelab.bench.ner import run

parser = argparse.ArgumentParser(prog="python -m clozelab.bench", description=__doc__)
parser.add_argument("--rounds", type=int, default=9, help="rounds of each contestant, at least 7 (default: 9)")
parser.add_argument("--steps", type=int, default=20, help="optimizer steps a round (default: 20)")
parser.add_argument("--output", type=Path, default=Path("outputs/bench/ner.json"), help="where every round is written")
parser.add_argument("overrides", nargs="*", help="such as data.batch_size=16")
arguments = parser.parse_args()
if arguments.rounds < 7 or arguments.steps < 1:
    parser.error("--rounds must be at least 7, or there is no interval; --steps at least 1")
run(arguments.overrides, rounds=arguments.rounds, steps=arguments.steps, output=arguments.output)
