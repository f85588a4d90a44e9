import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PrivilegedContext, PrivilegedPiece } from '../../../src/privileged/store.js';
import {
  checkKinds,
  checkWindow,
  defaultTemplateText,
  parseTemplate,
  renderTeacher,
  templateHash,
} from '../../../src/privileged/template/template.js';
import type { Message } from '../../../src/records/records.js';

const piece = (kind: PrivilegedPiece['kind'], content: string, title = ''): PrivilegedPiece => ({
  id: `${kind}:1`,
  version: 'v',
  start: 0,
  end: content.length,
  truncated: false,
  kind,
  title,
  content,
});
const context = (...pieces: PrivilegedPiece[]): PrivilegedContext => ({ pieces });
const asked: Message[] = [
  { role: 'system', content: 'Be exact.' },
  { role: 'user', content: 'First?' },
  { role: 'assistant', content: 'Yes.' },
  { role: 'user', content: '2 + 3?' },
];

describe('the default template', () => {
  const template = parseTemplate(defaultTemplateText, 'default');

  it('shows the task and every kind of piece, and rewrites only the last user message', () => {
    const messages = renderTeacher(
      template,
      asked,
      context(piece('reference', '5'), piece('trace', '2 + 3 = 5'), piece('document', 'Sums.', 'Manual')),
    );
    expect(messages.slice(0, 3)).toEqual(asked.slice(0, 3));
    expect(messages).toHaveLength(4);
    expect(messages[3]?.role).toBe('user');
    expect(messages[3]?.content).toBe(
      '2 + 3?\n\nFor your eyes only, the correct final answer:\n5\n\nFor your eyes only, a solution that was worked out before:\n2 + 3 = 5\n\n' +
        'For your eyes only, passages that bear on the task:\nManual:\nSums.\n\nMake sure that you understand why this material is right. ' +
        'Then solve the task from the beginning in your own words and reach your own conclusion, without referring to the material.',
    );
  });

  it('omits the heading of a kind without pieces', () => {
    const [, , , last] = renderTeacher(template, asked, context(piece('trace', 'because')));
    expect(last?.content).toContain('because');
    expect(last?.content).not.toContain('final answer');
    expect(last?.content).not.toContain('passages');
  });

  it("returns the student's messages when there are no pieces, as in the control arm without context", () => {
    expect(renderTeacher(template, asked, context())).toBe(asked);
  });
});

describe('parseTemplate', () => {
  const code = (text: string): unknown => {
    try {
      parseTemplate(text, 'p.yaml: teach.template');
      return 'accepted';
    } catch (error) {
      return error;
    }
  };

  it.each([
    [
      '{{ question }} {{ refrence }}',
      'template-field',
      /p\.yaml: teach\.template: unknown field \{\{ refrence \}\}.*did you mean reference\?/,
    ],
    ['{{ question }} {% if documnets %}x{% endif %}', 'template-field', /documnets.*did you mean documents/],
    [
      '{{ question }} {{ xyzzy }}',
      'template-field',
      /xyzzy.*expected one of question, context, reference, trace, documents$/,
    ],
    ['{{ question }} and nothing', 'template-no-context', /the privileged context is missing/],
    ['{{ context }}', 'template-no-question', /the task is missing/],
    ['{{ question', 'template-syntax', /p\.yaml/],
    ['{% if trace %}{{ question }}', 'template-syntax', /p\.yaml/],
  ])('refuses %j', (text, expected, message) => {
    expect(code(text)).toMatchObject({ code: expected, message: expect.stringMatching(message) });
  });

  it.each([
    '{{ question }}{{ context }}',
    '{{ question | trim }}{% set hint = trace %}{{ hint | upper }}',
    '{{ question }}{% for line in context.split("\n") %}{{ loop.index }} {{ line }}{% endfor %}',
    '{{ question }}{% if reference is defined and reference %}{{ reference }}{% endif %}',
  ])('accepts %j', (text) => {
    expect(code(text)).toBe('accepted');
  });

  it('never evaluates Jinja in a question or a document', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1 }), (question, content) => {
        const template = parseTemplate('{{ question }}|{{ context }}', 't');
        const messages: Message[] = [{ role: 'user', content: question }];
        const hostile = `{{ question }}{% raw %}${content}`;
        expect(renderTeacher(template, messages, context(piece('document', hostile)))[0]?.content).toBe(
          `${question}|${hostile}`,
        );
      }),
    );
  });

  it('hashes only the text', () => {
    expect(parseTemplate('{{ question }}{{ trace }}', 'a').hash).toBe(templateHash('{{ question }}{{ trace }}'));
    expect(templateHash('{{ question }} {{ trace }}')).not.toBe(templateHash('{{ question }}{{ trace }}'));
  });
});

describe('what a template cannot show', () => {
  const traces = parseTemplate('{{ question }}{{ trace }}', 't');

  it('is refused before the start and when rendering, never dropped', () => {
    expect(() => checkKinds(traces, ['trace'], 'p.yaml')).not.toThrow();
    expect(() => checkKinds(traces, ['trace', 'reference'], 'p.yaml')).toThrow(
      /p\.yaml: context of kind reference is not shown/,
    );
    expect(() => renderTeacher(traces, asked, context(piece('document', 'x')))).toThrow(/kind document/);
    expect(() =>
      checkKinds(parseTemplate('{{ question }}{{ context }}', 't'), ['trace', 'reference', 'document'], 'p.yaml'),
    ).not.toThrow();
  });

  it('includes a conversation without a user message', () => {
    expect(() => renderTeacher(traces, [{ role: 'system', content: 's' }], context(piece('trace', 'x')))).toThrow(
      /no user message/,
    );
  });

  it('includes what exceeds the context window', () => {
    const countTokens = (text: string): number => text.length;
    const wording = 2;
    const fits = { countTokens, contextTokens: 50, maxTokens: 10, contextLength: 60 + wording };
    expect(() => checkWindow(traces, fits, 'p.yaml')).not.toThrow();
    expect(() => checkWindow(traces, { ...fits, contextLength: 61 }, 'p.yaml')).toThrow(
      "p.yaml: found 62 tokens (2 of wording, 50 of context, 10 of completion), expected at most 61, the model's context length",
    );
  });
});
