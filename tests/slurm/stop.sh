#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Stop the Slurm that start.sh brought up (MAPSMASKER_SLURM_DIR, or the folder given), and its jobs.
set -uo pipefail

dir=${1:-${MAPSMASKER_SLURM_DIR:?no Slurm of start.sh is named}}
export SLURM_CONF="$dir/slurm.conf"
if [ -f "$SLURM_CONF" ]; then
    timeout 10 scancel --user="$(id -u)" --signal=KILL --full 2> /dev/null
    timeout 10 scancel --user="$(id -u)" 2> /dev/null
fi
for name in slurmctld slurmd munged; do
    pid=$(cat "$dir/run/$name.pid" 2> /dev/null) || continue
    kill "$pid" 2> /dev/null
    for _ in $(seq 50); do
        kill -0 "$pid" 2> /dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2> /dev/null
done
rm -rf "$dir"
exit 0
