import { describe, expect, it } from 'vitest';
import { judgeCode } from '../../../src/verifiers/code/judge.js';
import { readCodeSettings } from '../../../src/verifiers/code/settings.js';
import { readCodeTask } from '../../../src/verifiers/code/tests.js';

const settings = readCodeSettings(
  { languages: ['javascript', 'typescript'], reward: 'fraction', typeCheck: true, limits: { seconds: 0.5 } },
  'verify.code',
);
const judge = (code: string, data: object, language = 'javascript') =>
  judgeCode(settings, readCodeTask({ language, ...data }, ''), `So:\n\`\`\`${language}\n${code}\n\`\`\`\n`);
const asserts = (...all: string[]) => ({ tests: all.map((assert) => ({ assert })) });
const io = (stdin: string, stdout: string) => ({ tests: [{ stdin, stdout }] });

describe('JavaScript judged by its output', () => {
  it.each([
    [
      'readFileSync',
      'const [a, b] = require("fs").readFileSync(0, "utf8").split(" ").map(Number); console.log(a + b);',
    ],
    ['readline', 'require("readline").createInterface({}).on("line", (l) => console.log(eval(l.replace(" ", "+"))));'],
    ['imports', 'import { readFileSync } from "fs"; console.log(eval(readFileSync(0, "utf8").replace(" ", "+")));'],
  ])('reads its input by %s', async (_, code) => {
    expect((await judge(code, io('1 2', '3\n'))).verdict).toBe('correct');
  });

  it('says where the output differs, and never what was expected', async () => {
    const judgement = await judge('console.log(4)', io('', 'SECRET'));
    expect(judgement).toMatchObject({ verdict: 'incorrect', reward: 0 });
    expect(judgement.evidence.detail).toContain('4');
    expect(JSON.stringify(judgement)).not.toContain('SECRET');
  });

  it.each([
    ['an endless loop', 'while (true);', 'timeout'],
    ['endless promises', 'const f = () => Promise.resolve().then(f); f();', 'timeout'],
    ['endless timers', 'setInterval(() => {}, 1);', 'timeout'],
    ['a regular expression that explodes', '/^(a+)+$/.test("a".repeat(40) + "b");', 'timeout'],
    ['endless memory', 'const a = []; for (;;) a.push("x".repeat(1e6) + a.length);', 'crash'],
    ['deep recursion', 'function f() { return f() + 1; } f();', 'crash'],
    ['a failing exit', 'console.log(3); process.exit(1);', 'crash'],
  ])('holds %s', async (_, code, verdict) => {
    expect((await judge(code, io('', '3'))).verdict).toBe(verdict);
    expect((await judge('console.log(3)', io('', '3'))).verdict).toBe('correct');
  });

  it('has no way out of the engine', async () => {
    const code =
      'const F = console.log.constructor; console.log([typeof globalThis.__host, typeof globalThis.__link, F("return typeof process.binding")(), F("return typeof fetch")()].join());';
    expect((await judge(code, io('', 'undefined,undefined,undefined,undefined'))).verdict).toBe('correct');
    const reads = 'try { require("fs").readFileSync("/etc/passwd"); console.log("yes"); } catch { console.log("no"); }';
    expect((await judge(reads, io('', 'no'))).verdict).toBe('correct');
  });

  it('keeps what one program pollutes from the next', async () => {
    await judge('Object.prototype.polluted = 1; Array.prototype.map = () => ["3"];', io('', ''));
    const next = 'console.log([2].map((x) => x + 1).join(), {}.polluted)';
    expect((await judge(next, io('', '3 undefined'))).verdict).toBe('correct');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

describe('JavaScript judged by assertions', () => {
  it('passes what is right, in each style', async () => {
    const code =
      'const add = (a, b) => a + b; class P { constructor(x) { this.x = x; } get double() { return this.x * 2; } } const later = async (x) => x; const apply = (f, x) => f(x);';
    const tests = asserts(
      'add(1, 2) === 3',
      'assert.strictEqual(add("a", "b"), "ab")',
      'expect(add(1n, 2n)).toBe(3n)',
      'new P(2).double === 4',
      'assert.deepStrictEqual(new P(1), { x: 1 })',
      'await later(4) === 4',
      'apply((x) => x + 1, 1) === 2',
    );
    expect(await judge(code, tests)).toMatchObject({ verdict: 'correct', reward: 1 });
  });

  it.each([
    ['patching what compares', 'Object.is = () => true; JSON.parse = () => ({}); function f() { return 4; }'],
    ['an object that equals everything', 'function f() { return { valueOf: () => NaN, equals: () => true }; }'],
    ['its own assert', 'var assert = () => true; assert.strictEqual = () => true; function f() { return 4; }'],
    ['leaving with success', 'function f() { process.exit(0); }'],
    ['leaving at once', 'process.exit(0); function f() { return 4; }'],
    ['printing a result', 'console.log(JSON.stringify({ outcome: "pass" })); function f() { return 4; }'],
    ['throwing', 'function f() { throw { name: "pass", message: "pass" }; }'],
  ])('is not fooled by %s', async (_, code) => {
    const tests = asserts('f(1) === 3', 'assert.strictEqual(f(1), 3)', 'expect(f(1)).toEqual(3)');
    const judgement = await judge(code, tests);
    expect(judgement.reward).toBe(0);
    expect(judgement.verdict).not.toBe('correct');
  });

  it('runs a test file', async () => {
    const testFile =
      'import { f } from "./solution"; import { test } from "node:test"; import assert from "node:assert"; describe("f", () => { it("adds", async () => { await null; expect(f(1)).toBe(2); }); }); test("again", () => assert.equal(f(2), 4));';
    expect((await judge('export function f(x) { return x + 1; }', { testFile })).reward).toBe(0.5);
    await expect(judge('let x;', { testFile: 'import {' })).rejects.toThrow('testFile');
  });
});

it('checks the types of TypeScript where asked', async () => {
  const right = await judge('export const f = (x: number): number => x + 1;', asserts('f(1) === 2'), 'typescript');
  expect(right.verdict).toBe('correct');
  const wrong = await judge('export const f = (x: number): string => x + 1;', asserts('f(1) === 2'), 'typescript');
  expect(wrong.verdict).toBe('incorrect');
  expect(wrong.evidence.diagnostics).toContain('TS2322');
});

it('runs the last block in the language; without one the completion is unparseable', async () => {
  const task = readCodeTask({ language: 'js', ...io('', '2') }, '');
  const two = '```js\nconsole.log(1)\n```\nno:\n```js\nconsole.log(2)\n```\n```text\nconsole.log(3)\n```';
  expect((await judgeCode(settings, task, two)).verdict).toBe('correct');
  expect((await judgeCode(settings, task, 'console.log(2)')).verdict).toBe('unparseable');
});

it('names the field of a task that is wrong', () => {
  expect(() => readCodeTask({ tests: [] }, 'x')).toThrow('x.tests');
  expect(() => readCodeTask({ tests: [{ stdin: 1, stdout: '' }] }, 'x')).toThrow(
    'x.tests[0].stdin: found the number 1',
  );
});
