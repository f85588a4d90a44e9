import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { jsonLines, parseLines, rlsd, rlsdProcess, start, tinyProject } from './cli.js';

/** One message, no stack trace, nothing on stdout. */
async function refuses(args: readonly string[], message: RegExp, { code = 2, command = rlsd } = {}): Promise<void> {
  const result = await command(args);
  expect(result.stderr).toMatch(message);
  expect(result).toMatchObject({ code, stdout: '' });
  expect(result.stderr).not.toMatch(/^\s+at .*[:(]/m);
}

describe('a run from the command line', () => {
  it('continues past dead letters, and fails if every sample becomes one', async () => {
    const { folder, file } = tinyProject({ verify: { function: { module: 'judge.mjs' } }, shape: 'grpo' });
    writeFileSync(join(folder, 'judge.mjs'), `export default () => { throw new Error('no judge here'); };\n`);
    const prompts = join(folder, 'sums.jsonl');
    writeFileSync(prompts, `not JSON\n${readFileSync(prompts, 'utf8')}`);
    const set = ['--set', 'verify={regex: {pattern: "[0-4]"}}'];
    const some = await rlsd(['run', file, '--run', join(folder, 'some'), '--steps', '1', '--json', ...set]);
    expect(parseLines(some.stdout).at(-1)).toMatchObject({ samples: 8, records: { 'dead-letters': 1 } });
    expect(some).toMatchObject({ code: 0, stderr: '' });
    const none = await rlsd(['run', file, '--run', join(folder, 'none'), '--steps', '1', '--json']);
    expect(parseLines(none.stdout).at(-1)).toMatchObject({
      event: 'summary',
      steps: 1,
      samples: 0,
      records: { verdicts: 8, advantages: 8 },
    });
    expect(none).toMatchObject({ code: 1, stderr: expect.stringMatching(/nothing was trained on.*dead-letters/) });
  });

  it('is reported in JSON lines, can be inspected, and does not run again once finished', async () => {
    const { folder, file } = tinyProject();
    const run = join(folder, 'run');
    const first = await rlsd(['run', file, '--run', run, '--steps', '2', '--json']);
    expect([first.code, first.stderr]).toEqual([0, '']);
    const events = parseLines(first.stdout);
    expect(events[0]).toMatchObject({ event: 'started', steps: 2, resumed: false });
    const summary = events.at(-1);
    expect(summary).toMatchObject({
      event: 'summary',
      run: expect.stringMatching(/^tiny-[0-9a-f]{8}$/),
      steps: 2,
      seconds: expect.any(Number),
      heldOut: { before: expect.any(Number), after: expect.any(Number), n: 4 },
      weights: { version: 2, digest: expect.stringMatching(/^[0-9a-f]{64}$/), path: join(run, 'weights/v000002') },
      records: { prompts: 4, rollouts: 16, verdicts: 16, advantages: 16, weights: 3, 'dead-letters': 0 },
    });

    const again = await rlsd(['resume', run, '--json']);
    expect(again.code).toBe(0);
    const { seconds: _, ...rest } = parseLines(again.stdout).at(-1) ?? {};
    expect(summary).toMatchObject(rest);

    const topics = parseLines((await rlsd(['topics', run, '--json'])).stdout);
    expect(topics).toContainEqual({ topic: 'prompts', count: 4, digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const lag = parseLines((await rlsd(['lag', run, '--json'])).stdout);
    expect(lag.map(({ stage, lag: behind }) => [stage, behind])).toEqual(
      ['rollout', 'verify', 'teach', 'shape', 'learn', 'evaluate'].map((stage) => [stage, 0]),
    );
    const tail = parseLines((await rlsd(['tail', run, 'rollouts', '-n', '3', '--json'])).stdout);
    expect(tail).toHaveLength(3);
    const hidden = await rlsd(['tail', run, 'references', '--json']);
    expect(hidden.stdout).toContain('[privileged');
    expect((await rlsd(['dead-letters', run, 'list'])).stdout).toBe('no dead letters\n');
    const data = join(run, '..', 'data.jsonl');
    await rlsd(['dataset', run, '--out', data]);
    expect(parseLines(readFileSync(data, 'utf8'))[0]).toMatchObject({
      id: expect.stringMatching(/\/0$/),
      verdict: expect.any(String),
    });
    await refuses(['dataset', run, '--topic', 'rollouts', '--out', data], /rollouts: has no judged samples/);
    await refuses(
      ['dataset', run, '--out', 'data.csv'],
      /data\.csv: expected a file that ends in \.jsonl or \.parquet/,
    );
    await refuses(['tail', run, 'rollout'], /the run has no topic rollout; did you mean rollouts\?/);
    await refuses(
      ['run', file, '--run', run, '--steps', '3'],
      /contains a different run:\n.*spec\.steps: the run has 2, this pipeline 3/,
    );

    const model = join(run, 'weights/v000002');
    const evaluated = await rlsd([
      'eval',
      '--model',
      model,
      '--prompts',
      join(folder, 'sums.jsonl'),
      '--limit',
      '5',
      '--json',
    ]);
    expect(parseLines(evaluated.stdout).at(-1)).toMatchObject({ event: 'summary', n: 5, accuracy: expect.any(Number) });

    const manifest = readFileSync(join(run, 'manifest.json'), 'utf8');
    writeFileSync(join(run, 'manifest.json'), manifest.replace('"format": 1', '"format": 9'));
    await refuses(['resume', run], /manifest\.json: found format 9, expected 1/);
    const older = JSON.parse(manifest);
    older.schemas.prompts = 'older';
    writeFileSync(join(run, 'manifest.json'), JSON.stringify(older));
    await refuses(['resume', run], /schemas\.prompts: the run has "older"/);
    writeFileSync(join(run, 'manifest.json'), '{');
    await refuses(['resume', run], /manifest\.json: not JSON/);
  });

  it('stops cleanly on Ctrl-C, refuses a second writer, and resumes', async () => {
    const { folder, file } = tinyProject({ steps: 100, evaluate: { every: 50 } });
    const run = join(folder, 'run');
    const child = start(['run', file, '--run', run, '--json']);
    const errors: string[] = [];
    child.stderr?.on('data', (chunk) => errors.push(String(chunk)));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    for await (const event of jsonLines(child))
      if (event.event === 'step') {
        if (event.step === 0) {
          child.kill('SIGSTOP');
          await refuses(['resume', run], new RegExp(`the process with pid ${child.pid} already writes`), {
            command: rlsdProcess,
          });
          child.kill('SIGCONT');
          child.kill('SIGINT');
        }
      }
    expect(await ended).toBe(130);
    expect(errors.join('')).toMatch(/^rlsd: stopped; `rlsd resume \S*run` continues from here\n$/);
  });
});

it('fails if its stdout closes before the result, but not before the progress lines', async () => {
  const { folder, file } = tinyProject();
  const run = join(folder, 'run');
  const unread = (args: readonly string[]) => {
    const child = start(args);
    child.stdout?.destroy();
    return new Promise<number | null>((resolve) => child.once('close', resolve));
  };
  expect(await unread(['run', file, '--run', run, '--json'])).toBe(1);
  expect((await rlsdProcess(['resume', run])).code).toBe(0);
  expect(await unread(['replay', run, '--verify', '--json'])).toBe(1);
  expect(await unread(['tail', run, 'rollouts'])).toBe(0);
});

describe('an invalid command line', () => {
  it.each([
    ['an unknown command', ['runn'], /unknown command 'runn'\n\(Did you mean run\?\)/],
    ['an unknown option', ['run', 'FILE', '--step', '3'], /unknown option '--step'\n\(Did you mean/],
    ['an option that is not a number', ['run', 'FILE', '--steps', 'many'], /Expected an integer of at least 1/],
    ['an unknown stage', ['run', 'FILE', '--stage', 'roll-out'], /no such stage; did you mean rollout\?/],
    ['a missing file', ['run', 'nowhere.yaml'], /nowhere\.yaml: cannot be read \(ENOENT\)/],
    ['a folder without a run', ['resume', 'FOLDER'], /no run here, expected a folder with manifest\.json/],
    ['an unknown field', ['run', 'FILE', '--set', 'learn.rate=1'], /learn\.rate: unknown field/],
    ['a field of the wrong type', ['run', 'FILE', '--set', 'steps=few'], /steps: found "few"; expected/],
    ['two methods at once', ['run', 'FILE', '--set', 'shape={grpo: {}, rlsd: {}}'], /shape/],
    [
      'an unknown verifier',
      ['run', 'FILE', '--set', 'verify={maths: {}}'],
      /found "maths", expected.*did you mean "math"/,
    ],
    ['a missing model', ['run', 'FILE', '--set', 'model.base=nothing'], /nothing/],
    ['a missing prompts file', ['run', 'FILE', '--set', 'prompts.file=none.jsonl'], /none\.jsonl: no such file/],
    [
      'settings that contradict each other',
      ['run', 'FILE', '--set', 'publish.every=3'],
      /publish\.every: found 3, expected a divisor of steps/,
    ],
    [
      'a missing transform',
      ['run', 'FILE', '--set', 'transform.verdicts=mine.mjs'],
      /transform\.verdicts: .*mine\.mjs cannot be loaded/,
    ],
    [
      'a module that exports no operator',
      ['run', 'FILE', '--set', 'transform.verdicts=none.mjs'],
      /transform\.verdicts: .*none\.mjs: the default export returned a number; expected a function without arguments that returns/,
    ],
    [
      'an unavailable device',
      ['run', 'FILE', '--set', 'model.device=gpu'],
      /model\.device: found "gpu", expected cpu for engine onnx/,
    ],
    ['an operator behind no topic', ['run', 'FILE', '--set', 'transform.verdict=op.mjs'], /transform\.verdict/],
  ])('%s is named', async (_, args, message) => {
    const { folder, file } = tinyProject();
    writeFileSync(join(folder, 'op.mjs'), 'export default () => (source) => source;\n');
    writeFileSync(join(folder, 'none.mjs'), 'export default () => 42;\n');
    await refuses(
      args.map((arg) => ({ FILE: file, FOLDER: folder })[arg] ?? arg),
      message,
    );
  });

  it.each([
    ['cut short', (model: string) => truncateSync(join(model, 'model.safetensors'), 900), /model\.safetensors/],
    [
      'of another vocabulary',
      (model: string) => {
        const config = readFileSync(join(model, 'config.json'), 'utf8');
        writeFileSync(join(model, 'config.json'), config.replace(/"vocab_size": \d+/, '"vocab_size": 100'));
      },
      /vocab/,
    ],
    ['without a chat template', (model: string) => rmSync(join(model, 'tokenizer_config.json')), /no chat template/],
  ])('a model that is %s is named', async (_, spoil, message) => {
    const { folder, file } = tinyProject();
    spoil(join(folder, 'model'));
    await refuses(['run', file, '--run', join(folder, 'run')], message);
  });

  it('is reported by check, with every problem at once', async () => {
    const { file } = tinyProject({ learn: { prompts: 0, lr: 1e-2 }, verify: { maths: {} } });
    const { code, stdout } = await rlsd(['check', file, '--json']);
    expect(code).toBe(2);
    const [report] = parseLines(stdout) as { ok: boolean; problems: string[] }[];
    expect(report?.ok).toBe(false);
    expect(report?.problems.join('\n')).toMatch(/maths[\s\S]*learn\.prompts|learn\.prompts[\s\S]*maths/);
  });
});

describe('eval', () => {
  it('reports the lines that cannot be sampled or judged, and evaluates the others', async () => {
    const { folder } = tinyProject();
    const lines = [
      '{"id": "a", "question": "1 + 1 =", "answer": "2"}',
      '{"id": "b", "question": "1 + 1',
      '{"id": "c", "question": "1 + 1 ="}',
      '{"id": "d", "answer": "2"}',
      JSON.stringify({ id: 'e', question: '1 + '.repeat(60), answer: '60' }),
      '{"id": "f", "question": "1 + 2 =", "answer": 3}',
    ];
    const file = join(folder, 'lines.jsonl');
    writeFileSync(file, lines.join('\n'));
    const model = join(folder, 'model');
    const { code, stdout, stderr } = await rlsd(['eval', '--model', model, '--prompts', file, '--json']);
    expect(code).toBe(2);
    expect(parseLines(stdout)).toEqual([
      expect.objectContaining({ event: 'summary', n: 2, samples: 1, badLines: 4, interval: [0, expect.any(Number)] }),
    ]);
    expect(stderr.trim().split('\n').sort()).toEqual([
      expect.stringMatching(/^rlsd: lines\.jsonl:2(:\d+)?: not JSON/),
      expect.stringMatching(/^rlsd: lines\.jsonl:3: math: the item has no reference answer/),
      expect.stringMatching(/^rlsd: lines\.jsonl:4: question: /),
      expect.stringMatching(/^rlsd: lines\.jsonl:5: found \d+ tokens, expected at most \d+: the context holds/),
    ]);
  });

  it('gives mean@k and pass@k of several samples, and writes each with its verdict', async () => {
    const { folder } = tinyProject();
    const answers = join(folder, 'answers.jsonl');
    const asked = ['--model', join(folder, 'model'), '--prompts', join(folder, 'sums.jsonl'), '--limit', '3'];
    const drawn = [...asked, '--temperature', '1', '--samples', '4', '--max-tokens', '4', '--answers', answers];
    const [first, again] = [await rlsd(['eval', ...drawn, '--json']), await rlsd(['eval', ...drawn])];
    const [summary] = parseLines(first.stdout);
    expect(summary).toMatchObject({ n: 3, samples: 4, temperature: 1, passAtK: expect.any(Number) });
    expect(again.stdout).toMatch(
      /^\d+ of 12 completions of 3 questions correct: mean@4 .* ±.*, pass@4 .*; 95 % interval/,
    );
    const lines = parseLines(readFileSync(answers, 'utf8')) as { id: string; sample: number; verdict: string }[];
    expect(lines.map(({ sample }) => sample)).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
    expect(lines.filter(({ verdict }) => verdict === 'correct')).toHaveLength(Number(summary?.correct));
  });

  it.each([
    ['a file that is not there', ['--prompts', 'FOLDER/none.jsonl'], /no such file/],
    ['a verifier that is no YAML', ['--verify', '{math: {'], /^rlsd: --verify \{math: \{: /],
    ['samples that are all the same', ['--samples', '4'], /^rlsd: --samples 4: found --temperature 0, whose/],
    ['a temperature that is not a number', ['--temperature', 'warm'], /Expected a number of at least 0/],
  ])('refuses %s', async (_, args, message) => {
    const { folder } = tinyProject();
    const asked = ['--model', join(folder, 'model'), '--prompts', join(folder, 'sums.jsonl'), ...args];
    await refuses(['eval', ...asked.map((arg) => arg.replace('FOLDER', folder))], message);
  });
});

describe('the pure functions', () => {
  it('map lines, and report a bad one without stopping', async () => {
    const line = { id: 'a', gold: '$\\frac{1}{2}$', answer: '0.5' };
    const verified = await rlsdProcess(
      ['verify', 'math'],
      `${JSON.stringify(line)}\n{"id"\n${JSON.stringify({ ...line, id: 'b' })}\n`,
    );
    expect(verified.code).toBe(2);
    expect(verified.stderr).toMatch(/^rlsd: stdin:2: not JSON/);
    expect(parseLines(verified.stdout).map(({ id }) => id)).toEqual(['a', 'b']);
    await refuses(['verify', 'maths'], /verify maths: unknown kind; did you mean math\?/);
  });

  it.each(['mermaid', 'dot', 'json'])('graph draws the plan as %s', async (format) => {
    const { file } = tinyProject();
    const { code, stdout } = await rlsd(['graph', file, '--format', format]);
    expect(code).toBe(0);
    expect(stdout).toContain('teacher-scores');
    if (format === 'json') expect(JSON.parse(stdout)).toHaveProperty('stages');
  });
});

describe('learn.external', () => {
  it.each([
    [[], /learn\.external: found true, expected topics that another process can write/],
    [['--stage', 'learn'], /--stage learn: learn\.external leaves it to another learner/],
    [['--require-signal'], /--require-signal: found learn\.external; expected it where stage learn runs/],
  ] as const)('is refused where nobody else could train: %j', (more, expected) =>
    refuses(['run', tinyProject().file, '--set', 'learn.external=true', ...more], expected),
  );
});

describe('--require-signal', () => {
  it('exits with 3 after a run that could not learn, and with 0 after one that did', async () => {
    const { folder, file } = tinyProject({ shape: 'grpo', privileged: [], steps: 1, evaluate: { every: 1 } });
    const run = (name: string, ...more: string[]) =>
      rlsd(['run', file, '--require-signal', '--run', join(folder, name), ...more]);
    const alone = await run('alone', '--set', 'rollout.group=1');
    expect(alone.code).toBe(3);
    expect(alone.stdout).toContain('nothing was learned: 0 of 2 groups have a training signal');
    expect(alone.stderr).toMatch(/warning rollout\.group: found 1; .*\n(.*\n)*rlsd: --require-signal: 0 of 2 groups/);
    expect((await run('groups')).code).toBe(0);
  });

  it('is refused in a process that cannot know', () =>
    refuses(
      ['run', tinyProject().file, '--require-signal', '--stage', 'verify'],
      /--require-signal: found --stage verify; expected it where stage learn runs/,
    ));
});
