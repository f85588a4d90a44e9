import { describe, expect, it } from 'vitest';
import { codeBlocks, pickBlock } from '../../../src/verifiers/code/block.js';
import { compareOutput } from '../../../src/verifiers/code/outcome.js';

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
    ['none in bare text', 'print(3)', undefined],
    ['none in other languages only', '```ruby\na\n```', undefined],
  ])('is %s', (_, completion, code) => {
    expect(pickBlock(completion, ['python'])?.code).toBe(code);
  });

  it('can be the first one, and JavaScript if TypeScript is expected', () => {
    expect(pickBlock('```python\na\n```\n```python\nb\n```', ['python'], 'first')?.code).toBe('a');
    expect(pickBlock('```js\na\n```', ['typescript'])).toEqual({ language: 'typescript', code: 'a' });
    expect(pickBlock('```ts\na\n```', ['javascript'])).toBeUndefined();
  });

  it('is found in linear time', () => {
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
