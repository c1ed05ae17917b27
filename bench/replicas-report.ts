/** The replicas benchmark's setups and tables. */
import { measureIdle, measureReplicas, type Idle, type IdleResult, type ReplicasResult, type Setup } from "./replicas.ts";
import { spreadOf } from "./statistics.ts";
import { formatNumber, formatSpread, formatTable } from "./table.ts";

const REPLICATED_TASKS = 40_000;
/** One host on one server, more of each, and the same where every write is synced. */
const SETUPS: readonly Setup[] = [
  { replicas: 1, hosts: 1, syncAlways: false },
  { replicas: 1, hosts: 2, syncAlways: false },
  { replicas: 3, hosts: 1, syncAlways: false },
  { replicas: 3, hosts: 2, syncAlways: false },
  { replicas: 1, hosts: 1, syncAlways: true },
  { replicas: 3, hosts: 2, syncAlways: true },
];
/** What a partition and a host cost by themselves is the difference between two of these. */
const IDLE: readonly Idle[] = [
  { replicas: 1, partitions: 8, hosts: 1 },
  { replicas: 1, partitions: 32, hosts: 1 },
  { replicas: 3, partitions: 8, hosts: 1 },
  { replicas: 3, partitions: 32, hosts: 1 },
  { replicas: 3, partitions: 8, hosts: 3 },
];

/** The setups take turns, so that what the machine does besides touches all of them alike. */
export async function replicasPart(
  count: number,
): Promise<{ readonly runs: readonly ReplicasResult[]; readonly idle: readonly IdleResult[] }> {
  const runs: ReplicasResult[] = [];
  for (let run = 0; run < count; run++) {
    for (const setup of SETUPS) {
      runs.push(await measureReplicas(setup, setup.syncAlways ? REPLICATED_TASKS / 8 : REPLICATED_TASKS));
      process.stderr.write(`replicas ${JSON.stringify(runs.at(-1))}\n`);
    }
  }
  console.log(`\n${setupsTable(runs)}`);
  const idle: IdleResult[] = [];
  for (const each of IDLE) idle.push(await measureIdle(each));
  console.log(`\n${idleTable(idle)}`);
  return { runs, idle };
}

function setupsTable(runs: readonly ReplicasResult[]): string {
  const rows = SETUPS.map((setup) => {
    const same = runs.filter((run) => Object.entries(setup).every(([key, value]) => run[key as keyof Setup] === value));
    const spread = (pick: (run: ReplicasResult) => number, decimals = 0): string => formatSpread(spreadOf(same.map(pick)), decimals);
    const cpu = (["servers", "hosts", "producer"] as const).map((part) =>
      formatNumber(spreadOf(same.map((run) => run.cpuMicrosPerTask[part])).median, 1),
    );
    return [
      `${setup.hosts} on ${setup.replicas}${setup.syncAlways ? ", always" : ""}`,
      same[0]?.spread.join("+") ?? "",
      spread((run) => run.tasksPerSecond),
      cpu.join("+"),
      spread((run) => run.busiestServerMicros, 1),
      spread((run) => run.p50Ms, 2),
      spread((run) => run.p99Ms, 2),
    ];
  });
  const head = [
    "hosts on servers",
    "partitions",
    "tasks/s",
    "CPU us/task, servers+hosts+producer",
    "of the servers' the busiest",
    "one at a time: p50, ms",
    "p99",
  ];
  return formatTable(head, rows);
}

function idleTable(idle: readonly IdleResult[]): string {
  const rows = idle.map((each) => [
    `${each.partitions} with ${each.replicas}, ${each.hosts}`,
    formatNumber(each.serverMicros / 1000, 1),
    formatNumber(each.hostMicros / 1000, 1),
  ]);
  return formatTable(["idle partitions with copies, hosts", "servers, ms of CPU a second", "hosts"], rows);
}
