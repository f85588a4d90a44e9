import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readChatTemplate } from '../../src/models/chat-template.js';
import { readConfig } from '../../src/models/folder.js';
import { readTokenizer } from '../../src/models/tokenizer.js';
import { tinyModel } from './tiny-model.js';

const folder = tinyModel();
const { vocabSize } = readConfig(folder);
const tokenizer = readTokenizer(folder, vocabSize);
const eos = vocabSize - 4;

function edited(name: string, edit: (json: Record<string, unknown>) => void): string {
  const copy = tinyModel();
  const json = JSON.parse(readFileSync(join(copy, name), 'utf8'));
  edit(json);
  writeFileSync(join(copy, name), JSON.stringify(json));
  return copy;
}

describe('tokenizer', () => {
  it('round-trips any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        fc.pre(!text.includes('<|'));
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
    );
    expect(tokenizer.decode(tokenizer.encode("don 't . , !"))).toBe("don 't . , !");
  });

  it('skips special tokens unless asked, and ids of a padded vocabulary', () => {
    const tokens = Int32Array.of(...tokenizer.encode('3 + 4'), eos);
    expect(tokenizer.decode(tokens)).toBe('3 + 4');
    expect(tokenizer.decode(tokens, { skipSpecial: false })).toBe('3 + 4<|endoftext|>');
    const padded = readTokenizer(folder, vocabSize + 60);
    expect(padded.decode(Int32Array.of(vocabSize + 5, ...tokens))).toBe('3 + 4');
    expect(padded.decode(Int32Array.of(vocabSize + 5))).toBe('');
  });

  it('collects end tokens from generation_config.json, config.json and tokenizer_config.json', () => {
    expect(tokenizer.eosIds).toEqual([eos]);
    const copy = tinyModel();
    writeFileSync(join(copy, 'generation_config.json'), JSON.stringify({ eos_token_id: [eos + 1, eos] }));
    expect(readTokenizer(copy, vocabSize).eosIds).toEqual([eos, eos + 1]);
  });

  it('rejects a tokenizer that does not match the vocabulary', () => {
    expect(() => readTokenizer(folder, vocabSize - 1)).toThrow(
      `the tokenizer has ids up to ${vocabSize - 1}, but the model's vocabulary ends at ${vocabSize - 2}`,
    );
    const wrongEos = edited('config.json', (json) => {
      json.eos_token_id = vocabSize + 3;
    });
    expect(() => readTokenizer(wrongEos, vocabSize)).toThrow(/config\.json: eos_token_id is \d+, expected an id below/);
    expect(() => readTokenizer(wrongEos, vocabSize + 10)).toThrow(
      /which the tokenizer in the same folder does not have/,
    );
    const wrongName = edited('tokenizer_config.json', (json) => {
      json.eos_token = { content: '</s>' };
    });
    expect(() => readTokenizer(wrongName, vocabSize)).toThrow(
      /eos_token is <\/s>, which tokenizer\.json does not have/,
    );
  });

  it('rejects a tokenizer without an end token, a missing one and a broken one', () => {
    const endless = edited('config.json', (json) => {
      delete json.eos_token_id;
    });
    rmSync(join(endless, 'tokenizer_config.json'));
    expect(() => readTokenizer(endless, vocabSize)).toThrow(/no end token/);
    rmSync(join(endless, 'tokenizer.json'));
    expect(() => readTokenizer(endless, vocabSize)).toThrow(/tokenizer\.json: the file is missing/);
    const broken = edited('tokenizer.json', (json) => {
      json.model = { type: 'Nonsense' };
    });
    expect(() => readTokenizer(broken, vocabSize)).toThrow(/tokenizer\.json: /);
  });
});

describe('chat template', () => {
  const messages = [
    { role: 'user', content: '3 + 4' },
    { role: 'assistant', content: '7' },
    { role: 'user', content: '1 + 1' },
  ] as const;

  it('renders a conversation up to where the answer starts', () => {
    const template = readChatTemplate(folder, tokenizer.specials);
    expect(template.apply(messages, { addGenerationPrompt: true })).toBe(
      '<|user|>3 + 4<|assistant|>7<|endoftext|><|user|>1 + 1<|assistant|>',
    );
    expect(template.apply(messages.slice(0, 1), { addGenerationPrompt: false })).toBe('<|user|>3 + 4');
  });

  it('prefers chat_template.jinja, and hashes its text', () => {
    const copy = tinyModel();
    const before = readChatTemplate(copy, {}).hash;
    expect(readChatTemplate(tinyModel(), {}).hash).toBe(before);
    writeFileSync(join(copy, 'chat_template.jinja'), '{{ messages[0].content }}!');
    const template = readChatTemplate(copy, {});
    expect(template.apply(messages, { addGenerationPrompt: true })).toBe('3 + 4!');
    expect(template.hash).not.toBe(before);
  });

  it('uses the default of several templates', () => {
    const copy = edited('tokenizer_config.json', (json) => {
      json.chat_template = [
        { name: 'tool_use', template: 'T' },
        { name: 'default', template: 'D' },
      ];
    });
    expect(readChatTemplate(copy, {}).apply(messages, { addGenerationPrompt: true })).toBe('D');
  });

  it('reports a template that is missing, cannot be parsed, or fails', () => {
    const none = edited('tokenizer_config.json', (json) => {
      delete json.chat_template;
    });
    expect(() => readChatTemplate(none, {})).toThrow(/no chat template: expected chat_template\.jinja/);
    writeFileSync(join(none, 'chat_template.jinja'), '{% for m in messages %}');
    expect(() => readChatTemplate(none, {})).toThrow(/chat_template\.jinja: the chat template cannot be parsed: /);
    writeFileSync(join(none, 'chat_template.jinja'), "{{ raise_exception('only users speak') }}");
    expect(() => readChatTemplate(none, {}).apply(messages, { addGenerationPrompt: true })).toThrow(
      /failed on messages of the roles \[user, assistant, user\]: only users speak/,
    );
  });
});
