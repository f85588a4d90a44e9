import { describe, expect, it } from 'vitest';
import { judgeCode } from '../../../src/verifiers/code/judge.js';
import { readCodeSettings } from '../../../src/verifiers/code/settings.js';
import { readCodeTask } from '../../../src/verifiers/code/tests.js';
import { needsSandbox } from '../sandbox/machine.js';

const settings = readCodeSettings({ languages: ['python', 'c'], reward: 'fraction', limits: { seconds: 1 } }, 'code');
const judge = (code: string, data: object, language = 'python') =>
  judgeCode(settings, readCodeTask({ language, ...data }, ''), `\`\`\`${language}\n${code}\n\`\`\``);
const asserts = (...all: string[]) => ({ tests: all.map((assert) => ({ assert })) });

describe.runIf(await needsSandbox())('Python', () => {
  it('is judged by its output', async () => {
    const tests = {
      tests: [
        { stdin: '1 2', stdout: '3' },
        { stdin: '2 2', stdout: '777' },
      ],
    };
    const judgement = await judge('print(sum(map(int, input().split())))', tests);
    expect(judgement).toMatchObject({ verdict: 'incorrect', reward: 0.5 });
    expect(judgement.evidence.failingTest).toBe('2');
    expect(JSON.stringify(judgement)).not.toContain('777');
  });

  it('passes assertions about values, classes, generators, exceptions and callbacks', async () => {
    const code =
      'class P:\n  def __init__(self, x): self.x = x\n  def twice(self): return self.x * 2\nclass Odd(ValueError): pass\ndef f(x): return x + 1\ndef g(n):\n  for i in range(n): yield i\ndef h(): raise Odd("odd")\ndef apply(k, x): return k(x)\ndef bisect(x): return {"a": (x, None)}';
    const tests = asserts(
      'f(1) == 2',
      'assert f(1.5) == 2.5',
      'P(2).twice() == 4',
      'list(g(3)) == [0, 1, 2]',
      'try:\n  h()\n  assert False\nexcept ValueError: pass',
      'apply(lambda x: x * 3, 2) == 6',
      'math.isclose(f(1), 2)',
      'bisect(1) == {"a": (1, None)}',
    );
    expect(await judge(code, tests)).toMatchObject({ verdict: 'correct', reward: 1 });
  });

  it.each([
    [
      'an object that equals everything',
      'class E:\n  def __eq__(s, o): return True\n  def __ne__(s, o): return False\ndef f(x): return E()',
    ],
    [
      'its own builtins',
      'import builtins\nabs = lambda x: 0\ndef all(x): return True\nbuiltins.all = all\nclass M:\n  def isclose(s, *a): return True\nmath = M()\ndef f(x): return 5',
    ],
    ['sys.exit(0)', 'import sys\ndef f(x): sys.exit(0)'],
    ['os._exit(0)', 'import os\ndef f(x): os._exit(0)'],
    ['exceptions that end a loop', 'def f(x): raise StopIteration'],
    ['patching its harness', 'import sys\nsys.modules["__main__"].encode = lambda v, k: True\ndef f(x): return 5'],
    [
      'messages of its own',
      'import os\nfor fd in range(20):\n  try: os.write(fd, b\'{"outcome": "pass", "detail": ""}\\n\')\n  except OSError: pass\ndef f(x): return 5',
    ],
    [
      "looking for the tests' file",
      'import os\nneedle = "==" + " 3"\ndef f(x):\n  return 3 if any(needle in open(os.path.join("/box", n)).read() for n in os.listdir("/box")) else 5',
    ],
    [
      'the frames of its callers',
      'import sys\nneedle = "==" + " 3"\ndef f(x):\n  frame = sys._getframe()\n  while frame:\n    if needle in str(frame.f_locals.get("q")): return 3\n    frame = frame.f_back\n  return 5',
    ],
  ])('is not fooled by %s', async (_, code) => {
    const tests = asserts(
      'f(1) == 3',
      'not f(1) != 3',
      'all(f(x) == 3 for x in [1, 2])',
      'abs(f(1) - 3) < 1',
      'math.isclose(f(1), 3)',
      '[f(1)] == [3]',
    );
    const judgement = await judge(code, tests);
    expect(judgement.reward).toBe(0);
    expect(judgement.verdict).not.toBe('correct');
  });

  it('goes on after a test that ends the program', async () => {
    const code = 'def f(x):\n  while x == 1: pass\n  return x';
    const judgement = await judge(code, asserts('f(0) == 0', 'f(1) == 1', 'f(2) == 2'));
    expect(judgement).toMatchObject({ verdict: 'timeout', reward: 2 / 3 });
  });

  it('runs a test file of unittest, pytest or check(candidate)', async () => {
    const testFile =
      'import unittest, pytest\nfrom solution import f\nclass T(unittest.TestCase):\n  def test_a(self): self.assertEqual(f(1), 2)\n  def test_b(self): self.assertEqual(f(1), 3)\n@pytest.mark.parametrize("a,b", [(1, 2), (2, 3)])\ndef test_c(a, b): assert f(a) == pytest.approx(b)\ndef test_d():\n  with pytest.raises(TypeError): f("a")';
    expect((await judge('def f(x): return x + 1', { testFile })).reward).toBe(0.75);
    const check = { testFile: 'def check(candidate):\n  assert candidate(1) == 2\n', entryPoint: 'f' };
    expect((await judge('def f(x): return x + 1', check)).verdict).toBe('correct');
    expect((await judge('def f(x): return x + 2', check)).verdict).toBe('incorrect');
    await expect(judge('x = 1', asserts('f(1) ==='))).rejects.toThrow('not valid Python');
  });
});

describe.runIf(await needsSandbox())('a compiled language', () => {
  it('is compiled and run, each in a sandbox', async () => {
    const code = '#include <stdio.h>\nint main(void) { int a, b; scanf("%d %d", &a, &b); printf("%d\\n", a + b); }';
    expect((await judge(code, { tests: [{ stdin: '1 2', stdout: '3' }] }, 'c')).verdict).toBe('correct');
    const spies = await judge('#include "/etc/passwd"\nint main(void) {}', { tests: [{ stdout: '' }] }, 'c');
    expect(spies.verdict).toBe('incorrect');
    expect(spies.evidence.diagnostics).toContain('No such file');
  });
});
