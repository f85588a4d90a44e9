import { UserError } from '../../support/errors.js';
import { at } from '../../support/required.js';
import { spoken } from '../answer/spoken.js';
import { findToolchain } from '../sandbox/toolchains.js';
import type { Judgement } from '../verifier.js';
import { pickBlock } from './block.js';
import { definesFor } from './defined.js';
import { runAsserted } from './javascript/asserted.js';
import { runCases as runInEngine } from './javascript/run.js';
import { clip, judgeOutcomes, type Outcome } from './outcome.js';
import { buildProgram, runCase } from './program.js';
import { runPythonTests } from './python.js';
import type { CodeSettings } from './settings.js';
import type { CodeTask } from './tests.js';

const DIAGNOSTICS = 2000;

/** Runs a completion's code block against the tests of its task. */
export async function judgeCode(settings: CodeSettings, task: CodeTask, completion: string): Promise<Judgement> {
  const languages = task.language === undefined ? settings.languages : [task.language];
  const unknown = languages.find((language) => !settings.languages.includes(language));
  if (unknown !== undefined) {
    throw new UserError(
      'language-not-set',
      `the task is in a language that this verifier does not run, expected one of ${settings.languages.join(', ')}`,
    );
  }
  const choice = { which: settings.block, score: definesFor(task.tests) };
  const block = pickBlock(spoken(completion), languages, choice);
  if (!block) {
    return { verdict: 'unparseable', reward: 0, reason: `no code block in ${languages.join(' or ')}`, evidence: {} };
  }
  const language = block.language === '' ? at(languages, 0) : block.language;
  const evidence = { language, code: clip(block.code, DIAGNOSTICS) };
  return language === 'javascript' || language === 'typescript'
    ? judgeInEngine(settings, task, block.code, evidence)
    : judgeInSandbox(settings, task, block.code, evidence);
}

type Evidence = { readonly language: string; readonly code: string };

const rejected = (evidence: Evidence, reason: string, diagnostics: string): Judgement => ({
  verdict: 'incorrect',
  reward: 0,
  reason,
  evidence: { ...evidence, diagnostics: clip(diagnostics, DIAGNOSTICS) },
});

/** Runs cases one after another. Unless `all`, it stops at the first that does not pass. */
async function runCases<T>(cases: readonly T[], all: boolean, run: (test: T) => Promise<Outcome>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const test of cases) {
    outcomes.push(await run(test));
    if (!all && outcomes.at(-1)?.outcome !== 'pass') break;
  }
  return outcomes;
}

async function judgeInEngine(
  settings: CodeSettings,
  task: CodeTask,
  code: string,
  evidence: Evidence,
): Promise<Judgement> {
  let script = code;
  const typed = evidence.language === 'typescript';
  if (typed || /\b(import|export|await)\b/.test(code)) {
    const compiler = await import('./typescript.js'); // Slow to load, and plain scripts do not need it.
    const diagnostics = typed && settings.typeCheck ? compiler.typeCheck(code, { strict: true }) : [];
    if (diagnostics.length > 0) return rejected(evidence, `${diagnostics.length} type errors`, diagnostics.join('\n'));
    if (typed || compiler.isModule(code)) script = compiler.transpile(code);
  }
  const { limits, reward, unsafeWithoutSandbox } = settings;
  const { tests } = task;
  const all = reward === 'fraction';
  if (tests.kind === 'output') {
    const outcomes = await runInEngine(script, tests.cases, limits, all);
    return judgeOutcomes(outcomes, tests.cases.length, reward, evidence);
  }
  const { outcomes, total } = await runAsserted({ script, tests, limits, all, unsafeWithoutSandbox });
  return judgeOutcomes(outcomes, total, reward, evidence);
}

async function judgeInSandbox(
  settings: CodeSettings,
  task: CodeTask,
  code: string,
  evidence: Evidence,
): Promise<Judgement> {
  const { tests } = task;
  if (tests.kind !== 'output' && evidence.language !== 'python') {
    throw new UserError(
      'bad-tests',
      `tests: found ${tests.kind === 'file' ? 'a test file' : 'assertions'} for ${evidence.language}, ` +
        'expected {"stdin", "stdout"} pairs; assertions and test files are for python, javascript and typescript',
    );
  }
  const toolchain = await findToolchain(evidence.language, settings.toolchains);
  const built = await buildProgram(toolchain, code, settings.limits, settings.unsafeWithoutSandbox);
  if ('diagnostics' in built) {
    if (built.ending === 'exit') return rejected(evidence, 'it does not compile', built.diagnostics);
    const verdict = built.ending === 'timeout' ? 'timeout' : 'crash';
    return {
      ...rejected(evidence, `the compiler was stopped at its limit (${built.ending})`, built.diagnostics),
      verdict,
    };
  }
  const all = settings.reward === 'fraction';
  if (tests.kind !== 'output') {
    const { outcomes, total } = await runPythonTests(built.program, tests, all);
    return judgeOutcomes(outcomes, total, settings.reward, evidence);
  }
  const outcomes = await runCases(tests.cases, all, (test) => runCase(built.program, test));
  return judgeOutcomes(outcomes, tests.cases.length, settings.reward, evidence);
}
