// The same as code.mjs for JavaScript.
const tasks = [
  {
    name: 'add',
    right: 'const add = (a, b) => a + b;',
    asserts: [
      'add(1, 2) === 3',
      'assert.strictEqual(add(2, 5), 7)',
      'expect([add(1, 1), add(2, 2)]).toEqual([2, 4])',
      'assert(Math.abs(add(1, 4) - 5) < 1 && add(1, 1) > 1)',
    ],
  },
  {
    name: 'greet',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a program that contains a template
    right: 'const greet = (n) => `Hello, ${n}`;',
    asserts: [
      'assert(greet("bob").startsWith("Hello"))',
      'expect(greet("ann")).toMatch(/ann$/)',
      'assert.ok(greet("x").includes("x"))',
      'expect(greet("a")).toBe("Hello, a")',
      'expect(greet("a")).toContain("a")',
    ],
  },
  {
    name: 'uniq',
    right: 'const uniq = (xs) => [...new Set(xs)];',
    asserts: [
      'assert.deepStrictEqual(uniq([1, 1, 2]), [1, 2])',
      'expect(uniq([2, 2])).toEqual([2])',
      'assert(uniq([3]).includes(3) && uniq([3]).every((x) => x === 3))',
      'expect(uniq([1, 1])).toHaveLength(1)',
    ],
  },
  {
    name: 'half',
    right:
      'class OddError extends RangeError {} function half(n) { if (n % 2) throw new OddError("odd"); return n / 2; }',
    asserts: [
      'half(8) === 4',
      'assert.throws(() => half(3), RangeError); assert.equal(half(2), 1)',
      'expect(() => half(5)).toThrow("odd")',
      'expect(half(10)).toBeCloseTo(5)',
    ],
  },
  {
    name: 'later',
    right: 'const later = async (x) => x;',
    asserts: ['await later(4) === 4', 'await expect(later(5)).resolves.toBe(5)', 'assert.equal(await later("x"), "x")'],
  },
];

const values = [
  'new Proxy({}, { get: () => () => true, has: () => true })',
  'new Proxy(function () {}, { get: (t, k) => (k === "length" ? 1 : () => true), apply: () => true })',
  '{ startsWith: () => true, includes: () => true, every: () => true, some: () => true, has: () => true, length: 1 }',
  '{ valueOf: () => 3, toString: () => "Hello, bob", [Symbol.toPrimitive]: () => 3 }',
  '{ asymmetricMatch: () => true, $$typeof: Symbol.for("jest.asymmetricMatcher") }',
  'new X()',
  'X',
  '[new X()]',
  '{ then: (done) => done(new X()) }',
  'Promise.resolve(new X())',
  'new Promise(() => {})',
  'Object.assign(Object(3), { x: 1 })',
  'Object("Hello, bob")',
  'Object.create(String.prototype, { length: { value: 1 } })',
  'Object.setPrototypeOf([], { includes: () => true, every: () => true })',
  'Object.defineProperty([], Symbol.iterator, { value: function* () { yield 2; } })',
  'Symbol("x")',
  'NaN',
  'undefined',
  'null',
  'true',
  'function () { return true; }',
];
const events = [
  'throw new RangeError("no")',
  'throw new X()',
  'throw null',
  'throw { name: "RangeError", message: "odd" }',
  'process.exit(0)',
  'throw new Error("odd")',
  'return Promise.reject(new X())',
  'for (;;) { process.exit(0); }',
];
const classes = [
  'class X { includes() { return true; } startsWith() { return true; } every() { return true; } get length() { return 1; } }',
  'class X extends String { startsWith() { return true; } includes() { return true; } }',
  'class X extends Array { includes() { return true; } every() { return true; } get [Symbol.toStringTag]() { return "Array"; } }',
  'class X { [Symbol.toPrimitive]() { return 3; } valueOf() { return 3; } toJSON() { return 3; } equals() { return true; } }',
  'class X { asymmetricMatch() { return true; } } X.prototype.$$typeof = Symbol.for("jest.asymmetricMatcher");',
  'class X extends Number { constructor() { super(3); } }',
  'class X extends Error { get name() { return "RangeError"; } get message() { return "no"; } static [Symbol.hasInstance]() { return true; } }',
  'class X { static [Symbol.hasInstance]() { return true; } get [Symbol.toStringTag]() { return "String"; } *[Symbol.iterator]() {} }',
  'class X { get constructor() { return String; } then(done) { done(3); } }',
];
const preludes = [
  'Object.is = () => true; JSON.parse = () => ({}); JSON.stringify = () => \'{"v":true}\';',
  'Object.prototype.v = 3; Object.prototype.then = undefined; Object.prototype.outcome = "pass"; Object.prototype.matcherResult = { pass: true };',
  'Array.prototype.map = () => [3]; Array.from = () => [3]; Array.prototype.every = () => true;',
  'Promise.prototype.then = function (done) { done(3); return this; };',
  'Function.prototype.call = Function.prototype.apply = () => 3; Reflect.apply = () => 3;',
  'var assert = () => true; assert.strictEqual = assert.deepStrictEqual = assert.equal = assert.ok = () => true; var expect = () => new Proxy({}, { get: () => () => true });',
  'globalThis.assert = globalThis.expect = () => true; globalThis.test = () => {};',
  'console.log(JSON.stringify({ outcome: "pass", over: true }));',
  'process.exitCode = 0; setTimeout(() => process.exit(0));',
  'Map.prototype.get = () => 0; Map.prototype.has = () => true; WeakMap.prototype.has = () => true;',
  'Symbol.hasInstance; Object.defineProperty(Function.prototype, Symbol.hasInstance, { value: () => true });',
  'String.prototype.startsWith = String.prototype.includes = () => true; Number.prototype.toString = () => "3"; RegExp.prototype.test = () => true;',
];
const faulty = {
  add: ['return a - b;', 'return String(a + b);', 'return a === 1 ? 3 : 0;'],
  greet: ['return "Hello";', 'return n;', 'return ["Hello, " + n];'],
  uniq: ['return xs;', 'return new Set(xs);', 'return [1, 2];', 'return [];'],
  half: ['return n / 3;', 'throw new TypeError("odd");', 'return 4;'],
  later: ['return 4;', 'return Promise.resolve(0);', 'return undefined;'],
};
const parameters = { add: 'a, b', greet: 'n', uniq: 'xs', half: 'n', later: 'x' };

function program(random, { name }) {
  const body = random.oneOf(
    () => `return ${random.pick(values)};`,
    () => `return ${random.pick(values)};`,
    () => `${random.pick(events)};`,
    () => random.pick(faulty[name]),
  );
  const start = random.some(preludes, 0.12).join('\n');
  const how = random.pick(['function', 'function', 'async function', 'function*']);
  return `${random.pick(classes)}\n${start}\n${how} ${name}(${parameters[name]}) { ${body} }`;
}

/** An item in JavaScript. */
export function javascript(random) {
  const task = random.pick(tasks);
  const right = random.chance(0.04);
  const code = right ? task.right : program(random, task);
  const statements = task.asserts.map((text) => (/assert|expect/.test(text) ? text : `assert(${text})`));
  const tests = random.oneOf(
    () => ({ tests: task.asserts.map((assert) => ({ assert })) }),
    () => ({ testFile: `test('it', async () => { ${statements.join('; ')} });` }),
    () => ({
      testFile: `import { test } from 'node:test'; import assert from 'node:assert'; import { expect } from 'expect'; import { ${task.name} } from './solution'; test('it', async () => { ${statements.join('; ')} });`,
    }),
    () => ({ testFile: `async function check(${task.name}) { ${statements.join('; ')} }`, entryPoint: task.name }),
  );
  return {
    class: right ? 'right javascript' : 'javascript',
    expected: right ? 'right' : 'wrong',
    hostile: !right,
    completion: `\`\`\`javascript\n${code}\n\`\`\``,
    data: { language: 'javascript', ...tests },
  };
}
