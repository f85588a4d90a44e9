import { at } from '../../required.js';
import { TemplateError } from '../errors.js';
import { Callable, type Keywords, type Value } from './values.js';

/** A parameter of a built-in function: its name, and its default where it has one. */
export type Parameter = string | readonly [name: string, byDefault: Value];

export const noKeywords: Keywords = new Map();

/**
 * Arguments in the order of the parameters, as Python binds them.
 * @throws {TemplateError} for one too many, a missing and an unknown one
 */
export function bind(
  name: string,
  parameters: readonly Parameter[],
  positional: readonly Value[],
  keywords: Keywords,
): Value[] {
  if (positional.length > parameters.length)
    throw new TemplateError(`${name} takes at most ${parameters.length} arguments, found ${positional.length}`);
  const names = parameters.map((parameter) => (typeof parameter === 'string' ? parameter : parameter[0]));
  for (const keyword of keywords.keys()) {
    const index = names.indexOf(keyword);
    if (index < 0) throw new TemplateError(`${name} takes no argument ${keyword}`);
    if (index < positional.length) throw new TemplateError(`${name} is given ${keyword} twice`);
  }
  return parameters.map((parameter, i) => {
    const value = i < positional.length ? positional[i] : keywords.get(at(names, i));
    if (value !== undefined) return value;
    if (typeof parameter === 'string') throw new TemplateError(`${name} needs the argument ${parameter}`);
    return parameter[1];
  });
}

/** A function that binds its arguments to its parameters. */
export const builtin = (
  name: string,
  parameters: readonly Parameter[],
  run: (...values: Value[]) => Value,
  positionalOnly = false,
): Callable =>
  new Callable(name, (positional, keywords) => {
    if (positionalOnly && keywords.size > 0) throw new TemplateError(`${name} takes no keyword arguments`);
    return run(...bind(name, parameters, positional, keywords));
  });
