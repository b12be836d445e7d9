#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bring up a Slurm of one host on loopback, in a temporary folder, as root; print its environment.
#
#   eval "$(tests/slurm/start.sh [FOLDER])"    sets SLURM_CONF and MAPSMASKER_SLURM_DIR
#   tests/slurm/stop.sh                        stops it and removes the folder
#
# Needs: apt-get install -y slurmctld slurmd slurm-client munge
set -euo pipefail

dir=${1:-$(mktemp -d /tmp/mapsmasker-slurm.XXXXXX)}
if [ -e "$dir/slurm.conf" ]; then
    echo "There is a Slurm in $dir already; stop it first: tests/slurm/stop.sh $dir" >&2
    exit 1
fi
mkdir -p "$dir"/{state,spool,munge,run}
dir=$(cd "$dir" && pwd)
chmod 755 "$dir"
host=$(hostname -s)

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# The credentials service, with a key and a socket of its own. munged insists on safe folders,
# which those under /tmp (world-writable) are not: hence --force.
head -c 1024 /dev/urandom > "$dir/munge/key"
chmod 700 "$dir/munge"
chmod 400 "$dir/munge/key"
munged --force --key-file="$dir/munge/key" --socket="$dir/run/munge.socket" \
    --pid-file="$dir/run/munged.pid" --log-file="$dir/munge/log" --seed-file="$dir/munge/seed" \
    > "$dir/munged.out" 2>&1

# The node has what the host has; a job's memory is booked, not enforced (no control groups).
cpus=$(nproc)
memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
cat > "$dir/slurm.conf" <<CONF
ClusterName=mapsmasker
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/run/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
MinJobAge=300
KillWait=1
InactiveLimit=0
ReturnToService=2
OverTimeLimit=0
PropagateResourceLimits=NONE
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE DefMemPerCPU=256 State=UP
CONF

export SLURM_CONF="$dir/slurm.conf"
slurmctld > "$dir/slurmctld.out" 2>&1
slurmd > "$dir/slurmd.out" 2>&1

for _ in $(seq 100); do
    if sinfo -h -o %t 2> /dev/null | grep -qE '^(idle|mix|alloc)$'; then
        printf 'export SLURM_CONF=%q\nexport MAPSMASKER_SLURM_DIR=%q\n' "$SLURM_CONF" "$dir"
        exit 0
    fi
    sleep 0.1
done
echo "Slurm did not come up within ten seconds; see the logs in $dir:" >&2
tail -n 20 "$dir"/*.out "$dir"/*.log >&2
exit 1
