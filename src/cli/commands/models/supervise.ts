import { relative } from 'node:path';
import type { Measurement } from '../../../supervise/measure.js';
import { type Supervised, type SuperviseEvent, supervise } from '../../../supervise/supervise.js';
import { interruptible } from '../../interrupt.js';
import { examples, jsonOption, positiveInteger, type Register, setOption } from '../../options.js';
import { colour, print, say, table, toJson } from '../../output.js';
import { percent } from '../../summary-text.js';

interface Options {
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly steps?: number;
  readonly set?: readonly string[];
  readonly json?: boolean;
}

async function superviseFile(file: string, { out, overwrite, steps, set = [], json }: Options): Promise<void> {
  const sets = [...set, ...(steps === undefined ? [] : [`steps=${steps}`])];
  const onEvent = json ? (event: SuperviseEvent) => print(toJson(event)) : progress();
  const result = await interruptible((signal) => supervise(file, { sets, out, overwrite, signal, onEvent }));
  print(json ? toJson({ event: 'summary', ...result }) : summary(result));
}

/** About twenty lines of a training. */
function progress(): (event: SuperviseEvent) => void {
  return (event) => {
    if (event.event === 'warning') return say(`${colour.yellow('warning')} ${event.message}`);
    if (event.event === 'started') {
      const { name, steps, parameters, vocabulary } = event;
      return say(`${colour.bold(name)}: ${steps} steps, ${parameters} parameters, ${vocabulary} tokens`);
    }
    const { step, steps, loss } = event;
    if (step === 1 || step === steps || step % Math.ceil(steps / 20) === 0)
      say(`step ${step}/${steps}  loss ${loss.toFixed(4)}`);
  };
}

function summary({ folder, digest, seconds, heldOut }: Supervised): string {
  const place = `${relative(process.cwd(), folder) || folder}: model.safetensors ${digest}, ${seconds.toFixed(1)} s`;
  if (!heldOut) return place;
  const { n, plain, hinted, shuffled } = heldOut;
  const row = (name: string, { loss, accuracy }: Measurement) => [name, loss?.toFixed(4) ?? '', percent(accuracy)];
  const rows = [
    row('plain', plain),
    ...(hinted ? [row('hinted', hinted)] : []),
    ...(shuffled ? [row("another prompt's hint", shuffled)] : []),
  ];
  return `${table([`${n} held-out prompts`, 'loss', 'accuracy'], rows)}\n${place}`;
}

export const registerSupervise: Register = (rlsd) => {
  rlsd
    .command('supervise <model.yaml>')
    .description('make a base model for a task: train a small model on prompts and worked answers')
    .option('--out <folder>', 'folder of the model (default: models/ and its name)')
    .option('--overwrite', 'replace a model that is there already')
    .option('--steps <n>', 'training steps, from 1', positiveInteger)
    .addOption(setOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['rlsd supervise examples/bases/json-schema.yaml'],
        ['rlsd supervise base.yaml --steps 200 --set learn.lr=1e-3 --out models/try --overwrite'],
        ['rlsd check base.yaml', 'every problem, without training'],
      ),
    )
    .action(superviseFile);
};
