// What the hops have in common. Each copies a topic several times in a process of its own, from a group's first
// assignment to its last commit, and counts only the later passes, when its code is compiled.
import { fork } from 'node:child_process';

/**
 * @typedef {object} HopOptions
 * @property {readonly string[]} brokers
 * @property {string} topic
 * @property {string} target a topic with as many partitions
 * @property {string} group prefix of the groups and transactional ids
 * @property {number} records in the topic
 * @property {number} size records of a transaction
 * @property {number} warm passes that are not counted
 * @property {number} passes that are
 *
 * @typedef {object} Hop
 * @property {number} microseconds of processor time a record, of all threads
 * @property {number} perSecond records
 * @property {number} batch mean records of a transaction
 */

/**
 * Runs a program of this folder.
 * @param {string} name
 * @param {HopOptions} options
 * @returns {Promise<Hop>}
 */
export function hop(name, options) {
  const child = fork(new URL(`${name}.mjs`, import.meta.url), [JSON.stringify(options)]);
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`the ${name} hop ended with status ${code}`)));
  });
}

/**
 * The program's side: runs its passes and reports.
 * @param {(options: HopOptions, group: string, clock: { begin(): void, end(): void }) => Promise<number>} pass
 *   gives its number of transactions
 */
export async function runPasses(pass) {
  const options = JSON.parse(process.argv[2]);
  const { group, records, warm, passes } = options;
  const sum = { cpu: 0, milliseconds: 0, transactions: 0 };
  for (let i = 0; i < warm + passes; i++) {
    /** @type {{ at: number, cpu: NodeJS.CpuUsage } | undefined} */
    let start;
    const clock = {
      begin() {
        start ??= { at: performance.now(), cpu: process.cpuUsage() };
      },
      end() {
        if (i < warm) return;
        const { user, system } = process.cpuUsage(start.cpu);
        sum.cpu += user + system;
        sum.milliseconds += performance.now() - start.at;
      },
    };
    const transactions = await pass(options, `${group}-${i}`, clock);
    if (i >= warm) sum.transactions += transactions;
  }
  const moved = records * passes;
  process.send({
    microseconds: sum.cpu / moved,
    perSecond: (1000 * moved) / sum.milliseconds,
    batch: moved / sum.transactions,
  });
  process.disconnect();
}
