// Independent judges, in Python: SQLite, jsonschema and Math-Verify.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const packages = ['jsonschema[format]==4.26.0', 'math-verify==0.9.0'];

/** A Python with the packages, in a virtual environment that is made where it is missing. */
function pythonIn(folder) {
  const python = join(folder, 'bin/python');
  if (!existsSync(python)) {
    execFileSync('python3', ['-m', 'venv', folder], { stdio: 'inherit' });
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', ...packages], { stdio: 'inherit' });
  }
  return python;
}

/**
 * Asks the independent judge of a kind.
 *
 * @returns `judge(questions)` resolves to true, false or null (no opinion) per question
 */
export function openIndependentJudge(folder, kind) {
  const script = fileURLToPath(new URL('./judge.py', import.meta.url));
  const child = spawn(pythonIn(folder), [script, kind], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async judge(questions) {
      const asked = questions.filter((question) => question !== null);
      const sent = new Promise((resolve) =>
        child.stdin.write(asked.map((question) => `${JSON.stringify(question)}\n`).join(''), resolve),
      );
      const said = [];
      for (let i = 0; i < asked.length; i++) {
        const { value, done } = await answers.next();
        if (done) throw new Error('the independent judge ended');
        said.push(JSON.parse(value));
      }
      await sent;
      let next = 0;
      return questions.map((question) => (question === null ? null : said[next++]));
    },
    close: () =>
      new Promise((resolve) => {
        child.once('exit', resolve);
        child.stdin.end();
      }),
  };
}
