#!/bin/bash
# A run on SLURM that goes on until it is done, through preemption and time limits:
#
#   sbatch --nodes=2 --ntasks-per-node=8 --gpus-per-node=8 --time=24:00:00 \
#       docs/restart/slurm.sh --config=… --workdir=…
#
# One task a GPU: under SLURM a process of JAX takes the GPU of its own number on the node
# and no other. The work folder must be seen by all nodes. docs/reliability.md explains the rest.
#SBATCH --job-name=transformer_lm
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@300

asked=0
python -m transformer_lm.tools.restart -- \
    srun --kill-on-bad-exit=1 python main.py --coordinator=auto --take_over "$@" &
tool=$!
trap 'asked=1; kill -TERM "$tool"' TERM
wait "$tool"
code=$?
if ((asked)); then
    # The first wait was cut short by the signal; the run saves meanwhile.
    wait "$tool"
    code=$?
fi
if ((asked && code != 0)); then
    echo "asked to end (code $code): queued again"
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
