import { Command, InvalidArgumentError, Option } from 'commander';
import { graphFormats } from '../pipelines/graph.js';
import { programVersions } from '../runs/manifest/program-hash.js';
import { nearest } from '../support/errors.js';
import { exportBundle, importBundle } from './bundle.js';
import { check } from './check.js';
import { listDeadLetters, requeue } from './dead-letters.js';
import { evaluateFile } from './eval.js';
import { graph } from './graph.js';
import { lag, tail, topics } from './inspect.js';
import { lineage } from './lineage.js';
import { shapeLines, verifyLines } from './lines.js';
import { forgetPrivileged, ingestPrivileged, listPrivileged } from './privileged.js';
import { replay } from './replay.js';
import { resume, run } from './run.js';

const collect = (value: string, before: string[] = []) => [...before, value];
const whole = (value: string) => {
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError(`Expected a whole number.`);
  return number;
};

const positive = (value: string) => {
  if (whole(value) === 0) throw new InvalidArgumentError('Expected a whole number from 1.');
  return Number(value);
};
const temperature = (value: string) => {
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (!(number >= 0 && Number.isFinite(number))) throw new InvalidArgumentError('Expected a number from 0.');
  return number;
};

/** The `rlsd` command. */
export function program(): Command {
  const rlsd = new Command('rlsd')
    .description('Streaming post-training of reasoning models: RLSD as a dataflow of topics and operators.')
    .version(programVersions()['rlsd-streams'] ?? '')
    .showSuggestionAfterError()
    .exitOverride((error) => {
      process.exit(error.exitCode === 0 ? 0 : 2);
    });
  const set = () =>
    new Option('--set <path=value>', 'override a field of the pipeline; may be given several times').argParser(collect);
  const json = () => new Option('--json', 'one JSON object a line on stdout, messages on stderr');

  rlsd
    .command('run <pipeline.yaml>')
    .description('run a pipeline, or some of its stages')
    .option('--run <folder>', 'folder of the run (default: a new one under runs/)')
    .option('--stage <name...>', 'only these stages')
    .option('--steps <n>', 'training steps', positive)
    .option('--seed <n>', 'seed of every random draw', whole)
    .addOption(set())
    .addOption(json())
    .action(run);
  rlsd.command('resume <run>').description('go on after a stop or a crash').addOption(json()).action(resume);
  rlsd
    .command('check <pipeline.yaml>')
    .description('check a pipeline without starting anything')
    .option('--run <folder>', 'on Kafka: the run whose topics are checked (default: the one that comes next)')
    .addOption(set())
    .addOption(json())
    .action(check);
  rlsd
    .command('graph <pipeline.yaml>')
    .description('draw the plan')
    .addOption(new Option('--format <format>').choices(graphFormats).default('mermaid'))
    .addOption(set())
    .addOption(new Option('--json', 'the plan as one JSON object on one line'))
    .action(graph);
  rlsd.command('topics <run>').description('records and digest of each topic').addOption(json()).action(topics);
  rlsd
    .command('tail <run> <topic>')
    .description('the last records of a topic, decoded')
    .option('-n, --lines <n>', 'how many', whole, 10)
    .option('-f, --follow', 'wait for more')
    .option('--show-privileged', 'show the fields that only the teacher may see')
    .addOption(json())
    .action(tail);
  rlsd.command('lag <run>').description('how far each stage is behind').addOption(json()).action(lag);
  rlsd
    .command('replay <run>')
    .description('execute a run again and compare, or only what lies after a topic, with something changed')
    .option('--verify', 'execute everything again and name the first record that differs')
    .option('--from <topic>', 'take over the records of this topic and run what lies after it, into a new run')
    .addOption(set())
    .option('--run <folder>', 'folder of the new run (default: beside the old one)')
    .option(
      '--only <field=range>',
      'only a part: offset=, time=, step= or version= with FIRST..LAST, or prompt=REGEX; may be given several times',
      collect,
    )
    .option('--train', 'train on the new advantages, too')
    .option('--evaluate', 'measure the weights that --train makes on the held-out prompts')
    .addOption(json())
    .action(replay);
  rlsd
    .command('export <run> <file>')
    .description('write a whole run into one file, for another machine')
    .option('--without-privileged', 'leave out references, documents, and the files that hold them')
    .addOption(json())
    .action(exportBundle);
  rlsd
    .command('import <file> <folder>')
    .description("make a run's folder of such a file")
    .addOption(json())
    .action(importBundle);
  rlsd
    .command('lineage <run>')
    .description('what made a sample, and which weights learnt from it')
    .option('--sample <prompt/index>', 'one sample, or the group of a prompt')
    .option('--token <n>', 'one token of the completion, from 0', whole)
    .option('--document <id>', 'every sample whose teacher was shown this document')
    .option('--step <n>', 'every sample of a training step', whole)
    .addOption(json())
    .action(lineage);
  const letters = rlsd.command('dead-letters <run>').description('what failed and why');
  letters.addOption(json());
  letters.argument('[action]', 'list or requeue', 'list').action((folder: string, action: string, options: object) => {
    const actions = { list: listDeadLetters, requeue };
    const act = actions[action as keyof typeof actions];
    if (act) return act(folder, options);
    const near = nearest(action, Object.keys(actions));
    return letters.error(
      `error: unknown action ${action}; ${near ? `did you mean ${near}?` : 'expected list or requeue'}`,
    );
  });
  const privileged = rlsd.command('privileged').description("a run's privileged documents");
  privileged
    .command('ingest <run>')
    .description('read the declared sources into the run')
    .addOption(json())
    .action(ingestPrivileged);
  privileged
    .command('list <run>')
    .description('ids, versions and labels; no content')
    .addOption(json())
    .action(listPrivileged);
  privileged
    .command('forget <run> <id>')
    .description('remove the text of a document; its hashes and what used it stay on record')
    .addOption(json())
    .action(forgetPrivileged);
  rlsd
    .command('eval')
    .description('accuracy of a model on a file of {"id","question","answer"} lines')
    .requiredOption('--model <folder>', 'Hugging Face folder')
    .requiredOption('--prompts <file.jsonl>', 'questions with answers')
    .option('--engine <spec>', 'what runs the model, as in a pipeline', 'onnx')
    .option('--verify <spec>', 'verifier and settings, as in a pipeline', '{math: {}}')
    .option('--temperature <t>', '0 is greedy', temperature, 0)
    .option('--max-tokens <n>', 'tokens of a completion at most', positive, 64)
    .option('--limit <n>', 'only the first n lines', positive)
    .option('--seed <n>', 'seed of the draws', whole, 0)
    .option('--system <text>', 'system message before each question')
    .addOption(json())
    .action(evaluateFile);
  const lines = () => new Option('--json', 'no difference: lines of JSON go in and come out');
  rlsd
    .command('shape')
    .description('token advantages of JSON lines of groups, from stdin')
    .addOption(lines())
    .action(shapeLines);
  rlsd
    .command('verify <kind>')
    .description('verdicts on JSON lines, from stdin')
    .addOption(lines())
    .action(verifyLines);
  return rlsd;
}
