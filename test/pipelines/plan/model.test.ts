import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { chatTemplateOf, templatePath } from '../../../src/pipelines/plan/model.js';

it('takes a chat template as text, or from a file beside the pipeline', () => {
  const folder = mkdtempSync(join(tmpdir(), 'template-'));
  writeFileSync(join(folder, 'chat.jinja'), 'Q: {{ messages[0].content }}');
  const text = '{% for m in messages %}{{ m.content }}{% endfor %}';
  expect(chatTemplateOf(undefined, folder)).toBeUndefined();
  expect(chatTemplateOf(text, folder)).toEqual({ where: 'model.template', source: text });
  expect(chatTemplateOf('chat.jinja', folder)).toEqual({
    where: join(folder, 'chat.jinja'),
    source: 'Q: {{ messages[0].content }}',
  });
  expect([text, 'chat.jinja', 'a\nb'].map(templatePath)).toEqual([undefined, 'chat.jinja', undefined]);
  expect(() => chatTemplateOf('caht.jinja', folder)).toThrow(
    'model.template: found "caht.jinja"; expected a Jinja template, or a file with one',
  );
});
