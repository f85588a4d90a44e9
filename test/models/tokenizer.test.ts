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

const modelOf = (json: Record<string, unknown>) => json.model as Record<string, unknown>;
const vocabularyOf = (json: Record<string, unknown>) => modelOf(json).vocab as Record<string, number>;
const addToken = (json: Record<string, unknown>, token: object): void => {
  (json.added_tokens as object[]).push(token);
};

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

  it.each<[string, (json: Record<string, unknown>) => void, RegExp]>([
    [
      'an id beyond memory',
      (json) => addToken(json, { id: 2 ** 31, content: '<|x|>' }),
      /"<\|x\|>" has id 2147483648; is it the tokenizer of another model\?/,
    ],
    [
      'an id that is no integer',
      (json) => addToken(json, { id: 1.5, content: '<|x|>' }),
      /added_tokens: "<\|x\|>" has id 1.5, expected an integer from 0/,
    ],
    ['an added token without an id', (json) => addToken(json, { content: '<|x|>' }), /"<\|x\|>" has no id/],
    ['an id below 0', (json) => addToken(json, { id: -1, content: '<|x|>' }), /has id -1/],
    ['an added token without content', (json) => addToken(json, { id: 3 }), /added_tokens: found \{"id":3\}/],
    ['an id of two tokens', (json) => addToken(json, { id: 0, content: '<|x|>' }), /has id 0, which is that of "Ā"/],
    [
      'a large id in the vocabulary',
      (json) => Object.assign(vocabularyOf(json), { zz: 1e15 }),
      /"zz" has id 1000000000000000/,
    ],
    [
      'a merge of unknown tokens',
      (json) => Object.assign(modelOf(json), { merges: ['qq zz'] }),
      /model\.merges\[0\]: "qq" is not in model\.vocab/,
    ],
    ['a merge of three', (json) => Object.assign(modelOf(json), { merges: [['a', 'b', 'c']] }), /expected two tokens/],
    ['no merges', (json) => Object.assign(modelOf(json), { merges: null }), /model\.merges is missing/],
    ['no vocabulary', (json) => Object.assign(modelOf(json), { vocab: null }), /model\.vocab is missing/],
  ])('rejects %s before anything is built', (_, edit, message) => {
    expect(() => readTokenizer(edited('tokenizer.json', edit), vocabSize)).toThrow(message);
  });

  it.each<[string, (json: Record<string, unknown>) => void, RegExp]>([
    ['a decoder without a type', (json) => Object.assign(json, { decoder: {} }), /a Decoder has no type/],
  ])('rejects %s', (_, edit, message) => {
    expect(() => readTokenizer(edited('tokenizer.json', edit), vocabSize)).toThrow(message);
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
    const template = readChatTemplate(folder, tokenizer);
    expect(template.apply(messages, { addGenerationPrompt: true })).toBe(
      '<|user|>3 + 4<|assistant|>7<|endoftext|><|user|>1 + 1<|assistant|>',
    );
    expect(template.apply(messages.slice(0, 1), { addGenerationPrompt: false })).toBe('<|user|>3 + 4');
  });

  it('prefers chat_template.jinja, and hashes its text', () => {
    const copy = tinyModel();
    const before = readChatTemplate(copy, tokenizer).hash;
    expect(readChatTemplate(tinyModel(), tokenizer).hash).toBe(before);
    writeFileSync(join(copy, 'chat_template.jinja'), '{{ messages[0].content }}!');
    const template = readChatTemplate(copy, tokenizer);
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
    expect(readChatTemplate(copy, tokenizer).apply(messages, { addGenerationPrompt: true })).toBe('D');
  });

  it('takes another in place of the folder, hashes it and names it in errors', () => {
    const own = readChatTemplate(folder, tokenizer);
    const given = (source: string) => readChatTemplate(folder, tokenizer, { where: 'model.template', source });
    const template = given('{{ messages[0].content }}?');
    expect(template.apply(messages, { addGenerationPrompt: true })).toBe('3 + 4?');
    expect(template.hash).not.toBe(own.hash);
    expect(() => given('{% if %}')).toThrow(/^model\.template: the chat template cannot be used: line 1: /);
  });

  it('reports a template that is missing, cannot be parsed, or fails', () => {
    const none = edited('tokenizer_config.json', (json) => {
      delete json.chat_template;
    });
    expect(() => readChatTemplate(none, tokenizer)).toThrow(/no chat template: expected chat_template\.jinja/);
    writeFileSync(join(none, 'chat_template.jinja'), '{% for m in messages %}');
    expect(() => readChatTemplate(none, tokenizer)).toThrow(
      /chat_template\.jinja: the chat template cannot be used: line 1: /,
    );
    writeFileSync(join(none, 'chat_template.jinja'), "{{ raise_exception('only users speak') }}");
    expect(() => readChatTemplate(none, tokenizer).apply(messages, { addGenerationPrompt: true })).toThrow(
      /failed on messages of the roles \[user, assistant, user\]: line 1: only users speak/,
    );
  });
});

describe('special tokens in a message', () => {
  const template = readChatTemplate(folder, tokenizer);
  const ids = (content: string) => [...template.encode([{ role: 'user', content }], { addGenerationPrompt: true })];
  const [user, assistant] = [eos + 2, eos + 3];

  it('are text, and those of the template are tokens', () => {
    const spelled = [...tokenizer.encodePlain('<|endoftext|>')];
    expect(spelled).not.toContain(eos);
    expect(tokenizer.decode(Int32Array.from(spelled))).toBe('<|endoftext|>');
    expect(ids('3<|endoftext|> + 4')).toEqual([
      user,
      ...tokenizer.encode('3'),
      ...spelled,
      ...tokenizer.encode(' + 4'),
      assistant,
    ]);
  });

  it('cannot be forged with the marks that tell them apart', () => {
    const expected = ids('<|endoftext|>');
    for (const forged of [
      '\u{f0000}<|endoftext|>',
      '<|endoftext|>\u{f0001}',
      '<|end\u{f0000}oftext|>',
      '\u{f0001}<|endoftext|>\u{f0000}',
    ])
      expect(ids(forged)).toEqual(expected);
  });

  it('never add a control token, whatever a message contains', () => {
    const parts = fc.constantFrom(
      '<|endoftext|>',
      '<|user|>',
      '<|',
      '|>',
      'user',
      '3',
      ' ',
      '\u{f0000}',
      '\u{f0001}',
      'é',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 8 }), (content) => {
        const special = ids(content.join('')).filter((id) => id >= eos);
        expect(special).toEqual([user, assistant]);
      }),
    );
  });

  it('leave ordinary messages as they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (content) => {
        fc.pre(!content.includes('<|'));
        const text = template.apply([{ role: 'user', content }], { addGenerationPrompt: true });
        expect(ids(content)).toEqual([...tokenizer.encode(text)]);
      }),
    );
  });
});

describe('chat templates as transformers renders them', () => {
  const rendered = (source: string, date?: { year: number; month: number; day: number }) => {
    const copy = tinyModel();
    writeFileSync(join(copy, 'chat_template.jinja'), source);
    return readChatTemplate(copy, tokenizer).apply([{ role: 'user', content: '1' }], {
      addGenerationPrompt: false,
      ...(date && { date }),
    });
  };

  it('have no tools and no documents, which are None', () => {
    expect(rendered('{{ tools is none }}{{ documents is none }}{{ tools }}{{ eos_token }}')).toBe(
      'TrueTrueNone<|endoftext|>',
    );
  });

  it('read the date that they are given, and no clock', () => {
    const source = "{{ strftime_now('%d %b %Y') }}";
    expect(rendered(source, { year: 2024, month: 2, day: 29 })).toBe('29 Feb 2024');
    expect(() => rendered(source)).toThrow(/strftime_now needs a date/);
  });

  it('end when they do not end', () => {
    expect(() => rendered('{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}')).toThrow(
      /chat_template\.jinja: the chat template failed .*too many steps/,
    );
  });
});
