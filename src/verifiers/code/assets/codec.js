/**
 * Values as JSON and back, used on both sides. It keeps its own references to the built-ins, which the program may
 * patch later.
 */
export function createCodec() {
  const { parse, stringify } = JSON;
  const { getPrototypeOf, entries, defineProperty } = Object;
  const { isArray } = Array;
  const encode = (value, keep, depth = 0) => {
    if (depth > 500) throw new RangeError('the value is nested too deeply');
    const inner = (one) => encode(one, keep, depth + 1);
    if (value === undefined) return { u: 1 };
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
    if (typeof value === 'number')
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { n: Object.is(value, -0) ? '-0' : String(value) };
    if (typeof value === 'bigint') return { i: String(value) };
    if (isArray(value)) return Array.from(value, inner);
    if (typeof value === 'object') {
      const prototype = getPrototypeOf(value);
      if (prototype === Object.prototype || prototype === null)
        return { o: entries(value).map(([k, v]) => [k, inner(v)]) };
      if (prototype === Map.prototype) return { m: [...value].map(([k, v]) => [inner(k), inner(v)]) };
      if (prototype === Set.prototype) return { s: [...value].map(inner) };
      if (prototype === Date.prototype) return { d: Number(value) };
      if (prototype === RegExp.prototype) return { x: [value.source, value.flags] };
    }
    return keep(value);
  };
  const decode = (value, ref) => {
    if (value === null || typeof value !== 'object') return value;
    const inner = (one) => decode(one, ref);
    if (isArray(value)) return value.map(inner);
    const [[kind, x]] = entries(value);
    if (kind === 'u') return undefined;
    if (kind === 'n') return Number(x);
    if (kind === 'i') return BigInt(x);
    if (kind === 'm') return new Map(x.map(([k, v]) => [inner(k), inner(v)]));
    if (kind === 's') return new Set(x.map(inner));
    if (kind === 'd') return new Date(x);
    if (kind === 'x') return new RegExp(x[0], x[1]);
    if (kind === 'r') return ref(x);
    if (kind !== 'o') throw new TypeError('unknown value');
    const object = {};
    for (const [k, v] of x)
      defineProperty(object, k, { value: inner(v), writable: true, enumerable: true, configurable: true });
    return object;
  };
  const failure = (error) => {
    try {
      return { e: String(error?.name ?? typeof error), m: String(error?.message ?? error).slice(0, 500) };
    } catch {
      return { e: 'Error', m: '' };
    }
  };
  return { encode, decode, failure, parse, stringify, entries, isArray, getPrototypeOf, defineProperty };
}
