import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readChatTemplate } from '../../src/models/chat-template.js';
import { readConfig } from '../../src/models/folder.js';
import { readTokenizer } from '../../src/models/tokenizer.js';
import type { SourceItem } from '../../src/sources/source.js';
import { demonstratorOf, encode } from '../../src/supervise/demonstrations.js';
import { readSupervision } from '../../src/supervise/spec.js';
import { tinyModel } from '../models/tiny-model.js';
import { tinyFile } from './tiny.js';

const item: SourceItem = {
  itemId: 's1',
  question: '1 + 1 =',
  answer: '2',
  trace: '1 + 1 = 2',
  data: null,
  source: 'sums.jsonl:2',
};
const demonstrator = (change: object) => demonstratorOf(readSupervision(tinyFile(change)));

describe('demonstrations', () => {
  it('fill the templates with fields and columns', () => {
    const { plain, hinted, columns } = demonstrator({
      completion: '{{ trace }}, {{ remark }} {{ answer }}',
      hinted: { template: 'Hint: {{ trace }}\n{{ question }}', completion: '{{ answer }}!' },
      prompts: { file: 'sums.jsonl', system: 'Add.' },
    });
    expect(columns).toEqual(['remark']);
    const filled = { ...item, columns: { remark: 'so' } };
    expect(plain(filled)).toMatchObject({
      messages: [
        { role: 'system', content: 'Add.' },
        { role: 'user', content: '1 + 1 =' },
      ],
      completion: '1 + 1 = 2, so 2',
    });
    expect(hinted?.(filled)).toMatchObject({
      messages: [{ role: 'system' }, { role: 'user', content: 'Hint: 1 + 1 = 2\n1 + 1 =' }],
      completion: '2!',
    });
  });

  it('show the hint of another prompt where asked, and the answer only where the template names it', () => {
    const { hintedMessages } = demonstrator({ hinted: { template: '{{ reference }} {{ question }}' } });
    expect(hintedMessages(item, { ...item, answer: '7' })).toEqual([{ role: 'user', content: '7 1 + 1 =' }]);
  });

  it.each<[object, RegExp]>([
    [{ completion: '{{ trace' }, /tiny\.yaml:\d+:1: completion: /],
    [
      { hinted: { template: '{{ trase }} {{ question }}' } },
      /tiny\.yaml:\d+:3: hinted\.template: unknown field \{\{ trase \}\}.*trace\?/,
    ],
    [{ hinted: { template: '{{ question }}' } }, /hinted\.template: the privileged context is missing/],
  ])('of %j are refused', (change, message) => {
    expect(() => demonstrator(change)).toThrow(message);
  });

  it('need a trace where a template shows it', () => {
    const { plain, hinted } = demonstrator({});
    const without = { ...item, trace: null };
    expect(() => plain(without)).toThrow('sums.jsonl:2: s1: trace: found nothing, expected a text for completion');
    expect(() => hinted?.(without)).toThrow(
      'sums.jsonl:2: s1: trace: found nothing, expected a hint for hinted.template',
    );
  });
});

describe('encode', () => {
  const open = (folder: string) => readChatTemplate(folder, readTokenizer(folder, readConfig(folder).vocabSize));
  const asked = { messages: [{ role: 'user' as const, content: '1 + 1 =' }], completion: '2', source: 'sums.jsonl:2' };

  it('learns the completion and its end, nothing before', () => {
    const template = open(tinyModel());
    const { tokens, mask, from } = encode(asked, template, 64);
    expect([tokens.length - from, ...mask.subarray(from)]).toEqual([2, 1, 1]);
    expect(mask.subarray(0, from).includes(1)).toBe(false);
  });

  it('refuses what is longer than the context', () => {
    expect(() => encode(asked, open(tinyModel()), 6)).toThrow(
      /sums\.jsonl:2: \d+ tokens with its completion, expected at most 6, the model's context/,
    );
  });

  it('refuses a chat template that changes a prompt once it is answered', () => {
    const folder = tinyModel();
    const file = `${folder}/tokenizer_config.json`;
    const config = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...config, chat_template: `{{ messages | length }}${config.chat_template}` }));
    expect(() => encode(asked, open(folder), 64)).toThrow(
      /sums\.jsonl:2: the chat template renders the prompt otherwise/,
    );
  });
});
