import { required } from '../../required.js';
import type { Body, Expression, FilterExpression, Signature, Statement, Target } from '../parse/ast.js';

/** Where a variable lives while the template renders: a slot of the function it belongs to. */
export interface Slot {
  readonly scope: FunctionScope;
  readonly index: number;
}

/** How a slot gets its value when its block is entered. */
export type Load =
  | { readonly kind: 'parameter' | 'undefined' }
  | { readonly kind: 'resolve'; readonly name: string }
  | { readonly kind: 'alias'; readonly slot: Slot };

/** A template, macro, call block, recursive loop or loop filter: what has variables of its own at run time. */
export interface FunctionScope {
  readonly parent: FunctionScope | undefined;
  /** By level and name: blocks of the same level share the slot of a name, and set it when they are entered. */
  readonly slots: Map<string, Slot>;
}

export const functionScope = (parent?: FunctionScope): FunctionScope => ({ parent, slots: new Map() });

/** Names of a whole template, for the check of what it reads. */
export interface Usage {
  readonly read: Set<string>;
  readonly written: Set<string>;
}

/**
 * The names of one block, resolved before rendering, as Jinja does. A loop, a macro and a few other blocks have names
 * of their own; an assignment in one is not seen outside. What a name means in a block is decided by all of the
 * enclosing block, also by assignments that come later.
 */
export interface Symbols {
  readonly level: number;
  readonly parent: Symbols | undefined;
  readonly scope: FunctionScope;
  readonly usage: Usage;
  /** In an `if`, where an unknown filter or test fails only when it is reached. */
  readonly isConditional: boolean;
  readonly names: Map<string, Slot>;
  readonly loads: Map<Slot, Load>;
  readonly stores: Set<string>;
}

export const rootSymbols = (): Symbols => ({
  level: 0,
  parent: undefined,
  scope: functionScope(),
  usage: { read: new Set(), written: new Set() },
  isConditional: false,
  names: new Map(),
  loads: new Map(),
  stores: new Set(),
});

/** The names of a block inside another, in the same function or in one of its own. */
export const innerSymbols = (parent: Symbols, scope = parent.scope): Symbols => ({
  level: parent.level + 1,
  parent,
  scope,
  usage: parent.usage,
  isConditional: false,
  names: new Map(),
  loads: new Map(),
  stores: new Set(),
});

/** The names of a block as seen in a branch of it. */
export const conditional = (symbols: Symbols): Symbols => ({ ...symbols, isConditional: true });

export function findSlot(symbols: Symbols, name: string): Slot | undefined {
  for (let at: Symbols | undefined = symbols; at; at = at.parent) {
    const slot = at.names.get(name);
    if (slot) return slot;
  }
  return undefined;
}

export const slotOf = (symbols: Symbols, name: string): Slot =>
  required(findSlot(symbols, name), `the name ${name} was not analysed`);

function define(symbols: Symbols, name: string, load: Load): Slot {
  const { slots } = symbols.scope;
  const key = `${symbols.level} ${name}`;
  const slot = slots.get(key) ?? { scope: symbols.scope, index: slots.size };
  slots.set(key, slot);
  symbols.names.set(name, slot);
  symbols.loads.set(slot, load);
  return slot;
}

export function declareParameter(symbols: Symbols, name: string): Slot {
  symbols.stores.add(name);
  return define(symbols, name, { kind: 'parameter' });
}

function read(symbols: Symbols, name: string): void {
  if (findSlot(symbols, name)) return;
  symbols.usage.read.add(name);
  define(symbols, name, { kind: 'resolve', name });
}

function write(symbols: Symbols, name: string): void {
  symbols.stores.add(name);
  symbols.usage.written.add(name);
  if (symbols.names.has(name)) return;
  const outer = symbols.parent && findSlot(symbols.parent, name);
  define(symbols, name, outer ? { kind: 'alias', slot: outer } : { kind: 'undefined' });
}

const copy = (symbols: Symbols): Symbols => ({
  ...symbols,
  names: new Map(symbols.names),
  loads: new Map(symbols.loads),
  stores: new Set(symbols.stores),
});

/** After the branches of an `if`: a name that only some of them set keeps its outer value in the others. */
function merge(symbols: Symbols, branches: readonly Symbols[]): void {
  const added = new Set(branches.flatMap((branch) => [...branch.stores]).filter((name) => !symbols.stores.has(name)));
  for (const branch of branches) {
    for (const [name, slot] of branch.names) symbols.names.set(name, slot);
    for (const [slot, load] of branch.loads) symbols.loads.set(slot, load);
    for (const name of branch.stores) symbols.stores.add(name);
  }
  for (const name of added) {
    const outer = symbols.parent && findSlot(symbols.parent, name);
    symbols.loads.set(slotOf(symbols, name), outer ? { kind: 'alias', slot: outer } : { kind: 'resolve', name });
  }
}

export function analyseBody(symbols: Symbols, body: Body): void {
  for (const statement of body) analyse(symbols, statement);
}

export function analyseSignature(symbols: Symbols, { parameters, defaults }: Signature): void {
  for (const name of parameters) {
    symbols.usage.written.add(name);
    declareParameter(symbols, name);
  }
  for (const value of defaults) analyseExpression(symbols, value);
}

/** A statement as its enclosing block sees it: without the bodies that have names of their own. */
function analyse(symbols: Symbols, statement: Statement): void {
  switch (statement.kind) {
    case 'print':
    case 'with':
      for (const value of statement.values) analyseExpression(symbols, value);
      break;
    case 'if': {
      analyseExpression(symbols, statement.test);
      const branches = [copy(symbols), copy(symbols), copy(symbols)] as const;
      analyseBody(branches[0], statement.body);
      for (const branch of statement.elseIfs)
        analyse(branches[1], { kind: 'if', ...branch, elseIfs: [], otherwise: [], line: statement.line });
      analyseBody(branches[2], statement.otherwise);
      merge(symbols, branches);
      break;
    }
    case 'for':
      analyseExpression(symbols, statement.iterable);
      break;
    case 'set':
      analyseExpression(symbols, statement.value);
      analyseTarget(symbols, statement.target);
      break;
    case 'capture':
      analyseTarget(symbols, statement.target);
      break;
    case 'macro':
      write(symbols, statement.name);
      break;
    case 'call':
      analyseExpression(symbols, statement.call);
      break;
    case 'filterBlock':
      analyseExpression(symbols, statement.filter);
  }
}

export function analyseTarget(symbols: Symbols, target: Target, asParameter = false): void {
  if (target.kind === 'tuple') for (const item of target.items) analyseTarget(symbols, item, asParameter);
  else if (target.kind === 'member') read(symbols, target.name);
  else if (asParameter) {
    symbols.usage.written.add(target.name);
    declareParameter(symbols, target.name);
  } else write(symbols, target.name);
}

export function analyseExpression(symbols: Symbols, expression: Expression | FilterExpression): void {
  for (const name of namesIn(expression)) read(symbols, name);
}

/** Names that an expression reads, in the order of its text. */
export function* namesIn(node: unknown): Generator<string> {
  if (Array.isArray(node)) for (const item of node) yield* namesIn(item);
  else if (typeof node === 'object' && node !== null) {
    if ('kind' in node && node.kind === 'name' && 'name' in node) yield String(node.name);
    else for (const child of Object.values(node)) yield* namesIn(child);
  }
}

/** Which of the special names a body reads before it assigns them, in it or in any block inside. */
export function undeclared(body: Body, names: readonly string[]): ReadonlySet<string> {
  const open = new Set(names);
  const found = new Set<string>();
  const target = (node: Target): void => {
    if (node.kind === 'tuple') node.items.forEach(target);
    else if (node.kind === 'name') open.delete(node.name);
  };
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    else if (typeof node !== 'object' || node === null) return;
    else if ('kind' in node && node.kind === 'name' && 'name' in node) {
      if (open.has(String(node.name))) found.add(String(node.name));
    } else
      for (const [key, child] of Object.entries(node)) {
        if (key === 'target') target(child as Target);
        else if (key === 'targets') (child as readonly Target[]).forEach(target);
        else if (key === 'parameters') for (const name of child as readonly string[]) open.delete(name);
        else visit(child);
      }
  };
  visit(body);
  return found;
}
