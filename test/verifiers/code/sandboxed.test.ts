import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judgeCode } from '../../../src/verifiers/code/judge-code.js';
import { buildProgram } from '../../../src/verifiers/code/program.js';
import { checkMachine, readCodeSettings } from '../../../src/verifiers/code/settings.js';
import { readCodeTask } from '../../../src/verifiers/code/tests.js';
import { compileLimits, findToolchain } from '../../../src/verifiers/sandbox/toolchains.js';
import { lacks } from '../../needs.js';

const settings = readCodeSettings(
  { languages: ['python', 'c', 'c++'], reward: 'fraction', limits: { seconds: 0.6 } },
  'code',
);
const judge = (code: string, data: object, language = 'python') =>
  judgeCode(settings, readCodeTask({ language, ...data }, ''), `\`\`\`${language}\n${code}\n\`\`\``);
const asserts = (...all: string[]) => ({ tests: all.map((assert) => ({ assert })) });

describe.skipIf(await lacks('sandbox', 'python3', 'pytest'))('Python', () => {
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
      'forged messages',
      'import os\nfor fd in range(20):\n  try: os.write(fd, b\'{"outcome": "pass", "detail": ""}\\n\')\n  except OSError: pass\ndef f(x): return 5',
    ],
    [
      "looking for the tests' file",
      'import os\nneedle = "==" + " 3"\ndef f(x):\n  return 3 if any(needle in open(os.path.join("/box", n)).read() for n in os.listdir("/box")) else 5',
    ],
    [
      'a child that answers later',
      'import os, time\ndef f(x):\n  if os.fork() == 0:\n    time.sleep(0.05)\n    for fd in range(3, 9):\n      try: os.write(fd, b\'{"v": true}\\n\')\n      except OSError: pass\n    os._exit(0)\n  return 5',
    ],
    [
      'threads that write answers',
      'import os, threading\ndef spam():\n  while True:\n    for fd in range(3, 9):\n      try: os.write(fd, b\'{"outcome": "pass"}\\n\')\n      except OSError: pass\nthreading.Thread(target=spam, daemon=True).start()\ndef f(x): return 5',
    ],
    [
      'an exit hook',
      'import atexit, os, sys\natexit.register(lambda: os._exit(0))\nsys.excepthook = lambda *a: os._exit(0)\ndef f(x): raise SystemExit(0)',
    ],
    [
      'patched JSON',
      'import json\njson.dumps = lambda *a, **k: \'{"v": true}\'\njson.loads = lambda *a, **k: {"v": True}\ndef f(x): return 5',
    ],
    [
      'a subclass of int',
      'class I(int):\n  def __eq__(s, o): return True\n  def __ne__(s, o): return False\n  def __hash__(s): return 3\n  def __rsub__(s, o): return 0\n  def __sub__(s, o): return 0\n  def __lt__(s, o): return True\ndef f(x): return I(5)',
    ],
    [
      'a search of all objects',
      'import gc\nneedle = "==" + " 3"\ndef f(x):\n  for o in gc.get_objects():\n    if isinstance(o, dict) and any(isinstance(v, str) and needle in v and v != needle for v in list(o.values())): return 3\n  return 5',
    ],
    [
      'tracing',
      'import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda frame, *a: frame.f_globals.update(serve=lambda q: True))\ndef f(x): return 5',
    ],
    [
      'memory of other processes',
      'import os\nneedle = "==" + " 3"\ndef f(x):\n  for p in os.listdir("/proc"):\n    try:\n      if needle in open(f"/proc/{p}/cmdline").read() + open(f"/proc/{p}/environ").read(): return 3\n    except OSError: pass\n  return 5',
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
      'all(map(lambda x: f(x) == 3, [1]))',
    );
    const judgement = await judge(code, tests);
    expect(judgement.reward).toBe(0);
    expect(judgement.verdict).not.toBe('correct');
  });

  it('sees changes to the arguments only of calls that return nothing', async () => {
    const code =
      'def sort(xs):\n  xs.sort()\n  xs.append(9)\ndef grid(g):\n  g[0][0] = 5\n  g[1] = [7]\ndef put(d, s):\n  d["b"] = d.pop("a")\n  s.add(3)\ndef cheat(xs):\n  xs.clear()\n  return []\nclass Equal:\n  def __eq__(s, o): return True\ndef fake(xs): xs[:] = [Equal()]';
    const tests = asserts(
      'xs = [2, 1]\nsort(xs)\nassert xs == [1, 2, 9]',
      'g = [[1, 2], [3]]\nrow = g[0]\ngrid(g)\nassert g == [[5, 2], [7]] and row == [5, 2]',
      'd, s = {"a": 1}, {2}\nput(d, s)\nassert d == {"b": 1} and s == {2, 3}',
      'xs = [2, 1]\nassert cheat(xs) == sorted(xs)',
      'xs = [2]\nfake(xs)\nassert xs == [1]',
    );
    expect(await judge(code, tests)).toMatchObject({ verdict: 'incorrect', reward: 3 / 5 });
  });

  it('continues after a test that ends the program', async () => {
    const code = 'def f(x):\n  while x == 1: pass\n  return x';
    const judgement = await judge(code, asserts('f(0) == 0', 'f(1) == 1', 'f(2) == 2'));
    expect(judgement).toMatchObject({ verdict: 'timeout', reward: 2 / 3 });
  });

  it('runs a test file of unittest, pytest or check(candidate)', async () => {
    const testFile =
      'import unittest, pytest\nfrom solution import f\nclass T(unittest.TestCase):\n  def test_a(self): self.assertEqual(f(1), 2)\n  def test_b(self): self.assertEqual(f(1), 3)\n@pytest.mark.parametrize("a,b", [(1, 2), (2, 3)])\ndef test_c(a, b): assert f(a) == pytest.approx(b)\ndef test_d():\n  with pytest.raises(TypeError): f("a")';
    expect((await judge('def f(x): return x + 1', { testFile })).reward).toBe(0.8);
    const check = { testFile: 'def check(candidate):\n  assert candidate(1) == 2\n', entryPoint: 'f' };
    expect((await judge('def f(x): return x + 1', check)).verdict).toBe('correct');
    expect((await judge('def f(x): return x + 2', check)).verdict).toBe('incorrect');
    await expect(judge('x = 1', asserts('f(1) ==='))).rejects.toThrow('not valid Python');
  });
});

it.skipIf(await lacks('sandbox', 'python3'))('ends descendants that nobody waits for with the program', async () => {
  const forks =
    'import os\nprint(3, flush=True)\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    while True: pass\n  os._exit(0)\nos.wait()';
  expect((await judge(forks, { tests: [{ stdout: '3' }] })).verdict).toBe('correct');
  expect((await judge(`${forks}\nos.wait()\nwhile True: pass`, { tests: [{ stdout: '3' }] })).verdict).not.toBe(
    'correct',
  );
  const waits = 'import os\nif os.fork() == 0:\n  while True: pass\nos.wait()\nprint(3)';
  expect((await judge(waits, { tests: [{ stdout: '3' }] })).verdict).toBe('timeout');
});

const adds = [
  { stdin: '1 2', stdout: '3' },
  { stdin: '20 3', stdout: '23' },
];

describe.skipIf(await lacks('sandbox', 'gcc', 'g++'))('a compiled language', () => {
  const c =
    '#include <stdio.h>\nint main(void) { int a, b; scanf("%d %d", &a, &b); printf("%d\\n", a + b); return 0; }';
  const cpp = '#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << a + b << std::endl; }';

  it.each([
    ['c', c, 'correct', 1],
    ['c', c.replace('a + b', 'b == 2 ? 3 : 0'), 'incorrect', 0.5],
    ['c', c.replace('return 0', 'return a'), 'crash', 0],
    ['c', c.replace('return 0', '*(volatile int *)0 = 1'), 'crash', 0],
    ['c', c.replace('return 0', 'if (b == 3) for (;;)'), 'timeout', 0.5],
    ['c', '#include "/etc/passwd"\nint main(void) {}', 'incorrect', 0],
    ['c++', cpp, 'correct', 1],
    ['c++', cpp.replace('a + b', 'a.b'), 'incorrect', 0],
    ['c++', cpp.replace('std::cout', 'new char[1ULL << 33](); std::cout'), 'crash', 0],
  ])('%s: %s', async (language, code, verdict, reward) => {
    const judgement = await judge(code, { tests: adds }, language);
    expect(judgement.verdict, JSON.stringify(judgement)).toBe(verdict);
    expect(judgement.reward).toBe(reward);
  });

  it('reports memory exhaustion, and keeps the diagnostics', async () => {
    const memory = await judge(cpp.replace('std::cout', 'new char[1ULL << 33](); std::cout'), { tests: adds }, 'c++');
    expect(memory.evidence.outcome).toBe('memory');
    expect((await judge('int main(void) { return x; }', { tests: adds }, 'c')).evidence.diagnostics).toContain(
      'main.c:1',
    );
  });

  it('is given up at the limits of the compiler', async () => {
    const limits = readCodeSettings({}, 'code').limits;
    const short = { ...compileLimits, seconds: 0.5 };
    const bomb = '#include "main.c"\n#include "main.c"\n';
    const built = await buildProgram(await findToolchain('c'), bomb, limits, false, short);
    expect(built).toMatchObject({ ending: 'timeout' });
  });

  it("can be the user's own", async () => {
    const toolchains = {
      kc: {
        program: 'gcc',
        source: 'main.kc',
        compile: [['{bin}/gcc', '-x', 'c', '-o', 'program', 'main.kc']],
        run: ['./program'],
      },
      shell: { program: 'sh', source: 'main.sh', run: ['{bin}/sh', 'main.sh'] },
    };
    const own = readCodeSettings({ languages: ['kc', 'shell'], toolchains }, 'code');
    const task = (language: string) => readCodeTask({ language, tests: adds }, '');
    expect((await judgeCode(own, task('kc'), `\`\`\`kc\n${c}\n\`\`\``)).verdict).toBe('correct');
    const shell = '```shell\nread a b; echo $((a + b)); ls /home /root /var 2>/dev/null; true\n```';
    expect((await judgeCode(own, task('shell'), shell)).verdict).toBe('correct');
  });

  it('is looked up before the first item', async () => {
    const missing = { kc: { program: 'no-such-compiler', source: 'main.kc', run: ['./program'] } };
    await expect(checkMachine(readCodeSettings({ languages: ['kc'], toolchains: missing }, 'code'))).rejects.toThrow(
      'needs the program no-such-compiler',
    );
  });
});

describe('languages', () => {
  it.each([
    ['pyton', 'did you mean "python"?'],
    ['constructor', 'expected one of'],
  ])('name an unknown one on any machine: %s', async (language, message) => {
    await expect(checkMachine(readCodeSettings({ languages: [language] }, 'code'))).rejects.toThrow(message);
  });

  it("check the user's tool chains", () => {
    expect(() => readCodeSettings({ toolchains: { kc: { program: 'gcc', source: 'x', run: 'y' } } }, 'code')).toThrow(
      'code.toolchains.kc.run: found a string',
    );
  });
});

const noPython = await lacks('python3', 'setpriv');

describe('unsafeWithoutSandbox', () => {
  const unsafe = readCodeSettings(
    { languages: ['python'], unsafeWithoutSandbox: true, limits: { seconds: 0.5, outputBytes: 4096 } },
    'code',
  );
  const run = (code: string, tests: readonly object[]) =>
    judgeCode(unsafe, readCodeTask({ language: 'python', tests }, ''), `\`\`\`python\n${code}\n\`\`\``);

  it('is off by default', () => {
    expect(readCodeSettings({}, 'code').unsafeWithoutSandbox).toBe(false);
    expect(() => readCodeSettings({ unsafeWithoutSandbox: 'yes' }, 'code')).toThrow('expected true or false');
    expect(() => readCodeSettings({ sandbox: false }, 'code')).toThrow('code.sandbox: unknown field');
  });

  it.skipIf(noPython)("runs programs with the user's rights and resource limits", async () => {
    expect((await run('print(sum(map(int, input().split())))', adds)).verdict).toBe('correct');
    expect((await run('def f(x): return x + 1', [{ assert: 'f(1) == 2' }])).verdict).toBe('correct');
    const reads = `import os\nprint(os.path.exists(${JSON.stringify(process.cwd())}))`;
    expect((await run(reads, [{ stdout: 'True' }])).verdict).toBe('correct');
    expect((await run('while True: pass', [{ stdout: '' }])).verdict).toBe('timeout');
    expect((await run('x = bytearray(1 << 33)', [{ stdout: '' }])).evidence.outcome).toBe('memory');
    expect((await run('while True: print("x" * 1000)', [{ stdout: '' }])).verdict).toBe('crash');
  });

  it.skipIf(noPython)('ends leftover processes and removes the folder', async () => {
    const left =
      'import os, time\nprint(os.getcwd(), flush=True)\nif os.fork() == 0:\n  os.close(1); os.close(2)\n  time.sleep(100)\nprint(os.getpgid(0))';
    const { detail = '' } = (await run(left, [{ stdout: 'x' }])).evidence;
    const folder = /wrote: (.*)$/.exec(detail)?.[1] ?? '';
    expect(folder).toContain('rlsd-unsafe-');
    expect(existsSync(folder)).toBe(false);
  });
});
