import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findPytest } from '../src/verifiers/code/pytest.js';
import { findMathVerify } from '../src/verifiers/math-verify/environment.js';
import { probeSandbox } from '../src/verifiers/sandbox/probe.js';
import { brokerMissing } from './broker/broker.mjs';

/** System packages that tests need besides Node, by the command that they are found by. */
const packages = {
  bwrap: 'bubblewrap',
  setpriv: 'util-linux',
  unshare: 'util-linux',
  python3: 'python3',
  gcc: 'gcc',
  'g++': 'g++',
  openssl: 'openssl',
} as const;

type Command = keyof typeof packages;

/** Where CI installs Math-Verify, outside the clone. */
export const mathVerifyFolder = join(homedir(), '.cache/rlsd-streams/math-verify');

/** Where CI installs the programs that exported metrics are read with, outside the clone. */
export const trackersFolder = join(homedir(), '.cache/rlsd-streams/trackers');

/** Python with Confluent's client, where CI installs it. */
export const kafkaPython = join(homedir(), '.cache/rlsd-streams/kafka-python/bin/python');

/** Where CI installs Helm and the schemas of Kubernetes' objects, outside the clone. */
export const helmFolder = join(homedir(), '.cache/rlsd-streams/helm');

/**
 * `sandbox`: untrusted programs can run. `kafka`: a broker is given or can be started. `pytest`: some python3 has it.
 * `math-verify`, `trackers`, `kafka-python`, `helm`: the packages are in their folder. Otherwise a command on the PATH.
 */
export type Need = 'sandbox' | 'kafka' | 'kafka-python' | 'pytest' | 'math-verify' | 'trackers' | 'helm' | Command;

const onPath = (command: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, command)));

async function missing(need: Need): Promise<string | undefined> {
  if (need === 'kafka') return brokerMissing();
  if (need === 'sandbox') {
    const lacking = await probeSandbox();
    return lacking.length === 0 ? undefined : lacking.join('; ');
  }
  if (need === 'pytest') return (await findPytest('python3')) ? undefined : 'no pytest: apt-get install python3-pytest';
  if (need === 'math-verify') {
    return findMathVerify(mathVerifyFolder, '.', 'test').then(
      () => undefined,
      () => `no Math-Verify in ${mathVerifyFolder}: make it with scripts/math-verify.sh`,
    );
  }
  if (need === 'trackers')
    return existsSync(join(trackersFolder, 'bin/wandb'))
      ? undefined
      : `no W&B, TensorBoard and MLflow in ${trackersFolder}: make it with scripts/trackers.sh`;
  if (need === 'kafka-python')
    return existsSync(kafkaPython) ? undefined : `no ${kafkaPython}: make it with scripts/kafka-python.sh`;
  if (need === 'helm')
    return existsSync(join(helmFolder, 'schemas')) ? undefined : `no ${helmFolder}: make it with scripts/helm.sh`;
  return onPath(need) ? undefined : `no ${need}: apt-get install ${packages[need]}`;
}

/**
 * Whether this machine lacks something that tests need, with one line that says what to install. Such tests are
 * skipped; the CI script installs everything and fails if anything was skipped.
 *
 * @example
 * describe.skipIf(await lacks('sandbox', 'python3'))('Python', () => { … });
 */
export async function lacks(...needs: readonly Need[]): Promise<boolean> {
  for (const need of needs) {
    const why = await missing(need);
    if (why === undefined) continue;
    console.warn(`skipped: ${why}`);
    return true;
  }
  return false;
}
