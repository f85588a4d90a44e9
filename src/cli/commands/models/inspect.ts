import { cacheBytes, learnerBytes, weightBytes } from '../../../engines/onnx/memory.js';
import type { ModelConfig } from '../../../models/config.js';
import type { Rope } from '../../../models/families/rope.js';
import { inspectModel, type ModelReport } from '../../../models/inspect.js';
import { bytes } from '../../../pipelines/plan/estimate.js';
import { examples, jsonOption, type Register } from '../../options.js';
import { print, toJson } from '../../output.js';

/** Bytes, by what a process does with the model on the built-in engine. */
function memoryOf({ weights: { parameters }, config }: ModelReport) {
  const weights = weightBytes(parameters);
  return {
    rollout: weights,
    teacher: weights,
    training: learnerBytes(parameters),
    cachePerToken: config && cacheBytes(config, 1),
  };
}

export function inspect(folder: string, { json }: { json?: boolean }): void {
  const report = inspectModel(folder);
  if (json) print(toJson({ folder, ...report, memory: memoryOf(report) }));
  else for (const line of textOf(folder, report)) print(line);
  if (report.problems.length > 0) process.exitCode = 2;
}

function textOf(folder: string, report: ModelReport): string[] {
  const { config, weights, tokenizer, template, problems } = report;
  const dtypes = Object.entries(weights.dtypes).map(([dtype, count]) => `${count} ${dtype}`);
  const rows: [string, string][] = [
    ['model', folder],
    ['family', `${report.family ?? 'not supported'} (model_type ${JSON.stringify(report.modelType)})`],
    ['parameters', `${weights.parameters.toLocaleString('en')}: tensors ${dtypes.join(', ')}; files ${weights.files}`],
    ...(config ? shapeRows(config) : []),
    ...(tokenizer ? tokenizerRows(tokenizer, config) : []),
    ['template', template ?? 'none; a pipeline names one in model.template'],
    ...memoryRows(report),
    ['supported', problems.length === 0 ? 'yes' : 'no:'],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...problems.map((problem) => `  ${problem}`),
  ];
}

function shapeRows(config: ModelConfig): [string, string][] {
  const { layers, hiddenSize, heads, kvHeads, headDim, intermediateSize, windows, rope, windowRope } = config;
  const windowed = windows.filter((window) => window !== undefined);
  const other =
    windowed.length > 0 && ropeText(windowRope) !== ropeText(rope) ? `; in windows ${ropeText(windowRope)}` : '';
  return [
    [
      'shape',
      `${layers} layers of width ${hiddenSize}, ${heads} heads of ${headDim} over ${kvHeads}, MLP ${intermediateSize}`,
    ],
    ['context', `${config.maxPositionEmbeddings} tokens`],
    ['rope', ropeText(rope) + other],
    ['windows', windowed.length === 0 ? 'none' : `${windowed[0]} tokens in ${windowed.length} of ${layers} layers`],
    ['head', config.tieWordEmbeddings ? 'tied to the embedding' : 'of its own'],
  ];
}

const ropeText = ({ theta, scaling }: Rope): string =>
  `theta ${theta}${scaling ? `, ${scaling.type} scaling by ${scaling.factor}` : ''}`;

function tokenizerRows(
  { type, tokens, endTokens }: NonNullable<ModelReport['tokenizer']>,
  config: ModelConfig | undefined,
): [string, string][] {
  const padding = config ? config.vocabSize - tokens : 0;
  return [
    ['tokenizer', `${type}, ${tokens} tokens${padding > 0 ? `; the model's vocabulary has ${padding} more` : ''}`],
    ['end tokens', endTokens.map(({ id, text }) => `${id} ${text}`).join(', ')],
  ];
}

function memoryRows(report: ModelReport): [string, string][] {
  const { rollout, teacher, training, cachePerToken } = memoryOf(report);
  const cache = cachePerToken === undefined ? '' : `, and ${Math.ceil(cachePerToken / 1024)} KiB of cache a token`;
  return [
    ['rollout', `${bytes(rollout)} a worker and loaded version: 4 bytes a parameter${cache}`],
    ['teacher', `${bytes(teacher)} more a worker: another version of the model, or a separate one of this size`],
    ['training', `${bytes(training)}: 24 bytes a parameter (values, 2 gradients, 2 moments, start), and activations`],
  ];
}

/** Adds the command to its group. */
export const addInspect: Register = (model) => {
  model
    .command('inspect <folder>')
    .description('what a checkpoint is, the memory that it takes, and what of it is not supported')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['rlsd model inspect models/base'],
        ['rlsd model inspect models/base --json', 'exit code 2 where it is not supported'],
      ),
    )
    .action(inspect);
};
