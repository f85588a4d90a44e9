import { Option } from 'commander';
import { shapeLine } from '../../methods/shape-line.js';
import { nearest, UserError } from '../../support/errors.js';
import { parseExact } from '../../support/exact-json.js';
import { linesOf } from '../../support/lines.js';
import { lineVerifiers } from '../../verifiers/lines.js';
import { examples, type Register } from '../options.js';
import { print, say } from '../output.js';

/**
 * Maps the JSON lines of stdin. A bad line, or one at which `map` itself fails, is reported on stderr; the others are
 * processed. Exits with 2 after a bad line, and with 1 after a failure.
 */
async function eachLine(
  parse: (text: string) => unknown,
  map: (line: unknown, source: string, number: number) => unknown,
): Promise<void> {
  let bad = false;
  let failed = false;
  const window: Promise<string | undefined>[] = [];
  const flush = async () => {
    const line = await window.shift();
    if (line !== undefined) print(line);
  };
  for await (const line of linesOf(process.stdin)) {
    const { number } = line;
    if (line.text?.trim() === '') continue;
    const one = async () => {
      try {
        if (line.text === undefined) throw new UserError('bad-line', `stdin:${number}: ${line.problem}`);
        return JSON.stringify(await map(parseLine(line.text, `stdin:${number}`, parse), 'stdin', number));
      } catch (error) {
        if (error instanceof UserError) {
          say(`rlsd: ${error.message}`);
          bad = true;
        } else {
          say(`rlsd: stdin:${number}: unexpected error: ${error instanceof Error ? error.message : error}`);
          failed = true;
        }
        return undefined;
      }
    };
    window.push(one());
    if (window.length >= 64) await flush();
  }
  while (window.length > 0) await flush();
  if (failed) process.exitCode = 1;
  else if (bad) process.exitCode = 2;
}

/** Numbers that Python writes although JSON does not have them. */
const NO_JSON_NUMBER = /(?<=[[,:]\s*)(-Infinity|Infinity|NaN)(?=\s*[\],}])/g;

function parseLine(text: string, where: string, parse: (text: string) => unknown): unknown {
  try {
    return parse(text);
  } catch (error) {
    const quoted = text.replaceAll(NO_JSON_NUMBER, '"$1"');
    if (quoted !== text) return parseLine(quoted, where, parse);
    throw new UserError('bad-line', `${where}: not JSON: ${(error as Error).message}`);
  }
}

export async function shapeLines(): Promise<void> {
  await eachLine(JSON.parse, (line, source, number) => shapeLine(line, `${source}:${number}`));
}

export async function verifyLines(kind: string): Promise<void> {
  const known = Object.keys(lineVerifiers);
  const verifyLine = lineVerifiers[kind];
  if (!verifyLine) {
    const near = nearest(kind, known);
    throw new UserError(
      'unknown-verifier',
      `verify ${kind}: unknown kind; ${near ? `did you mean ${near}?` : `expected one of ${known.join(', ')}`}`,
    );
  }
  await eachLine((text) => parseExact(text, { keep: 'digits' }), verifyLine);
}

export const registerLines: Register = (rlsd) => {
  const json = () => new Option('--json', 'accepted for consistency: input and output are JSON lines anyway');
  rlsd
    .command('shape')
    .description('compute token advantages: JSON lines of groups on stdin, advantages on stdout')
    .addOption(json())
    .addHelpText('after', examples(['rlsd shape < groups.jsonl']))
    .action(shapeLines);
  rlsd
    .command('verify <kind>')
    .description('judge completions: JSON lines on stdin, verdicts on stdout')
    .addOption(json())
    .addHelpText('after', examples(['rlsd verify math < answers.jsonl']))
    .action(verifyLines);
};
