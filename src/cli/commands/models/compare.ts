import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CompareEvent, compare } from '../../../compare/compare.js';
import { reportTables } from '../../../compare/report/tables.js';
import { examples, jsonOption, type Register } from '../../options.js';
import { colour, print, say, table, toJson } from '../../output.js';

interface Options {
  readonly out?: string;
  readonly json?: boolean;
}

async function compareArms(file: string, { out, json }: Options): Promise<void> {
  const folder = out ?? join('runs', basename(file, extname(file)));
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    const onEvent = json ? (event: CompareEvent) => print(toJson(event)) : progress();
    const program = fileURLToPath(new URL('../../main.js', import.meta.url));
    const comparison = await compare(file, { out: folder, program, signal: abort.signal, onEvent });
    if (json) return print(toJson({ event: 'summary', ...comparison }));
    for (const warning of comparison.warnings) say(`rlsd: warning: ${warning}`);
    for (const { title, caption, header, rows } of reportTables(comparison))
      print(`\n${colour.bold(title)}\n${caption}\n${table(header, rows)}`);
    print(`\n${join(folder, 'report.html')}`);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** A line for each run that ends. */
function progress(): (event: CompareEvent) => void {
  let total = 0;
  return (event) => {
    if (event.event === 'plan') {
      total = event.runs;
      say(`${event.arms.length} arms (${event.arms.join(', ')}), ${total} runs, ${event.parallel} at a time`);
    }
    if (event.event === 'result')
      say(`${event.done}/${total}  ${event.arm}, seed ${event.seed}: ${event.secondsPerStep.toFixed(2)} s per step`);
    if (event.event === 'chosen') say(`${event.arm}: takes ${JSON.stringify(event.value)}`);
  };
}

export const registerCompare: Register = (rlsd) => {
  rlsd
    .command('compare <experiment.yaml>')
    .description('train arms with several seeds and their controls, and report what differs')
    .option('--out <folder>', 'folder of runs and reports; continues there (default: runs/ and the name of the file)')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['rlsd compare examples/compare.yaml'],
        ['rlsd compare examples/compare.yaml --out /data/compare', 'continues there after an interruption'],
      ),
    )
    .action(compareArms);
};
