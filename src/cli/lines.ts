import { createInterface } from 'node:readline';
import { shapeLine } from '../methods/shape-line.js';
import { nearest, UserError } from '../support/errors.js';
import { lineVerifiers } from '../verifiers/lines.js';
import { print, say } from './output.js';

/** Maps the JSON lines of stdin; a bad line is reported, and the others go on. */
async function eachLine(map: (line: unknown, source: string, number: number) => unknown): Promise<void> {
  let number = 0;
  let failed = false;
  const window: Promise<string | undefined>[] = [];
  const flush = async () => {
    const line = await window.shift();
    if (line !== undefined) print(line);
  };
  for await (const text of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    const line = ++number;
    if (text.trim() === '') continue;
    const one = async () => {
      try {
        return JSON.stringify(await map(parse(text, `stdin:${line}`), 'stdin', line));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        say(`rlsd: ${error.message}`);
        failed = true;
        return undefined;
      }
    };
    window.push(one());
    if (window.length >= 64) await flush();
  }
  while (window.length > 0) await flush();
  if (failed) process.exitCode = 2;
}

/** Numbers that Python writes though JSON has none. */
const NO_JSON_NUMBER = /(?<=[[,:]\s*)(-Infinity|Infinity|NaN)(?=\s*[\],}])/g;

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const quoted = text.replaceAll(NO_JSON_NUMBER, '"$1"');
    if (quoted !== text) return parse(quoted, where);
    throw new UserError('bad-line', `${where}: not JSON: ${(error as Error).message}`);
  }
}

export async function shapeLines(): Promise<void> {
  await eachLine((line, source, number) => shapeLine(line, `${source}:${number}`));
}

export async function verifyLines(kind: string): Promise<void> {
  const known = Object.keys(lineVerifiers);
  const verifyLine = lineVerifiers[kind];
  if (!verifyLine) {
    const near = nearest(kind, known);
    throw new UserError(
      'unknown-verifier',
      `verify ${kind}: no such kind; ${near ? `did you mean ${near}?` : `expected one of ${known.join(', ')}`}`,
    );
  }
  await eachLine(verifyLine);
}
