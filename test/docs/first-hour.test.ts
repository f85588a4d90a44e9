import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../cli/cli.js';
import { blocksOf, root } from './markdown.js';

/** What a stranger has: files of the forms that README names, and the package. */
const files: Readonly<Record<string, string>> = {
  'train.jsonl': Array.from({ length: 8 }, (_, n) =>
    JSON.stringify({
      question: `Ann has ${n + 2} pens and gets 3. How many?`,
      answer: `She has ${n + 2} + 3 = <<${n + 2}+3=${n + 5}>>${n + 5} pens.\n#### ${n + 5}`,
    }),
  ).join('\n'),
  'questions.csv': `question,answer\n${Array.from({ length: 6 }, (_, n) => `What does lamp ${n} mean?,fault ${n}`).join('\n')}\n`,
  'manuals/press.md': '# Press\n\nLamp 1 means fault 1: close the door.\n\nLamp 2 means fault 2: call service.\n',
  'manuals/saw/saw.md': '# Saw\n\nLamp 3 means fault 3: the blade is worn.\n',
  'shop.sql':
    "create table customers (name text, city text); insert into customers values ('Ada', 'Rome'), ('Bo', 'Oslo');",
  'requests.csv':
    'question,answer\nAll names,select name from customers\nHow many customers?,select count(*) from customers\n' +
    'Who lives in Oslo?,"select name from customers where city = \'Oslo\'"\nAll cities,select city from customers\n',
};

const readme = blocksOf('README.md');
const pipelines = readme.flatMap(({ language, text }) => {
  const name = /^# ([\w-]+\.yaml)\n/.exec(text)?.[1];
  return language === 'yaml' && name !== undefined ? [{ name, text }] : [];
});
const block = readme.find(({ text }) => text.startsWith('try() {'))?.text ?? '';
const [shortened = '', list = ''] = block.split(/(?<=\n}\n)/);
const commands = list
  .trim()
  .split('\n')
  .map((line) => line.replace(/ {2,}#.*$/, ''));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rlsd-first-hour-'));
  for (const [name, content] of [
    ...Object.entries(files),
    ...pipelines.map(({ name, text }) => [name, text] as const),
  ]) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/rlsd-streams'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command of README. @returns exit code, and everything that it printed */
function shell(command: string): Promise<{ readonly code: number; readonly output: string }> {
  const script = `${shortened}${command} 2>&1`.replaceAll('npx rlsd', `${process.execPath} ${main}`);
  return new Promise((resolve) =>
    execFile('bash', ['-c', script], { cwd: folder }, (error, stdout) =>
      resolve({ code: error ? Number(error.code) : 0, output: stdout }),
    ),
  );
}

/** The files have few lines. */
const few = '--set prompts.heldOut=2 --set rollout.group=2';

describe("a stranger's first hour, from README alone", () => {
  it('has the pipelines and commands', () => {
    expect(pipelines.map(({ name }) => name)).toEqual(['gsm8k.yaml', 'manuals.yaml', 'queries.yaml']);
    expect(commands).toHaveLength(6);
  });

  it.each([
    ['gsm8k.yaml', /"answer":"\d+"/],
    ['manuals.yaml', /"answer":"fault \d"/],
    ['queries.yaml', /"answer":"select /],
  ])('%s: checks its data and trains on it', async (name, reference) => {
    const own = (command: string) => command.replace('gsm8k.yaml', name).replace('runs/first', `runs/${name}`);
    const [check = '', run = ''] = commands.map(own);
    const checked = await shell(`${check} ${few}`);
    expect([checked.code, checked.output]).toEqual([0, expect.stringContaining('no problems found')]);
    const trained = await shell(`${run} ${few}`);
    expect([trained.code, trained.output]).toEqual([0, expect.stringContaining('2 steps in ')]);
    const references = await shell(`npx rlsd tail runs/${name} references --show-privileged`);
    expect(references.output).toMatch(reference);
  });

  it('shows what the run wrote, judged and learned', async () => {
    const looked = [];
    for (const look of commands.slice(2)) looked.push(await shell(look.replace('runs/first', 'runs/gsm8k.yaml')));
    expect(looked.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const [topics, verdicts, letters, metrics] = looked.map(({ output }) => output);
    expect(topics).toMatch(/^rollouts +8 /m);
    expect(verdicts?.match(/"reason"/g)).toHaveLength(3);
    expect(letters).toContain('no dead letters');
    expect(metrics).toMatch(/learn\/loss/);
  });

  it('check --data names the line that could not be judged', async () => {
    writeFileSync(join(folder, 'requests.csv'), `${files['requests.csv']}Broken,select nothing from customers\n`);
    const { code, output } = await shell(`try check queries.yaml --data ${few}`);
    expect([code, output]).toEqual([2, expect.stringMatching(/requests\.csv:6: /)]);
  });
});
