import { describe, expect, it } from 'vitest';
import { judgeLine } from './question.js';

const judge = (kind: string, line: object) => judgeLine(kind, line, 'f.jsonl', 3);

describe('a line of rlsd verify KIND', () => {
  it.each([
    ['math', { id: 'a', gold: '1/2', answer: 'so 0.5' }, 'correct'],
    ['math', { id: 'a', gold: '1/2', answer: 'so 1', precision: 2, strict: true, extract: ['expr'] }, 'incorrect'],
    ['exact', { id: 'a', completion: 'Paris', answer: 'paris', ignoreCase: true }, 'correct'],
    ['exact', { id: 'a', completion: 'Paris', answer: 'paris' }, 'incorrect'],
    ['choice', { id: 'a', completion: 'It is (B)', answer: 'B' }, 'correct'],
    ['choice', { id: 'a', completion: 'answer F', answer: 'F', choices: 6 }, 'correct'],
    ['numeric', { id: 7, completion: 'about 3.1', answer: '3.14', absolute: 0.05 }, 'correct'],
    ['numeric', { id: 7, completion: 'about 3.1', answer: '3.14' }, 'incorrect'],
    ['regex', { id: 'a', completion: 'x=5', answer: '5', pattern: 'x=(?<answer>\\d)' }, 'correct'],
    ['regex', { id: 'a', completion: 'a red car', answer: '\\bred\\b' }, 'correct'],
    ['regex', { id: 'a', completion: 'RED', pattern: 'red', flags: 'i' }, 'correct'],
    ['format', { id: 'a', completion: '<think>x</think>5', pattern: '<think>.*</think>.+' }, 'correct'],
    ['format', { id: 'a', completion: '5', pattern: '<think>.*</think>.+' }, 'incorrect'],
    ['json-schema', { id: 'a', completion: '{"n":1}', schema: { required: ['n'] } }, 'correct'],
    [
      'sql',
      { id: 'a', completion: 'select 2', reference: 'select 2', databases: ['create table t(a int)'] },
      'correct',
    ],
  ])('%s %j is %s', async (kind, line, verdict) => {
    const judged = await judge(kind, line);
    expect(judged).toMatchObject({ id: String(line.id), verdict, reason: expect.any(String) });
    expect(Object.keys(judged)).toEqual(['id', 'verdict', 'reward', 'reason']);
  });

  it.each([
    ['math', { id: 'a', gold: 1, answer: '1' }, 'f.jsonl:3.gold: found a number, expected a string'],
    ['math', { id: 'a', gold: ' ', answer: '1' }, 'f.jsonl:3.gold: found an empty text'],
    ['math', { id: 'a', gold: '1' }, 'f.jsonl:3.answer: found nothing, expected a string'],
    ['math', { id: 'a', gold: '1', answer: '1', precison: 2 }, 'f.jsonl:3.precison: unknown field'],
    ['math', { id: 'a', gold: '1', answer: '1', precison: 2 }, 'did you mean "precision"?'],
    ['math', { id: 'a', gold: '1', answer: '1', precision: 99 }, 'f.jsonl:3.precision: found the number 99'],
    ['math', { id: 'a', gold: '1', answer: '1', extract: ['latx'] }, 'did you mean "latex"?'],
    ['exact', { id: 'a', completion: 'x' }, 'f.jsonl:3.answer: found nothing, expected a string'],
    ['exact', { id: {}, completion: 'x', answer: 'x' }, 'f.jsonl:3.id: found an object, expected a string or a number'],
    ['exact', { completion: 'x', answer: 'x' }, 'f.jsonl:3.id: found nothing, expected a string'],
    ['choice', { id: 'a', completion: 'x', answer: 'five' }, 'f.jsonl:3: choice: the reference is not one of the 5'],
    ['numeric', { id: 'a', completion: '5', answer: 'five' }, 'f.jsonl:3: numeric: the reference is not a number'],
    ['numeric', { id: 'a', completion: '5', answer: '5', absolute: -1 }, 'f.jsonl:3.absolute: found the number -1'],
    ['regex', { id: 'a', completion: 'x' }, 'f.jsonl:3: regex: the item has no reference answer'],
    ['regex', { id: 'a', completion: 'x', pattern: '(' }, 'f.jsonl:3.pattern: found text that is not a regular'],
    ['regex', { id: 'a', completion: 'x', answer: '(' }, 'f.jsonl:3: regex: the reference: found text that is not'],
    ['format', { id: 'a', completion: 'x' }, 'f.jsonl:3.pattern: found nothing, expected a string'],
    ['format', { id: 'a', completion: 'x', pattern: 'x', answer: 'x' }, 'f.jsonl:3.answer: unknown field'],
    ['json-schema', { id: 'a', completion: '{}' }, 'f.jsonl:3.schema'],
    ['sql', { id: 'a', completion: 'select 1', reference: 'select 1' }, 'f.jsonl:3.databases'],
    ['code', { id: 'a', language: 'javascript', completion: 'x' }, 'f.jsonl:3'],
    [
      'code',
      { id: 'a', language: 'javascrpt', completion: 'x', tests: [] },
      'found "javascrpt", expected one of javascript',
    ],
  ])('of kind %s that is wrong names file, line and field: %j', async (kind, line, message) => {
    await expect(judge(kind, line)).rejects.toThrow(message);
  });

  it('stops an expression with exponential running time', async () => {
    const line = { id: 'a', completion: `${'a'.repeat(60)}!`, pattern: '(a+)+' };
    expect((await judge('format', line)).verdict).toBe('timeout');
  });
});
