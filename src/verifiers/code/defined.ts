import type { Tests } from './tests.js';

// Functions and classes of Python, JavaScript and TypeScript at the top of a file.
const functions =
  /^(?:export\s+)?(?:default\s+)?(?:async\s+)?(?:def|class|function\*?|interface|enum|type)\s+([A-Za-z_$][\w$]*)|^(?:export\s+)?(?:const|let|var)\s+([A-Za-z_$][\w$]*)\s*(?::[^=]*)?=\s*(?:async\b|function\b|class\b|\(|[\w$]+\s*=>)|^([A-Za-z_]\w*)\s*=\s*lambda\b|^(?:module\.)?exports\.([A-Za-z_$][\w$]*)\s*=/gm;
const words = /[A-Za-z_$][\w$]*/g;

/**
 * How much of what the tests use a block of code defines: the entry point counts most, then functions and classes that
 * the tests name and do not define themselves.
 */
export function definesFor(tests: Tests): (code: string) => number {
  if (tests.kind === 'output') return () => 0;
  const text = tests.kind === 'file' ? tests.source : tests.assertions.join('\n');
  const entry = tests.kind === 'file' ? tests.entryPoint : undefined;
  const used = new Set(text.match(words) ?? []);
  for (const name of namesIn(text)) used.delete(name);
  return (code) => {
    const defined = namesIn(code);
    const known = [...defined].filter((name) => used.has(name)).length;
    return known + (entry !== undefined && defined.has(entry) ? 1000 : 0);
  };
}

const namesIn = (code: string): ReadonlySet<string> =>
  new Set([...code.matchAll(functions)].map(([, a, b, c, d]) => a ?? b ?? c ?? d ?? ''));
