import { UserError } from '../../support/errors.js';
import { at } from '../../support/required.js';
import { spoken } from '../answer/spoken.js';
import { pickBlock } from '../code/block.js';
import { clip } from '../code/outcome.js';
import { buildProgram } from '../code/program.js';
import { findToolchain } from '../sandbox/toolchains.js';
import type { Judgement } from '../verifier.js';
import type { CompileSettings } from './settings.js';

// Python compiles when it loads a file; this command does only that.
const pythonCheck = [
  '{bin}/python3',
  '-c',
  "import ast; ast.parse(open('main.py', encoding='utf8').read(), 'main.py')",
];

/** Whether a completion's code block compiles; the compiler's diagnostics are the evidence. */
export async function judgeCompile(
  settings: CompileSettings,
  taskLanguage: string | undefined,
  completion: string,
): Promise<Judgement> {
  if (taskLanguage !== undefined && !settings.languages.includes(taskLanguage)) {
    throw new UserError(
      'language-not-set',
      `the task is in a language that this verifier does not compile, expected one of ${settings.languages.join(', ')}`,
    );
  }
  const languages = taskLanguage === undefined ? settings.languages : [taskLanguage];
  const block = pickBlock(spoken(completion), languages, { which: settings.block });
  if (!block)
    return { verdict: 'unparseable', reward: 0, reason: `no code block in ${languages.join(' or ')}`, evidence: {} };
  const language = block.language === '' ? at(languages, 0) : block.language;
  const evidence = { language, code: clip(block.code, 2000) };
  const judge = (diagnostics: string): Judgement =>
    diagnostics === ''
      ? { verdict: 'correct', reward: 1, reason: 'it compiles', evidence }
      : {
          verdict: 'incorrect',
          reward: 0,
          reason: 'it does not compile',
          evidence: { ...evidence, diagnostics: clip(diagnostics, 2000) },
        };

  if (language === 'typescript') {
    const { typeCheck } = await import('../code/typescript.js');
    return judge(typeCheck(block.code, settings).join('\n'));
  }
  if (language === 'javascript') {
    const { syntaxErrors } = await import('../code/typescript.js');
    return judge(syntaxErrors(block.code).join('\n'));
  }
  const found = await findToolchain(language, settings.toolchains);
  const toolchain =
    language === 'python' ? { ...found, compile: [[...pythonCheck], ['cp', 'main.py', 'program']] } : found;
  if (!toolchain.compile)
    throw new UserError('no-compiler', `language "${language}" has no compile command in its tool chain`);
  const built = await buildProgram(toolchain, block.code, settings.limits, settings.unsafeWithoutSandbox);
  if (!('diagnostics' in built)) return judge('');
  if (built.ending === 'exit') return judge(built.diagnostics || 'the compiler failed without a message');
  const verdict = built.ending === 'timeout' ? 'timeout' : 'crash';
  return {
    ...judge(built.diagnostics || built.ending),
    verdict,
    reason: `the compiler was stopped at its limit (${built.ending})`,
  };
}
