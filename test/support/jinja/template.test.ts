import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileTemplate } from '../../../src/support/jinja/template.js';

interface Cases {
  readonly values: Readonly<Record<string, unknown>>;
  readonly cases: readonly {
    readonly template: string;
    readonly values?: Readonly<Record<string, unknown>>;
    /** What transformers renders; null where it fails. Written by scripts/jinja-cases.py. */
    readonly expected: string | null;
  }[];
}

const { values, cases } = JSON.parse(readFileSync(new URL('cases.json', import.meta.url), 'utf8')) as Cases;
const date = { year: 2026, month: 1, day: 5 };
const render = (template: string, given: Readonly<Record<string, unknown>> = {}): string =>
  compileTemplate(template).render(given, { date });

describe('what transformers renders', () => {
  it.each(cases.map((one, i) => [i, one] as const))('case %i', (_, { template, values: own, expected }) => {
    const rendered = () => render(template, { ...values, ...own });
    if (expected === null) expect(rendered).toThrow();
    else expect(rendered()).toBe(expected);
  });
});

describe('what is not rendered', () => {
  it.each([
    ['{% include "a" %}', 'line 1: {% include %} is not supported'],
    ['{% block a %}{% endblock %}', '{% block %} is not supported'],
    ['{{ x | xmlattr }}', 'the filter xmlattr is not supported'],
    ['{{ [1] | random }}', 'the filter random is not supported'],
    ['{{ cycler(1) }}', 'the function cycler is not supported'],
    ['\n{{ [1] | map("upper") }}', 'line 2: printing a generator is not supported'],
    ['{{ "a".encode() }}', 'the method encode of text is not supported'],
    ['{{ {}.items }}', 'printing the function items is not supported'],
    ['{{ namespace(a=1) }}', 'printing a namespace is not supported'],
    ['{{ strftime_now("%G") }}', 'the directive %G is not supported'],
    ['{{ "²".isdigit() }}', 'numerals beyond decimal digits'],
    ['{{ "ǆ".title() }}', 'title case of the character ǆ is not supported'],
    ['{{ ("a" | safe).upper() }}', 'not supported'],
    ['{{ 2 ** 0.5 }}', '** on floats is not supported'],
    ['{% for x in [1] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}', '{% break %} outside a loop'],
    ['a\n{% if x %}', 'line 2: unexpected end of the template; expected {% elif %} or {% else %} or {% endif %}'],
    ['{% frobnicate %}', 'unknown tag {% frobnicate %}'],
    ['{{ "a }}', 'unexpected character'],
    ['{{ x | frobnicate }}', 'there is no filter frobnicate'],
    ['{{ (1 }}', 'expected )'],
  ])('%j is refused by name', (template, message) => {
    expect(() => render(template)).toThrow(message);
  });

  it.each([
    ['{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}', 'too many steps'],
    [
      '{% set ns = namespace(s="ab") %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}',
      'too much text',
    ],
    ['{{ "a" * 10 ** 12 }}', 'too much text'],
    ['{{ [0] * 10 ** 12 }}', 'too many steps'],
    ['{{ "a".center(10 ** 15) }}', 'too much text'],
    ['{{ ("a" * 100000).replace("a", "b" * 100000) }}', 'too much text'],
    ['{{ (["a" * 100000] * 10000) | join }}', 'too much text'],
    ['{{ 9 ** 99999999 }}', 'ints of more than 4096 bits'],
    ['{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', 'calls macros too deeply'],
    [
      '{% set ns = namespace(l=[]) %}{% for i in range(9000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}',
      'too deeply',
    ],
    [
      '{% set ns = namespace(l=[]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}',
      'too m',
    ],
    [`{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`, 'nested deeper than 100'],
    [`${'{% if x %}'.repeat(5000)}`, 'nested deeper than 100'],
    ['{{ range(10 ** 9) }}', 'range is too long'],
  ])('%# ends', (template, message) => {
    const limits = { steps: 200_000, characters: 1_000_000, calls: 100 };
    expect(() => compileTemplate(template).render({}, { limits })).toThrow(message);
  });

  it('by default too, within a second or two', () => {
    expect(() => render('{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}')).toThrow(
      'too many steps',
    );
  });

  it('does not depend on what was rendered before', () => {
    const template = compileTemplate('{% for i in range(900) %}{{ i }}{% endfor %}');
    const once = template.render({});
    expect(template.render({})).toBe(once);
  });
});

describe('names', () => {
  it('are what a template reads and does not assign', () => {
    const { names } = compileTemplate(
      '{% set a = b %}{{ a }}{% for c in d %}{{ c.e | join(f) }}{{ loop.index }}{% endfor %}',
    );
    expect([...names].sort()).toEqual(['b', 'd', 'f']);
  });

  it('leave out functions, and tell whether the date is read', () => {
    const template = compileTemplate("{{ range(3) }}{{ strftime_now('%Y') }}");
    expect([...template.names]).toEqual([]);
    expect(template.readsDate).toBe(true);
    expect(compileTemplate('{{ x }}').readsDate).toBe(false);
  });
});
