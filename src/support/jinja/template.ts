import { compileBody } from './compile/compile.js';
import { analyseBody, rootSymbols } from './compile/symbols.js';
import { UnsupportedError } from './errors.js';
import { entry, type Frame } from './frame.js';
import { parse } from './parse/parse.js';
import { defaultLimits, type Limits, withinBudget } from './runtime/budget.js';
import { toValue } from './runtime/from-json.js';
import { globals, refusedGlobals } from './runtime/globals.js';
import type { CalendarDate } from './runtime/strftime.js';

export interface RenderOptions {
  /** What `strftime_now` formats. */
  readonly date?: CalendarDate;
  readonly limits?: Readonly<Limits>;
}

export interface JinjaTemplate {
  /** Names that the template reads and never assigns, without the global functions. */
  readonly names: ReadonlySet<string>;
  /** The text that the template contains, in and outside of expressions, in pieces separated by NUL. */
  readonly literals: string;
  /** Whether the template may read the date. */
  readonly readsDate: boolean;
  /**
   * @param values JSON, by name
   * @throws {TemplateError} where Jinja fails too; `UnsupportedError` for what is refused by name; `BudgetError` when
   * it exceeds the limits
   */
  render(values: Readonly<Record<string, unknown>>, options?: RenderOptions): string;
}

/**
 * Compiles a template to render as Jinja 3.1 does in the environment of transformers: sandboxed, `trim_blocks`,
 * `lstrip_blocks`, loop controls, `{% generation %}`, `tojson` as `json.dumps`, `raise_exception` and `strftime_now`.
 * What would be rendered otherwise is refused by name. See https://jinja.palletsprojects.com/en/stable/templates.
 * @throws {TemplateError} with the line of what is malformed; `UnsupportedError`
 * @example compileTemplate('{{ 1 / 2 }} {{ [none] }}').render({}) // '0.5 [None]'
 */
export function compileTemplate(source: string): JinjaTemplate {
  const body = parse(source);
  const symbols = rootSymbols();
  analyseBody(symbols, body);
  const execute = compileBody(body, { symbols, inLoop: false });
  const enter = entry(symbols);
  const { read, written } = symbols.usage;
  const free = [...read].filter((name) => !written.has(name));
  for (const name of free)
    if (refusedGlobals.includes(name)) throw new UnsupportedError(`the function ${name} is not supported`);
  const functions = globals(undefined);
  return {
    names: new Set(free.filter((name) => !functions.has(name))),
    literals: [...literalsIn(body)].join('\0'),
    readsDate: read.has('strftime_now'),
    render: (values, { date, limits = defaultLimits } = {}) =>
      withinBudget(limits, () => {
        const context = new Map(date ? globals(date) : functions);
        for (const [name, value] of Object.entries(values)) context.set(name, toValue(value));
        const frame: Frame = { scope: symbols.scope, values: [], parent: undefined, context };
        const out: string[] = [];
        enter(frame);
        execute(frame, out);
        return out.join('');
      }),
  };
}

function* literalsIn(node: unknown): Generator<string> {
  if (typeof node !== 'object' || node === null) return;
  if ('kind' in node && node.kind === 'text' && 'text' in node) yield String(node.text);
  else if ('kind' in node && node.kind === 'const' && 'value' in node && typeof node.value === 'string')
    yield node.value;
  else for (const child of Object.values(node)) yield* literalsIn(child);
}
