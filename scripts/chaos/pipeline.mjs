// The pipeline of the kill loops: its model is made of constants, and its weights are a digest of the samples that it
// was trained on, so they equal those of an undisturbed run only if each sample was trained on once.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const main = join(root, 'dist/cli/main.js');
export const file = join(root, 'examples/arithmetic.yaml');

/** Settings of a pipeline of so many steps. */
export const settingsOf = (steps, latency = 0) => [
  `model.engine={ module: ${JSON.stringify(join(root, 'test/fakes/constant-engine.mjs'))}, latency: ${latency} }`,
  `steps=${steps}`,
  'learn.prompts=4',
  'rollout.group=4',
  'prompts.heldOut=4',
  `evaluate.every=${steps}`,
  'teach.every=1',
];

/** `rlsd` as a process; `done` resolves with its exit and the last line of each stream. */
export function startRlsd(args, onLine = () => {}) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const tail = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'])
    child[stream].setEncoding('utf8').on('data', (text) => {
      tail[stream] = (tail[stream] + text).slice(-4000);
      if (stream === 'stdout') onLine(text);
    });
  const last = (text) => text.trim().split('\n').at(-1);
  const done = new Promise((resolve) =>
    child.once('close', (code, signal) =>
      resolve({ code, signal, summary: last(tail.stdout), complaint: last(tail.stderr) }),
    ),
  );
  return { child, done };
}

export const withSettings = (settings) => settings.flatMap((setting) => ['--set', setting]);

/** Digest of the weights of an undisturbed run on the embedded log. */
export async function undisturbed(folder, settings) {
  const { done } = startRlsd(['run', file, '--run', join(folder, 'undisturbed'), '--json', ...withSettings(settings)]);
  const { code, summary, complaint } = await done;
  if (code !== 0) throw new Error(`the undisturbed run ended with ${code}: ${complaint}`);
  return JSON.parse(summary).weights.digest;
}
