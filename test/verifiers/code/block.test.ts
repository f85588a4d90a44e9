import { describe, expect, it } from 'vitest';
import { codeBlocks, pickBlock } from '../../../src/verifiers/code/block.js';
import { definesFor } from '../../../src/verifiers/code/defined.js';
import { compareOutput } from '../../../src/verifiers/code/outcome.js';
import { readCodeTask } from '../../../src/verifiers/code/tests.js';

describe('the code block of a completion', () => {
  it.each([
    ['the only one', '```python\na\n```', 'a'],
    ['one with another name of the language', '```Python3\na\n```', 'a'],
    ['one with attributes', '```python title="x.py"\na\n```', 'a'],
    ['one without a label', '```\na\n```', 'a'],
    ['one that is never closed', '```python\na\nb', 'a\nb'],
    ['one of tildes', '~~~python\na\n~~~', 'a'],
    ['one of four backticks around three', '````python\na\n```\nb\n````', 'a\n```\nb'],
    ['one with Windows line ends', '```python\r\na\r\nb\r\n```\r\n', 'a\nb'],
    ['one in a list, without its indentation', '1. So:\n    ```python\n    if a:\n      b\n    ```', 'if a:\n  b'],
    ['the last of several', '```python\na\n```\nbetter:\n```py\nb\n```', 'b'],
    ['the labelled one, not the output beside it', '```python\na\n```\nIt prints\n```\n3\n```', 'a'],
    ['not one in another language', '```python\na\n```\n```bash\npython a.py\n```', 'a'],
    ['not an empty one', '```python\na\n```\n```python\n\n```', 'a'],
    ['not inline code', 'Run ```a``` or `b`', undefined],
    [
      'the whole of one with a fence in a text',
      "```python\ns = '''\n```\na\n```\n'''\nb\n```\n",
      "s = '''\n```\na\n```\n'''\nb",
    ],
    [
      'the whole of one with a fence in a docstring',
      '```python\n"""\n    ```\n    a\n    ```\n"""\nb\n```\nc',
      '"""\n    ```\n    a\n    ```\n"""\nb',
    ],
    ['one in which a text is never closed', "```python\ns = '''\n```\nc", "s = '''"],
    ['one with quotes in a comment', "```python\n# don't '''\na\n```\nc", "# don't '''\na"],
    ['one on one line', '```python a```', 'a'],
    ['one on one line without a label', '```f(1)```', 'f(1)'],
    ['one that is closed at the end of its last line', '```python\na\nb```\nc', 'a\nb'],
    ['a quoted one', '> ```python\n> if a:\n>   b\n> ```\nc', 'if a:\n  b'],
    ['one with classes', '```{.python .numberLines}\na\n```', 'a'],
    ['none in bare text', 'print(3)', undefined],
    ['none in other languages only', '```ruby\na\n```', undefined],
  ])('is %s', (_, completion, code) => {
    expect(pickBlock(completion, ['python'])?.code).toBe(code);
  });

  it('can be the first one, and JavaScript if TypeScript is expected', () => {
    expect(pickBlock('```python\na\n```\n```python\nb\n```', ['python'], { which: 'first' })?.code).toBe('a');
    expect(pickBlock('```js\na\n```', ['typescript'])).toEqual({ language: 'typescript', code: 'a' });
    expect(pickBlock('```ts\na\n```', ['javascript'])).toBeUndefined();
  });

  it.each([
    ['python', '/*\n```\n*/', '/*'],
    ['c', 'int a; /*\n```\n*/', 'int a; /*\n```\n*/'],
    ['c++', 'auto s = R"x(\n```\n)x";', 'auto s = R"x(\n```\n)x";'],
    ['rust', 'let s = r#"\n```\n"#;', 'let s = r#"\n```\n"#;'],
    ['java', 'String s = """\n```\n""";', 'String s = """\n```\n""";'],
    ['javascript', "const a = '/*';\n```\nx", "const a = '/*';"],
  ])('ends at a fence outside of literals of %s: %j', (language, code, found) => {
    const fence = '```';
    expect(pickBlock([fence + language, code, fence, ''].join('\n'), [language])?.code).toBe(found);
  });

  it.each([
    ['defines what the tests name', { testFile: 'assert f(1) == 2' }],
    ['defines the entry point', { testFile: 'def check(c): assert c(1) == h(1)', entryPoint: 'f' }],
    ['does not only define what the tests define', { testFile: 'def g(): pass\nassert f(g) == 2' }],
  ])('is the last one that %s', (_, tests) => {
    const score = definesFor(readCodeTask(tests, '').tests);
    const blocks =
      '```python\ndef f(x): return 1\n```\n```python\ndef f(x): return x + 1\n```\n```python\ndef h(x): pass\ndef g(): pass\nprint(f(1))\n```';
    expect(pickBlock(blocks, ['python'], { score })?.code).toBe('def f(x): return x + 1');
  });

  it('is found in linear time', () => {
    const spaces = ' '.repeat(200_000);
    for (const text of [`\`\`\`${spaces}x`, `\`\`\`python\n${"'".repeat(200_000)}`, `\`\`\`${spaces}\``])
      expect(codeBlocks(text, 'python').length).toBeLessThan(2);
    expect(codeBlocks('`'.repeat(200_000)).length).toBe(1);
    expect(codeBlocks(`${' '.repeat(200_000)}\`\`\`x`).length).toBe(1);
    expect(codeBlocks('```\n'.repeat(50_000)).length).toBe(25_000);
  });
});

describe('output comparison', () => {
  it.each([
    ['3', '3\n', 'pass'],
    ['3  \n\n\n', '3', 'pass'],
    ['a\r\nb\r\n', 'a\nb\n', 'pass'],
    ['a \nb', 'a\nb', 'pass'],
    ['', '', 'pass'],
    [' 3', '3', 'fail'],
    ['\n3', '3', 'fail'],
    ['3.0', '3', 'fail'],
    ['a  b', 'a b', 'fail'],
    ['a\n\nb', 'a\nb', 'fail'],
    ['A', 'a', 'fail'],
    ['', '3', 'fail'],
    ['3\n4', '3', 'fail'],
  ])('%j for %j: %s', (found, expected, outcome) => {
    expect(compareOutput(found, expected).outcome).toBe(outcome);
  });
});
