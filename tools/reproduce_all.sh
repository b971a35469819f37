#!/usr/bin/env bash
# Reproduce the headline results, one after the other, and go on from wherever an earlier call
# stopped: a run by Ctrl-C or a kill goes on from its last checkpoint, and what is measured is not
# measured again. As each ends, a line is added to its table in RESULTS.
#
#     tools/reproduce_all.sh [RUNS [RESULTS]]
#
# RUNS holds the run directories, NAME-SEED, and a file NAME-SEED.measured for each that is done; the
# default is runs/reproduce. RESULTS holds the tables; the default is results.
#
# NAMES   which, in this order; the default is all headlines, the quick ones first
# SEEDS   the default is "0 1 2"
# MNIST   a folder of MNIST's files, where it is not to be downloaded
# OPTIONS further options of `gankit reproduce`, such as "--threads 1 --steps 1000"
# PYTHON  the interpreter
set -uo pipefail
cd "$(dirname "$0")/.."
runs=${1:-runs/reproduce}
results=${2:-results}
python=${PYTHON:-python3}
names=${NAMES:-ring-modes grid-modes began-balance gumbel-oracle gail-cartpole airl-pendulum seqgan-oracle \
gail-pendulum scratchgan-oracle stacked-modern stacked-dcgan cgan-nearest infogan-mnist ssgan-mnist \
gan-mnist-parzen cgan-mnist-parzen}

mkdir -p "$runs" || exit 2
failed=0
for name in $names; do
    data=()
    case $name in
        *mnist* | cgan-nearest) data=(${MNIST:+--data "$MNIST"}) ;;
    esac
    for seed in ${SEEDS:-0 1 2}; do
        [ -e "$runs/$name-$seed.measured" ] && continue
        echo "== $name, seed $seed"
        # shellcheck disable=SC2086 # options are words
        "$python" -m gankit reproduce "$name" --seeds "$seed" --runs "$runs" --out "$results" \
            "${data[@]}" ${OPTIONS:-}
        code=$?
        if [ $code -eq 0 ]; then
            touch "$runs/$name-$seed.measured"
        elif [ $code -ge 128 ]; then
            exit $code # stopped by a signal: the same call goes on
        else
            failed=1 # the others may work
        fi
    done
done
exit $failed
