import { describe, expect, it } from 'vitest';
import { judgeCode } from '../../../src/verifiers/code/judge-code.js';
import { readCodeSettings } from '../../../src/verifiers/code/settings.js';
import { readCodeTask } from '../../../src/verifiers/code/tests.js';
import { lacks } from '../../needs.js';

const settings = readCodeSettings(
  {
    languages: ['javascript', 'typescript'],
    reward: 'fraction',
    typeCheck: true,
    limits: { seconds: 0.4, memoryBytes: 64 * 1024 * 1024 },
  },
  'verify.code',
);
/** For programs that end by another limit than that of time, also on a busy machine. */
const patient = { ...settings, limits: { ...settings.limits, seconds: 20 } };
const judge = (code: string, data: object, language = 'javascript', given = settings) =>
  judgeCode(given, readCodeTask({ language, ...data }, ''), `So:\n\`\`\`${language}\n${code}\n\`\`\`\n`);
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
    ['formats', 'const [a, b] = readline().split(" "); console.log("%d%s", Number(a) + Number(b), "");'],
    [
      'for await',
      'import * as readline from "node:readline"; for await (const line of readline.createInterface({ input: process.stdin })) console.log(eval(line.replace(" ", "+")));',
    ],
  ])('reads its input by %s', async (_, code) => {
    expect((await judge(code, io('1 2', '3\n'))).verdict).toBe('correct');
  });

  it('reports where the output differs, but not what was expected', async () => {
    const judgement = await judge('console.log(4)', io('', 'SECRET'));
    expect(judgement).toMatchObject({ verdict: 'incorrect', reward: 0 });
    expect(judgement.evidence.detail).toContain('4');
    expect(JSON.stringify(judgement)).not.toContain('SECRET');
  });

  it.each([
    ['an endless loop', 'while (true);', 'timeout'],
    ['endless promises', 'const f = () => Promise.resolve().then(f); f();', 'timeout'],
    ['endless timers', 'setInterval(() => {}, 1);', 'timeout'],
    ['a regular expression with exponential running time', '/^(a+)+$/.test("a".repeat(40) + "b");', 'timeout'],
    ['a search within the engine that never ends', '"a".repeat(2e7).indexOf("a".repeat(1e7) + "b");', 'timeout'],
    ['a list of four thousand million', 'const a = []; a.length = 4294967295; a.reverse();', 'timeout'],
    ['endless memory', 'const a = []; for (;;) a.push(new Array(1e5).fill(1));', 'memory'],
    ['a text that is too long', 'console.log("x".repeat(1e9));', 'memory'],
    ['endless output', 'for (;;) console.log("x".repeat(1e5));', 'crash'],
    ['deep recursion', 'function f() { return f() + 1; } f();', 'crash'],
    ['deep nesting', 'JSON.parse("[".repeat(1e6));', 'crash'],
    ['an error after an await', 'await null; throw new Error("x");', 'crash'],
    ['a failing exit', 'console.log(3); process.exit(1);', 'crash'],
  ])('contains %s', async (_, code, outcome) => {
    const held = await judge(code, io('', '3'), 'javascript', outcome === 'timeout' ? settings : patient);
    expect(held.evidence.outcome).toBe(outcome);
    expect(held.verdict).toBe(outcome === 'timeout' ? 'timeout' : 'crash');
    expect((await judge('console.log(3)', io('', '3'))).verdict).toBe('correct');
  });

  it.each([
    [
      'the host through its globals',
      'typeof __host + typeof __link + typeof process.binding',
      'undefinedundefinedundefined',
    ],
    ['it by a constructor', 'console.log.constructor("return typeof process.mainModule + typeof fetch")()'],
    ['it by the constructor of an error', 'Error().constructor.constructor("return typeof Worker + typeof Buffer")()'],
    ['it by eval', '(0, eval)("typeof Deno + typeof WebAssembly")'],
    [
      'files',
      '(() => { try { return require("fs").readFileSync("/etc/passwd"); } catch (e) { return e.message.slice(0, 6); } })()',
      'ENOENT',
    ],
    [
      'modules',
      '["child_process", "net", "worker_threads", "vm"].filter((name) => { try { return require(name); } catch { return false; } }).length',
      '0',
    ],
    ['the environment', 'JSON.stringify(process.env)', '{}'],
  ])('does not reach %s', async (_, code, output = 'undefinedundefined') => {
    expect((await judge(`console.log(${code});`, io('', output))).evidence.detail).toBeUndefined();
  });

  it('can import only input and output', async () => {
    const code =
      'for (const name of ["fs", "net", "/etc/passwd"]) await import(name).then(() => console.log("imported"), () => console.log("refused"));';
    expect((await judge(code, io('', 'imported\nrefused\nrefused'))).verdict).toBe('correct');
  });

  it('isolates a program from changes made by the previous one', async () => {
    await judge('Object.prototype.polluted = 1; Array.prototype.map = () => ["3"];', io('', ''));
    const next = 'console.log([2].map((x) => x + 1).join(), {}.polluted)';
    expect((await judge(next, io('', '3 undefined'))).verdict).toBe('correct');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

const noSandbox = await lacks('sandbox');

describe.skipIf(noSandbox)('JavaScript judged by assertions', () => {
  it('accepts a right program in each style of assertion', async () => {
    const code =
      'const add = (a, b) => a + b; class P { constructor(x) { this.x = x; } get double() { return this.x * 2; } } const later = async (x) => x; const apply = (f, x) => f(x);';
    const tests = asserts(
      'add(1, 2) === 3',
      'assert.strictEqual(add("a", "b"), "ab")',
      'expect(add(1n, 2n)).toBe(3n)',
      'new P(2).double === 4',
      'assert.deepEqual(new P(1), { x: 1 })',
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
    ['a proxy', 'function f() { return new Proxy({}, { get: () => () => 3 }); }'],
    ['getters', 'function f() { return { get valueOf() { return () => 3; }, get constructor() { return Number; } }; }'],
    ['texts that pretend', 'function f() { return { toString: () => "3", [Symbol.toPrimitive]: () => 3 }; }'],
    [
      'a polluted prototype',
      'Object.prototype.v = 3; Object.prototype.value = { outcome: "pass" }; Object.prototype.then = (done) => done(3); function f() {}',
    ],
    ['patched lists', 'Array.prototype.map = () => [["o", 3]]; Array.from = () => 3; function f() { return [4]; }'],
    ['a promise that never settles', 'function f() { return new Promise(() => {}); }'],
    ['a promise that throws to the host', 'function f() { return { then() { throw 3; } }; }'],
    [
      'an object shaped like the harness protocol',
      'function f() { return { v: 3, e: undefined, r: { id: 0, own: true } }; }',
    ],
    ['a numbered reference', 'function f() { return { r: { id: 0, kind: "number" } }; }'],
    ['a look at its caller', 'function f() { return /=== 3/.test(String(f.caller) + Error().stack) ? 3 : 4; }'],
    [
      'a search for the tests among the globals',
      'const needle = "==" + "= 3"; function f() { for (const k of Object.getOwnPropertyNames(globalThis)) if (String(globalThis[k]).includes(needle)) return 3; }',
    ],
  ])('is not fooled by %s', async (_, code) => {
    const tests = asserts('f(1) === 3', 'assert.strictEqual(f(1), 3)', 'expect(f(1)).toEqual(3)');
    const judgement = await judge(code, tests);
    expect(judgement.reward).toBe(0);
    expect(judgement.verdict).not.toBe('correct');
  });

  it('sees changes to the arguments only of calls that return nothing', async () => {
    const code =
      'function sort(xs) { xs.sort(); xs.push(9); } function put(o) { o.a.b = 1; delete o.c; } function add(m, s) { m.set(1, 2); s.add(3); } function cheat(xs) { xs.length = 0; return []; }';
    const tests = asserts(
      'const xs = [2, 1]; sort(xs); assert.deepStrictEqual(xs, [1, 2, 9])',
      'const o = { a: {}, c: 1 }; const a = o.a; put(o); assert.deepStrictEqual(o, { a: { b: 1 } }); assert.strictEqual(a.b, 1)',
      'const m = new Map(), s = new Set(); add(m, s); assert.strictEqual(m.get(1), 2); assert.strictEqual(s.has(3), true)',
      'const xs = [2, 1]; assert.deepStrictEqual(cheat(xs), [...xs].sort())',
    );
    expect(await judge(code, tests)).toMatchObject({ verdict: 'incorrect', reward: 3 / 4 });
  });

  it('judges what crosses the border as values of the language', async () => {
    const code = `
      const same = (x) => x;
      const set = () => new Set(), map = () => new Map(), list = () => [1, 2, 3], match = () => 'abc'.match(/b/);
      function* count() { yield 1; yield 2; }
      class Bag extends Set {}
      class Tally extends Map { inc(k) { return this.set(k, (this.get(k) ?? 0) + 1); } }
      class Stack extends Array { top() { return this[this.length - 1]; } }
      const bag = (xs) => new Bag(xs), tally = () => new Tally(), stack = () => Stack.from([1, 2]);
      class Chain { constructor() { this.xs = []; } add(x) { this.xs.push(x); return this; } has(x) { return this.xs.includes(x); } }
      class Frozen { constructor(xs = []) { this.xs = xs; } add(x) { return new Frozen([...this.xs, x]); } has(x) { return this.xs.includes(x); } }
    `;
    const tests = asserts(
      'const s = set(); assert(s.add(1).has(1)); assert(!s.has(2))',
      'map().set(1, 2).set(3, 4).get(3) === 4 && list().map((x) => x * 2).concat(9).reverse().indexOf(9) === 0',
      'match().index === 1 && match()[0] === "b" && match().includes("b")',
      '[...count()].includes(2) && [...map().set(1, 2).keys()].includes(1)',
      'Object.is(same(-0), -0) && Number.isNaN(same(NaN)) && same(2n ** 70n) === 2n ** 70n && same() === undefined',
      'assert.deepStrictEqual(same(new Map([[{ a: [, 1] }, new Set([new Date(5)])]])), new Map([[{ a: [, 1] }, new Set([new Date(5)])]]))',
      'same(new Uint8Array([1, 2])).map((x) => x * 2).includes(4) && same(/a+/gi).test("bAA") && new Date(same(new Date(7))).getTime() === 7',
      'const b = bag([1]); assert(b.add(2).has(2) && b.has(1) && !b.has(3)); assert.strictEqual(b.size, 2); assert(b instanceof Bag)',
      'tally().inc("a").has("a") && new Tally().inc("a").inc("a").get("a") === 2',
      'stack().includes(2) && !stack().includes(3) && stack().length === 2 && stack().top() === 2',
      'const c = new Chain(); c.add(1); assert(c.has(1) && c.add(2).has(2) && !c.has(3))',
      'new Frozen().add(1).add(2).has(1) && !new Frozen().add(1).has(2)',
    );
    expect(await judge(code, tests)).toMatchObject({ verdict: 'correct', reward: 1 });
  });

  it.each([
    [
      'a method that returns its own object',
      'class T { names() { return this; } includes() { return true; } }',
      'new T().names().includes("x")',
    ],
    [
      'a subclass that judges itself',
      'class S extends Set { has() { return true; } } const f = () => new S();',
      'f().has(1)',
    ],
    ['an object that only inherits from a set', 'const f = () => Object.create(Set.prototype);', 'f().has(1)'],
    [
      'a chain of its own',
      'class T { add() { return this; } has() { return true; } } const f = () => new T();',
      'f().add(1).has(1)',
    ],
    ['a method on a list', 'function f() { const xs = [1]; xs.includes = () => true; return xs; }', 'f().includes(2)'],
    [
      'a list that matches everything',
      'function f() { const xs = [1]; xs.asymmetricMatch = () => true; xs.$$typeof = Symbol.for("jest.asymmetricMatcher"); return xs; }',
      'expect(f()).toEqual([2])',
    ],
  ])('does not let %s answer for a built-in value', async (_, code, assert) => {
    expect(await judge(code, asserts(assert))).toMatchObject({ verdict: 'incorrect', reward: 0 });
  });

  it('continues after a test that ends the program', async () => {
    const code = 'function f(x) { if (x === 1) for (;;); if (x === 2) process.exit(0); return x; }';
    const judgement = await judge(code, asserts('f(0) === 0', 'f(1) === 1', 'f(2) === 2', 'f(3) === 3'));
    expect(judgement).toMatchObject({ verdict: 'timeout', reward: 0.5 });
    expect(judgement.evidence.failingTest).toBe('2');
  });

  it('runs a test file', async () => {
    const testFile =
      'import { f } from "./solution"; import { test } from "node:test"; import assert from "node:assert"; describe("f", () => { it("adds", async () => { await null; expect(f(1)).toBe(2); }); }); test("again", () => assert.equal(f(2), 4));';
    expect((await judge('export function f(x) { return x + 1; }', { testFile })).reward).toBe(0.5);
    await expect(judge('let x;', { testFile: 'import {' })).rejects.toThrow('testFile');
  });
});

it.skipIf(noSandbox)('checks TypeScript types on request', async () => {
  const right = await judge('export const f = (x: number): number => x + 1;', asserts('f(1) === 2'), 'typescript');
  expect(right.verdict).toBe('correct');
  const wrong = await judge('export const f = (x: number): string => x + 1;', asserts('f(1) === 2'), 'typescript');
  expect(wrong.verdict).toBe('incorrect');
  expect(wrong.evidence.diagnostics).toContain('TS2322');
});

it('runs the last block in the language, or reports unparseable without one', async () => {
  const task = readCodeTask({ language: 'js', ...io('', '2') }, '');
  const two = '```js\nconsole.log(1)\n```\nno:\n```js\nconsole.log(2)\n```\n```text\nconsole.log(3)\n```';
  expect((await judgeCode(settings, task, two)).verdict).toBe('correct');
  expect((await judgeCode(settings, task, 'console.log(2)')).verdict).toBe('unparseable');
});

it('takes assertions as texts, as MBPP has them', () => {
  const assertions = ['assert f(1) == 2', 'assert f(2) == 3'];
  expect(readCodeTask({ tests: assertions }, '').tests).toEqual({ kind: 'assertions', assertions });
  expect(() => readCodeTask({ tests: ['assert f(1)', 2] }, 'x')).toThrow('x.tests[1]: found a number');
});

it('names the invalid field of a task', () => {
  expect(() => readCodeTask({ tests: [] }, 'x')).toThrow('x.tests');
  expect(() => readCodeTask({ tests: [{ stdin: 1, stdout: '' }] }, 'x')).toThrow('x.tests[0].stdin: found a number');
});
