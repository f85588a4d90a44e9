import { describe, expect, it } from 'vitest';
import { judgeCode } from '../../../src/verifiers/code/judge-code.js';
import { readCodeSettings } from '../../../src/verifiers/code/settings.js';
import { readCodeTask } from '../../../src/verifiers/code/tests.js';
import { lacks } from '../../needs.js';
import { pythonCases } from './python-cases.js';

const settings = readCodeSettings({ languages: ['python'], limits: { seconds: 2 } }, 'code');

describe.skipIf(await lacks('sandbox', 'python3', 'pytest'))('Python tests', () => {
  it.concurrent.each(pythonCases.map((one, i) => [i, ...one] as const))(
    'of item %i: %s',
    async (_, expected, program, tests) => {
      const task = readCodeTask({ language: 'python', ...tests }, '');
      const judged = await judgeCode(settings, task, `\`\`\`python\n${program}\n\`\`\``).catch((error) => error);
      expect(judged.verdict ?? judged.code, judged.message ?? JSON.stringify(judged)).toBe(expected);
    },
    30_000,
  );
});
