import { Command } from 'commander';
import { programVersions } from '../runs/manifest/program-hash.js';
import { required } from '../support/required.js';
import { registerBundle } from './commands/bundle.js';
import { registerCheck } from './commands/check.js';
import { registerDataset } from './commands/dataset.js';
import { registerDeadLetters } from './commands/dead-letters.js';
import { registerDiff } from './commands/diff.js';
import { registerGraph } from './commands/graph.js';
import { registerInspect } from './commands/inspect.js';
import { registerLineage } from './commands/lineage.js';
import { registerLines } from './commands/lines.js';
import { registerMetrics } from './commands/metrics.js';
import { registerCompare } from './commands/models/compare.js';
import { registerEval } from './commands/models/eval.js';
import { registerModel } from './commands/models/model.js';
import { registerSupervise } from './commands/models/supervise.js';
import { registerPrivileged } from './commands/privileged.js';
import { registerReplay } from './commands/replay.js';
import { registerRun } from './commands/run.js';
import { registerShow } from './commands/show.js';
import { registerTail } from './commands/tail.js';
import { registerCompletion } from './completion/command.js';
import type { Register } from './options.js';

/** In the order in which help lists them. */
const commands: readonly Register[] = [
  registerRun,
  registerCheck,
  registerGraph,
  registerInspect,
  registerTail,
  registerShow,
  registerMetrics,
  registerDataset,
  registerDiff,
  registerReplay,
  registerBundle,
  registerLineage,
  registerDeadLetters,
  registerPrivileged,
  registerSupervise,
  registerModel,
  registerEval,
  registerCompare,
  registerLines,
  registerCompletion,
];

/** The `rlsd` command. It throws a CommanderError where Commander would end the process. */
export function program(): Command {
  const rlsd = new Command('rlsd')
    .description('Streaming post-training of reasoning models: RLSD as a dataflow of topics and operators.')
    .version(required(programVersions()['rlsd-streams'], 'version of rlsd-streams'))
    .showSuggestionAfterError()
    .exitOverride();
  for (const register of commands) register(rlsd);
  return rlsd;
}
