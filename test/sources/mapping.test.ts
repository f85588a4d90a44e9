import { describe, expect, it } from 'vitest';
import { parsePromptLine } from '../../src/sources/file.js';
import type { Mapping } from '../../src/sources/mapping.js';

const item = (row: object, mapping: Mapping = {}) => parsePromptLine(JSON.stringify(row), 'f:1', mapping);

describe('the columns of a prompt', () => {
  it.each<[string, object, Mapping, object]>([
    [
      'GSM8K',
      { question: 'How many?', answer: 'She has 3 * 4 = <<3*4=12>>12.\n#### 1,200' },
      { after: '####', fields: { trace: 'answer' } },
      { answer: '1,200', trace: 'She has 3 * 4 = <<3*4=12>>12.\n#### 1,200' },
    ],
    [
      'MATH',
      { problem: 'Simplify.', level: 'Level 5', solution: 'First \\boxed{1}, then $\\boxed{\\frac{\\{3\\}}{4}}$.' },
      { boxed: true, fields: { question: 'problem', answer: 'solution' } },
      { question: 'Simplify.', answer: '\\frac{\\{3\\}}{4}' },
    ],
    [
      'reasoning-gym',
      { question: '1 + 1?', answer: '2', metadata: { source_dataset: 'chain_sum', difficulty: { terms: 2 } } },
      {},
      { question: '1 + 1?', answer: '2', data: null },
    ],
    [
      'a chat',
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: 'Hello' },
          {
            role: 'user',
            content: [
              { type: 'text', text: '1 + ' },
              { type: 'text', text: '1?' },
            ],
          },
          { role: 'assistant', content: '2' },
        ],
      },
      {},
      {
        question: '1 + 1?',
        answer: '2',
        before: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: 'Hello' },
        ],
      },
    ],
    [
      'a chat with an answer of its own, as JSON text',
      { prompt: JSON.stringify([{ from: 'human', value: '1 + 1?' }]), info: '{"truth": {"text": "so 2"}}' },
      { fields: { question: 'prompt', answer: 'info.truth.text' }, after: 'so' },
      { question: '1 + 1?', answer: '2' },
    ],
    [
      'MBPP',
      { task_id: 11, text: 'Write it.', test_list: ['assert f(1) == 2'], 'a.b': 5 },
      { fields: { id: 'task_id', question: 'text', answer: 'a.b', data: { tests: 'test_list', none: 'nothing' } } },
      { itemId: '11', question: 'Write it.', answer: '5', data: '{"tests":["assert f(1) == 2"]}' },
    ],
    ['a question in brackets', { question: '[1, 2]?' }, {}, { question: '[1, 2]?' }],
    ['a question that is a list as text', { question: '[1, 2]' }, {}, { question: '[1, 2]' }],
  ])('of %s', (_, row, mapping, expected) => expect(item(row, mapping)).toMatchObject(expected));

  it.each<[string, object, Mapping]>([
    ['question: found no column problm; did you mean problem?', { problem: '?' }, { fields: { question: 'problm' } }],
    ['question: found nothing, expected a string', { other: '?' }, { fields: { question: 'problem' } }],
    ['answer: found no "####", expected the answer after it', { question: '?', answer: '5' }, { after: '####' }],
    ['answer: found no \\boxed{…}, expected the answer in it', { question: '?', answer: '\\boxed{5' }, { boxed: true }],
    ['question: found no message of the user, expected one', { messages: [{ role: 'system', content: '' }] }, {}],
    ['question: message 1: role: found "userr", expected', { messages: [{ role: 'userr', content: '?' }] }, {}],
    [
      'question: message 1: content: found a part of type image_url, expected text',
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      {},
    ],
  ])('that are wrong: %s', (message, row, mapping) => {
    expect(() => item(row, mapping)).toThrow(`f:1: ${message}`);
  });
  it('may have names that are slips, once they are mapped', () => {
    expect(item({ question: '?', track: 'x' }, { fields: { answer: 'track' } })).toMatchObject({ answer: 'x' });
  });
});
