import { describe, expect, it } from 'vitest';
import { judgeCompile } from '../../../src/verifiers/compile/judge-compile.js';
import { readCompileSettings } from '../../../src/verifiers/compile/settings.js';
import { lacks } from '../../needs.js';

const judge = (language: string, code: string, more: object = {}) => {
  const settings = readCompileSettings({ languages: [language], ...more }, 'compile');
  return judgeCompile(settings, language, `Here:\n\`\`\`${language}\n${code}\n\`\`\``);
};

describe('compile', () => {
  it.each([
    ['typescript', 'const x: number = 1; export const f = (y: string): string => y + x;', 'correct', ''],
    ['typescript', 'const x: number = "1";', 'incorrect', '1:7 TS2322'],
    ['typescript', 'import { f } from "./missing"; f();', 'incorrect', 'TS2307'],
    ['typescript', 'function f(x) { return x; }', 'incorrect', 'TS7006'],
    ['javascript', 'const x = 1; export default () => x;', 'correct', ''],
    ['javascript', 'const x = ;', 'incorrect', 'Expression expected'],
  ])('%s: %s is %s', async (language, code, verdict, diagnostics) => {
    const judgement = await judge(language, code);
    expect(judgement.verdict).toBe(verdict);
    expect(judgement.evidence.diagnostics ?? '').toContain(diagnostics);
  });

  it('is as strict as its settings', async () => {
    expect((await judge('typescript', 'function f(x) { return x; }', { strict: false })).verdict).toBe('correct');
  });

  it('TypeScript reads no file of this machine', async () => {
    const code =
      '/// <reference path="/etc/hostname" />\nimport x from "/etc/passwd"; import y from "typescript"; x(y);';
    const { diagnostics } = (await judge('typescript', code)).evidence;
    expect(diagnostics).toContain("Could not resolve the path '/etc/hostname'");
    expect(diagnostics).toContain("Cannot find module 'typescript'");
  });

  it('needs a block in its language, and names an unsupported language', async () => {
    const settings = readCompileSettings({}, 'compile');
    expect((await judgeCompile(settings, undefined, 'no code')).verdict).toBe('unparseable');
    expect((await judgeCompile(settings, undefined, '```ts\nlet x = 1;\n```')).verdict).toBe('correct');
    await expect(judgeCompile(settings, 'rust', '```rust\n```')).rejects.toThrow('does not compile');
  });
});

describe.skipIf(await lacks('sandbox', 'python3', 'gcc', 'g++'))('compile in the sandbox', () => {
  it.each([
    ['python', 'def f(x): return x', 'correct', ''],
    ['python', 'def f(x) return x', 'incorrect', "expected ':'"],
    ['python', 'import os; os._exit(1)', 'correct', ''],
    ['c', 'int main(void) { return 0; }', 'correct', ''],
    ['c', 'int main(void) { return x; }', 'incorrect', 'undeclared'],
    ['c', '#include "/etc/passwd"\nint main(void) {}', 'incorrect', 'No such file'],
    ['c', 'int main[1 << 27] = {1};', 'incorrect', ''],
    ['c++', '#include <vector>\nint main() { return std::vector<int>{}.size(); }', 'correct', ''],
    ['c++', 'template <int N> struct A { A<N + 1> a; }; A<0> a; int main() {}', 'incorrect', 'depth'],
  ])('%s: %s is %s', async (language, code, verdict, diagnostics) => {
    const judgement = await judge(language, code);
    expect(judgement.verdict, judgement.evidence.diagnostics).toBe(verdict);
    expect(judgement.evidence.diagnostics ?? '').toContain(diagnostics);
  });

  it("compiles with the user's own command", async () => {
    const toolchains = {
      kc: {
        program: 'gcc',
        source: 'main.kc',
        compile: [['{bin}/gcc', '-x', 'c', '-Werror', '-Wall', '-o', 'program', 'main.kc']],
        run: ['./program'],
      },
    };
    expect((await judge('kc', 'int main(void) { return 0; }', { toolchains })).verdict).toBe('correct');
    const wrong = await judge('kc', 'int main(void) { int x; return 0; }', { toolchains });
    expect(wrong.verdict).toBe('incorrect');
    expect(wrong.evidence.diagnostics).toContain('unused variable');
    const run = { sh: { program: 'sh', source: 'main.sh', run: ['{bin}/sh', 'main.sh'] } };
    await expect(judge('sh', 'true', { toolchains: run })).rejects.toThrow('no compile command');
  });
});
