#!/bin/bash
# Keeps a preemptible Cloud TPU VM at work until a run is done. It runs on a machine that
# stays, with gcloud:
#
#   SETUP='git clone … && cd transformer_lm && pip install -e .[tpu]' \
#   bash docs/restart/tpu_vm.sh NAME ZONE v5litepod-16 v2-alpha-tpuv5-lite \
#       'cd transformer_lm && python main.py --coordinator=auto --take_over --config=… --workdir=gs://…'
#
# SETUP is done once on each new VM. PAUSE (60) is how many seconds it waits between looks;
# after MOST_FAST (3) failures in a row within FAST_SECONDS (600) it gives up.
set -u
name=$1 zone=$2 type=$3 version=$4 command=$5
pause=${PAUSE:-60} most_fast=${MOST_FAST:-3} fast_seconds=${FAST_SECONDS:-600}
fast=0

tpu() {
    local verb=$1
    shift
    gcloud compute tpus tpu-vm "$verb" "$name" --zone="$zone" "$@"
}

on_all() { tpu ssh --worker=all --command="$1" -- -tt; }

make() {
    tpu create --accelerator-type="$type" --version="$version" --preemptible &&
        on_all "${SETUP:-true}"
}

while true; do
    case $(tpu describe --format='value(state)' 2>/dev/null || echo ABSENT) in
    READY) ;;
    ABSENT)
        # No TPU may be free; and a VM without its setup is of no use.
        make || { tpu delete --quiet; sleep "$pause"; }
        continue
        ;;
    PREEMPTED | TERMINATED | STOPPED)
        tpu delete --quiet
        continue
        ;;
    *)
        sleep "$pause"
        continue
        ;;
    esac
    began=$SECONDS
    on_all "$command"
    code=$?
    echo "the run ended with $code after $((SECONDS - began)) s"
    case $code in
    0)
        echo "done; the VM still costs money: gcloud compute tpus tpu-vm delete $name --zone=$zone"
        exit 0
        ;;
    # Preempted, a worker lost, or the connection broke with the machine.
    143 | 75 | 255) fast=0 ;;
    *) ((fast = SECONDS - began < fast_seconds ? fast + 1 : 0)) ;;
    esac
    if ((fast >= most_fast)); then
        echo "$fast failures in a row, each within $fast_seconds s: given up"
        exit "$code"
    fi
    sleep "$pause"
done
