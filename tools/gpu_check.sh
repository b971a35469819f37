#!/usr/bin/env bash
# All that needs a CUDA device, in one call of under ten minutes: the tests marked `gpu`, then the
# speed of training steps, a line of JSON for each.
#
#     tools/gpu_check.sh [OUT.jsonl]
set -uo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

GANKIT_TEST_GPU=1 "$python" -m pytest -q -m gpu -p no:cacheprovider tests/contract/test_on_a_gpu.py
failed=$?
"$python" benchmarks/gpu_step.py --seconds 3 ${1:+--out "$1"}
exit $failed
